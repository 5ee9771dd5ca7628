// The fingerprint of a run, in parts: each shard hashes (XXH3, 128 bits: nobody forges a run of
// his own, and SHA-256 took a thirteenth of the time) what is delivered to its nodes as
//   time u64 | from u32 | to u32 | size u16 | bytes        (big-endian)
// and the fingerprint is the SHA-256 of the parts in order. Two runs with the same fingerprint
// delivered the same bytes at the same times.
#pragma once

#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace weft::sim {

class Digest {
 public:
  using Value = ByteArray<16>;

  Digest();
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void add(Instant at, std::uint32_t from, std::uint32_t to, ByteView bytes);
  // Of everything so far; more may be added after.
  [[nodiscard]] Value value();

 private:
  struct State;
  void flush();
  std::unique_ptr<State> state_;
  Bytes buffer_;
};

[[nodiscard]] ByteArray<32> combine(std::span<const Digest::Value> parts);

}  // namespace weft::sim
