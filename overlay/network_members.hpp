// What services may ask about the members of one network, answered from its roster and its
// sessions.
#pragma once

#include "overlay/peers/peer_table.hpp"
#include "overlay/roster/roster.hpp"
#include "overlay/service/members_view.hpp"

namespace weft::overlay {

class NetworkMembers final : public service::MembersView {
 public:
  // All of them outlive the view.
  NetworkMembers(const NodeId& self, const roster::Roster& roster, const PeerTable& peers,
                 const session::SessionLayer& sessions)
      : self_(self), roster_(roster), peers_(peers), sessions_(sessions) {}

  [[nodiscard]] const TrustView& trust() const override { return roster_; }
  [[nodiscard]] NodeId self() const override { return self_; }
  [[nodiscard]] std::string label(const NodeId& node) const override;
  [[nodiscard]] Result<NodeId> find(const std::string& who) const override;
  [[nodiscard]] bool is_member(const NodeId& node) const override;
  [[nodiscard]] bool may_expose(const NodeId& node) const override;
  [[nodiscard]] std::optional<IdentityKey> owner(const NodeId& node) const override;
  [[nodiscard]] std::optional<SessionId> session(const NodeId& node) const override;
  [[nodiscard]] bool is_direct(SessionId session) const override;
  [[nodiscard]] std::optional<Endpoint> place(SessionId session) const override;
  [[nodiscard]] std::optional<Duration> distance(const NodeId& node) const override;
  [[nodiscard]] bool is_away(const NodeId& node) const override;

 private:
  NodeId self_;
  const roster::Roster& roster_;
  const PeerTable& peers_;
  const session::SessionLayer& sessions_;
};

}  // namespace weft::overlay
