// How often a line of one kind is written. Whoever may ask a service, or may not, decides how often
// it fails, so a line is written kBurst times a minute for one kind, and then counted.
//
// A kind is the event with the peer, the service and the reason it names, or, where it has no event
// of its own, the whole text. Events of one name take at most a quarter of what the others leave of
// the table; what finds no room is one kind, "other". What operators did, and that the node starts
// and stops, is always written, and so is what they asked for by the level debug.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace weft::log {

class Limiter {
 public:
  static constexpr Duration kPeriod = 60s;
  static constexpr unsigned kBurst = 5;
  static constexpr unsigned kOtherBurst = 60;
  static constexpr std::size_t kMaxKinds = 512;

  // A line: "event=target_failed service=blog peer=b err=...". True: write it.
  [[nodiscard]] bool admit(Instant now, std::string_view line);
  struct HeldBack {
    std::string of;     // the event
    std::string about;  // "service=blog peer=b"
    std::uint64_t count = 0;
    // event=repeated of=target_failed service=blog peer=b count=4999 msg="4999 more in the last
    // minute"
    [[nodiscard]] std::string line() const;
  };
  // What was held back in the minutes that ended.
  [[nodiscard]] std::vector<HeldBack> due(Instant now);
  // The same of all, because the node ends.
  [[nodiscard]] std::vector<HeldBack> rest();

 private:
  struct Kind {
    Instant since{};
    std::uint64_t count = 0;
    unsigned burst = kBurst;
    std::string event;
  };
  std::vector<HeldBack> tell(bool all, Instant now);

  std::map<std::string, Kind, std::less<>> kinds_;
  std::map<std::string, std::size_t, std::less<>> of_event_;
};

// The value of `key` in a line of logfmt, as it stands there, quotes included; empty: none.
[[nodiscard]] std::string_view field_of(std::string_view line, std::string_view key);

}  // namespace weft::log
