// Kinds of events about access that is asked for, given for a time, and over.
#pragma once

#include "node/events/kind.hpp"

namespace weft::events {

struct AccessAsked {
  std::string service, peer, node, note;
  static constexpr Kind kKind{"access_asked", Group::Services, Level::Info,
                              "{peer} asks to use {service}: {note}"};
  static constexpr auto fields() {
    return std::tuple{field("service", "", "which", &AccessAsked::service),
                      field("peer", "", "who asks", &AccessAsked::peer),
                      field("node", "", "its NodeId", &AccessAsked::node),
                      field("note", "", "in its words", &AccessAsked::note)};
  }
};
struct ShareEnded {
  std::uint64_t share = 0;
  std::string service, who;
  static constexpr Kind kKind{"share_ended", Group::Services, Level::Info,
                              "the access of {who} to {service} is over"};
  static constexpr auto fields() {
    return std::tuple{field("share", "", "its number", &ShareEnded::share),
                      field("service", "", "which", &ShareEnded::service),
                      field("who", "", "whose: a node, group:NAME or *", &ShareEnded::who)};
  }
};

}  // namespace weft::events
