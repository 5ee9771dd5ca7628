// Who is in the network and what they may do: the API's answers about tickets, joining, members,
// groups and the roster.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "node/api/modules/groups.hpp"
#include "node/api/modules/invites.hpp"
#include "node/api/modules/joining.hpp"
#include "node/api/modules/members.hpp"
#include "node/api/modules/roster.hpp"
#include "node/control_commands.hpp"
#include "node/gateway.hpp"

namespace weft::node {

class MembersControl final : public api::Invites,
                             public api::Joining,
                             public api::Members,
                             public api::RosterExport,
                             public api::Groups {
 public:
  MembersControl(overlay::Overlay& overlay, Driver& driver, Gateway& gateway, Commands& commands)
      : overlay_(overlay), driver_(driver), gateway_(gateway), commands_(commands) {}

  std::function<void()> on_left;  // this home begins anew, as another node

  // Sentences for status: what this node's role, or the lack of another admin, asks for.
  void attention(std::vector<std::string>& out) const;

  void invite(api::InviteRequest request, api::Done<api::InviteResult> done) override;
  void invites(api::Done<api::InvitesResult> done) override;
  void cancel_invite(api::CancelRequest request, api::Done<api::CancelResult> done) override;
  void join(api::JoinRequest request, api::Done<api::JoinResult> done) override;
  void leave(api::LeaveRequest request, api::Done<api::LeaveResult> done) override;
  void remove(api::RemoveRequest request, api::Done<api::RemoveResult> done) override;
  void member(api::MemberRequest request, api::Done<api::MemberResult> done) override;
  void members(api::Done<api::MembersResult> done) override;
  void roster(api::Done<api::RosterResult> done) override;
  void group(api::GroupRequest request, api::Done<api::GroupResult> done) override;

 private:
  [[nodiscard]] std::string unreachable() const;  // why, if no other machine can call this one

  overlay::Overlay& overlay_;
  Driver& driver_;
  Gateway& gateway_;
  Commands& commands_;
};

}  // namespace weft::node
