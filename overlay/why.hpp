// All that a node knows of the way to one member: what `weft why` tells people. Facts alone; the
// cause and the fix are made of them by node/doctor/why.hpp.
#pragma once

#include <optional>
#include <vector>

#include "nat/behaviour.hpp"
#include "overlay/membership/state.hpp"
#include "overlay/path/attempts.hpp"
#include "overlay/punch/pairs.hpp"
#include "overlay/relaying/relaying.hpp"
#include "overlay/session/session_layer.hpp"

namespace weft::overlay {

class Network;

struct WhyView {
  bool member = false;
  bool removed = false;  // it was a member
  std::optional<session::SessionInfo> session;
  path::PathKind kind = path::PathKind::Udp;  // of its path
  NodeId via;                                 // the relay of its path

  bool wanted = false;  // a session is wished for
  bool known = false;   // its certificate is: it was met, or others told of it
  bool says_we_are_out = false;
  std::vector<Endpoint> endpoints;
  std::vector<Address> carriers;
  membership::State presence = membership::State::Unknown;
  std::optional<Instant> heard;  // by ourselves, last; nothing: not since this start
  bool met = false;              // a session with it was up since this start

  std::vector<path::Attempt> tried;  // the newest first
  std::vector<Endpoint> trying;      // being dialled just now
  std::optional<punch::Pairs::View> punch;
  nat::Verdict nat4, nat6;  // ours
  std::vector<Relaying::Choice> relays;
  std::vector<NodeId> behind_relays;  // members that a relay is needed for: none themselves

  // Sessions with members beside this one.
  std::size_t others_by_udp = 0;
  std::size_t others_by_stream = 0;
  std::size_t others_by_relay = 0;
  std::size_t others = 0;  // members beside the two
};
[[nodiscard]] WhyView why(Instant now, Network& network, const NodeId& node);

}  // namespace weft::overlay
