// How many bytes a second a relay forwards, and whose. Nothing waits here: what is over the limit
// is dropped at once, so a queue of 50 ms is only reckoned, never held.
//
// A client's own part is the rate divided by the clients that sent in this second or the last: up
// to kReckoned ahead of it passes always. What the others leave of theirs is divided evenly among
// those who want more: each may have the same further rate, which falls while the whole is ahead
// and rises while it is not. So one alone gets the whole rate, and beside ten greedy ones a polite
// one loses nothing. An idle client's next datagram passes whatever its size.
//
// Times are those at which what was accepted would have left a line of that rate (GCRA).
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace weft::relay {

class FairRate {
 public:
  static constexpr Duration kReckoned = 50ms;
  static constexpr Duration kAdjust = 10ms;  // the further rate, so often
  // Of the whole, whatever the parts say: they are reckoned by how many were active.
  static constexpr Duration kMost = 200ms;

  struct Client {
    Instant own{};             // when what its part let through would have left
    Instant more{};            // and what passed beyond it
    std::int64_t second = -1;  // in which it last sent
  };

  // Bytes a second; 0: no limit.
  explicit FairRate(std::uint64_t rate) : rate_(rate) {}
  void set_rate(std::uint64_t rate) { rate_ = rate; }
  [[nodiscard]] std::uint64_t rate() const { return rate_; }

  [[nodiscard]] bool take(Instant now, Client& client, std::size_t bytes);
  // How full the last second was, 0 to 1000.
  [[nodiscard]] std::uint32_t load_permille(Instant now) const;

 private:
  void note_active(Instant now, Client& client);
  void adjust(Instant now);
  [[nodiscard]] std::int64_t active() const { return before_ > here_ ? before_ : here_; }

  std::uint64_t rate_;
  Instant whole_{};
  Instant adjusted_{};
  double divisor_ = 1;  // of the rate: what each may have beyond its part
  std::int64_t second_ = -1;
  std::int64_t here_ = 0;    // clients that sent in this second
  std::int64_t before_ = 0;  // in the one before
  std::uint64_t bytes_here_ = 0;
  std::uint64_t bytes_before_ = 0;
};

}  // namespace weft::relay
