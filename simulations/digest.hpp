// The fingerprint of a run: SHA-256 over every delivered datagram as
//   time u64 | from u32 | to u32 | size u16 | bytes        (big-endian)
// Two runs with the same fingerprint delivered the same bytes at the same times.
// Rows are gathered in blocks; with a thread of its own the hashing goes on beside the simulation,
// block after block in order, so the result does not depend on it.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace weft::sim {

class Digest {
 public:
  explicit Digest(bool own_thread = false);
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void add(Instant at, std::uint32_t from, std::uint32_t to, ByteView bytes);
  // Of everything so far; more may be added after.
  [[nodiscard]] std::string hex();
  [[nodiscard]] std::uint64_t datagrams() const { return datagrams_; }

 private:
  struct State;
  void flush();
  void hash(const Bytes& block);
  void work();
  std::unique_ptr<State> state_;
  Bytes buffer_;
  std::uint64_t datagrams_ = 0;
};

}  // namespace weft::sim
