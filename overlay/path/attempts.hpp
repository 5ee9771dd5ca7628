// What was tried to reach each member, and what came of it: what `weft why` tells. A memory and
// nothing else: nobody decides by it.
//
// One line for each way to a member: an address that was dialled, a connection that was made, a
// relay that was asked. Trying it again replaces what came of it and counts.
//
// Limits: kMostWays of a member, as many as an address book and the relays around it may name at
// once, and kMostMembers members, as many as a person may ask about after an evening; the oldest
// gives way. A detail has kMostDetail bytes, since others may have written it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/node_id.hpp"
#include "base/time.hpp"

namespace weft::path {

enum class TryResult : std::uint8_t {
  Worked,
  NoAnswer,
  Refused,  // somebody there said no: `detail` has the words
  Failed,   // it could not even be tried, or broke off
};
// "worked", "no answer", "refused", "failed"
[[nodiscard]] std::string_view name_of(TryResult result);

struct Attempt {
  Address where;  // a relay: itself, without its places
  TryResult result = TryResult::NoAnswer;
  std::string detail;
  Instant at{};             // the last time
  std::uint32_t times = 0;  // with this result, in a row
};

class Attempts {
 public:
  static constexpr std::size_t kMostWays = 32;
  static constexpr std::size_t kMostMembers = 256;
  static constexpr std::size_t kMostDetail = 160;

  void note(Instant now, const NodeId& member, const Address& where, TryResult result,
            std::string_view detail);
  void forget(const NodeId& member) { members_.erase(member); }
  // The newest first.
  [[nodiscard]] std::vector<Attempt> of(const NodeId& member) const;
  [[nodiscard]] std::size_t size() const { return members_.size(); }

 private:
  struct Member {
    std::vector<Attempt> ways;  // the newest last
    Instant at{};
  };
  std::map<NodeId, Member> members_;
};

}  // namespace weft::path
