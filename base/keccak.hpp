// SHA-3 and SHAKE (FIPS 202), as ML-KEM needs them: small, allocation-free, four at a time where
// the CPU has AVX2. In-tree because a provider round trip of OpenSSL 3 per hash costs more than the
// hash. Constant time: no branch or index depends on the data.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/bytes.hpp"

namespace weft::keccak {

inline constexpr std::size_t kShake128Rate = 168;
inline constexpr std::size_t kShake256Rate = 136;

// Absorb any number of times, then squeeze any number of times.
class Sponge {
 public:
  static Sponge shake128() { return Sponge(kShake128Rate, 0x1f); }
  static Sponge shake256() { return Sponge(kShake256Rate, 0x1f); }
  static Sponge sha3_256() { return Sponge(136, 0x06); }
  static Sponge sha3_512() { return Sponge(72, 0x06); }
  ~Sponge();  // wipes

  Sponge& absorb(ByteView in);
  Sponge& squeeze(MutableByteView out);

 private:
  Sponge(std::size_t rate, std::uint8_t suffix) : rate_(rate), suffix_(suffix) {}

  std::uint64_t state_[25] = {};
  std::size_t rate_;
  std::size_t position_ = 0;
  std::uint8_t suffix_;
  bool squeezing_ = false;
};

ByteArray<32> sha3_256(std::initializer_list<ByteView> parts);
ByteArray<64> sha3_512(std::initializer_list<ByteView> parts);

// Four SHAKE streams in lockstep; the input of each is one block, shorter than the rate.
class FourShakes {
 public:
  // `inputs` are four views of equal size. `rate` is kShake128Rate or kShake256Rate.
  FourShakes(std::size_t rate, const std::array<ByteView, 4>& inputs);
  FourShakes(const FourShakes&) = delete;
  FourShakes& operator=(const FourShakes&) = delete;
  ~FourShakes();  // wipes

  // The next block of each stream; each `out` holds `rate` bytes.
  void next(const std::array<MutableByteView, 4>& out);

 private:
  alignas(32) std::uint64_t state_[25 * 4];  // lane i of stream s at 4 i + s
  std::size_t rate_;
};

}  // namespace weft::keccak
