// What this node tells its own programs under the topics of the nodes (is_system()): made here, of
// what the node knows itself, and never sent anywhere. Such a message has this node as its publisher
// and an epoch of 0; its numbers go up by one.
//
// What stands (a member that is online) is what a later subscriber begins with, as with a retained
// value, until something ends it.
//
// Limits: the newest kMaxRecent are kept for who asks for the last few; of what stands kMaxStanding,
// beyond which it is told and not kept.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "overlay/broker/batch.hpp"

namespace weft::broker {

inline constexpr std::size_t kMaxRecent = 1024;
inline constexpr std::size_t kMaxStanding = 32'768;

struct Telling {
  std::string topic;    // a system topic
  std::string payload;  // JSON
  std::string subject;  // of what stands; empty: nothing does
  std::string ends;     // the topic under which this subject stood
};

class Told {
 public:
  // As it is to be put before subscribers.
  [[nodiscard]] Placed tell(const NodeId& self, std::uint64_t stamp, const Telling& what);
  // What stands, else the newest `count`, oldest first.
  [[nodiscard]] std::vector<Placed> standing(const std::vector<std::string>& patterns) const;
  [[nodiscard]] std::vector<Placed> last(const std::vector<std::string>& patterns,
                                         std::size_t count) const;

 private:
  std::uint64_t number_ = 0;
  std::deque<Placed> recent_;
  std::map<std::pair<std::string, std::string>, Placed> standing_;  // by topic and subject
};

}  // namespace weft::broker
