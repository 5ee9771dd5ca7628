#include "base/keccak.hpp"

#include <bit>

#include "base/assert.hpp"
#include "base/crypto.hpp"
#include "base/keccak_f.hpp"

namespace weft::keccak {

#ifdef WEFT_HAVE_KECCAK_AVX2
namespace detail {
void permute4_avx2(unsigned long long* state);
}
#endif

static_assert(std::endian::native == std::endian::little, "lanes are read as they lie in memory");

namespace {

using Word = std::uint64_t;

void permute(Word* state) {
  KeccakWord lanes[25];
  std::copy_n(state, 25, lanes);
  keccak_permute(lanes);
  std::copy_n(lanes, 25, state);
}

void permute4(Word* state) {
#ifdef WEFT_HAVE_KECCAK_AVX2
  static const bool wide = __builtin_cpu_supports("avx2") != 0;
  if (wide) return detail::permute4_avx2(reinterpret_cast<unsigned long long*>(state));
#endif
  for (std::size_t stream = 0; stream < 4; ++stream) {
    Word one[25];
    for (std::size_t i = 0; i < 25; ++i) one[i] = state[4 * i + stream];
    permute(one);
    for (std::size_t i = 0; i < 25; ++i) state[4 * i + stream] = one[i];
  }
}

void xor_byte(Word* state, std::size_t at, std::uint8_t value) {
  state[at / 8] ^= static_cast<Word>(value) << (8 * (at % 8));
}

Word load(ByteView in, std::size_t at) {
  Word out = 0;
  std::memcpy(&out, in.data() + at, std::min<std::size_t>(8, in.size() - at));
  return out;
}

template <class Memory>
void wipe(Memory& memory) {
  crypto::wipe({reinterpret_cast<std::uint8_t*>(&memory), sizeof memory});
}

}  // namespace

Sponge::~Sponge() { wipe(state_); }

Sponge& Sponge::absorb(ByteView in) {
  WEFT_ASSERT(!squeezing_);
  while (!in.empty()) {
    if (position_ % 8 == 0 && in.size() >= 8 && rate_ - position_ >= 8) {
      state_[position_ / 8] ^= load(in, 0);
      position_ += 8;
      in = in.subspan(8);
    } else {
      xor_byte(state_, position_++, in[0]);
      in = in.subspan(1);
    }
    if (position_ == rate_) {
      permute(state_);
      position_ = 0;
    }
  }
  return *this;
}

Sponge& Sponge::squeeze(MutableByteView out) {
  if (!squeezing_) {
    xor_byte(state_, position_, suffix_);
    xor_byte(state_, rate_ - 1, 0x80);
    squeezing_ = true;
    position_ = rate_;
  }
  while (!out.empty()) {
    if (position_ == rate_) {
      permute(state_);
      position_ = 0;
    }
    const auto n = std::min(out.size(), rate_ - position_);
    std::memcpy(out.data(), reinterpret_cast<const std::uint8_t*>(state_) + position_, n);
    position_ += n;
    out = out.subspan(n);
  }
  return *this;
}

ByteArray<32> sha3_256(std::initializer_list<ByteView> parts) {
  auto sponge = Sponge::sha3_256();
  for (const auto part : parts) sponge.absorb(part);
  ByteArray<32> out;
  sponge.squeeze(out);
  return out;
}

ByteArray<64> sha3_512(std::initializer_list<ByteView> parts) {
  auto sponge = Sponge::sha3_512();
  for (const auto part : parts) sponge.absorb(part);
  ByteArray<64> out;
  sponge.squeeze(out);
  return out;
}

FourShakes::FourShakes(std::size_t rate, const std::array<ByteView, 4>& inputs)
    : state_{}, rate_(rate) {
  for (std::size_t stream = 0; stream < 4; ++stream) {
    const auto in = inputs[stream];
    WEFT_ASSERT(in.size() < rate);
    Word one[25] = {};
    for (std::size_t at = 0; at < in.size(); at += 8) one[at / 8] = load(in, at);
    xor_byte(one, in.size(), 0x1f);
    xor_byte(one, rate - 1, 0x80);
    for (std::size_t i = 0; i < 25; ++i) state_[4 * i + stream] = one[i];
    wipe(one);
  }
}

FourShakes::~FourShakes() { wipe(state_); }

void FourShakes::next(const std::array<MutableByteView, 4>& out) {
  permute4(state_);
  for (std::size_t stream = 0; stream < 4; ++stream)
    for (std::size_t at = 0; at < rate_; at += 8)
      std::memcpy(out[stream].data() + at, &state_[at / 2 + stream], 8);
}

}  // namespace weft::keccak
