// Members whose clocks stand too far from ours, as their handshakes told: people must know, because
// certificates and tickets are then judged differently by the two.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/identity.hpp"
#include "overlay/session/session_layer.hpp"

namespace weft::overlay {

[[nodiscard]] std::string off_by(std::int64_t seconds);  // "61 min ahead", "2 h behind"
// "12 min ahead": how our clock stands to theirs, so far off that certificates and tickets are
// judged differently; else nothing. `theirs`: as a peer told it, 0 if it did not.
[[nodiscard]] std::string clocks_apart(UnixTime ours, std::uint64_t theirs);

class Clocks {
 public:
  // True: it is news.
  bool differs(const session::ClockDiffers& told) {
    return off_.insert_or_assign(told.peer, Off{told.session, told.ahead}).second;
  }
  // A session that came up without such a word is a clock set right.
  void session_up(const session::SessionUp& up) {
    const auto known = off_.find(up.peer);
    if (known != off_.end() && known->second.session != up.session) off_.erase(known);
  }
  void forget(const NodeId& node) { off_.erase(node); }

  struct Off {
    session::SessionId session = 0;  // that told it
    std::int64_t ahead = 0;          // its clock minus ours, seconds
  };
  [[nodiscard]] const std::map<NodeId, Off>& all() const { return off_; }

 private:
  std::map<NodeId, Off> off_;
};

}  // namespace weft::overlay
