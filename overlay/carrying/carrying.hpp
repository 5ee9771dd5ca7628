// Members that UDP does not reach: they are called over TCP or a WebSocket, their sessions move
// there and back. What is dialled and when says DialPolicy, one for each such member; this part
// tells it how things stand, and has the connections made: by the edge, which answers each
// OpenCarrier with opened() or failed().
//
// A session that this node dialled moves to the connection by itself. One that the peer dialled
// cannot (decision 12): the peer is dialled anew over the connection, and moves its own there when
// it hears from us (Peers::follow).
#pragma once

#include <map>
#include <set>
#include <string_view>

#include "overlay/carrying/dial_policy.hpp"
#include "overlay/part.hpp"
#include "overlay/peers/peer_table.hpp"

namespace weft::overlay {

class Carrying final : public Part {
 public:
  using Part::Part;

  [[nodiscard]] Interests interests() const override { return {}; }
  void handle_session(Instant now, const SessionNews& news) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

  // The answer to an OpenCarrier of this network; others are nothing to it.
  void opened(Instant now, CommandId id, PathId path, const Endpoint& remote);
  void failed(Instant now, CommandId id, std::string_view why);
  // A connection ended: what went over it needs another way.
  void closed(Instant now) { look(now); }

 private:
  void look(Instant now);
  void act(Instant now, const Peer& peer, const DialPolicy::Step& step);
  [[nodiscard]] Standing standing_of(const Peer& peer) const;

  std::map<NodeId, DialPolicy> policies_;
  struct Asked {
    NodeId node;
    Address address;
  };
  std::map<CommandId, Asked> asked_;  // connections being made
  std::set<SessionId> silent_;
  std::uint64_t seen_ = 0;  // PeerTable::changes() when looked at last
  std::optional<Instant> next_;
};

}  // namespace weft::overlay
