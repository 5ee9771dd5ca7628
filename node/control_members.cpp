#include "node/control_members.hpp"

#include <algorithm>

#include "node/control_answers.hpp"
#include "node/io/clock.hpp"
#include "node/listen_addresses.hpp"
#include "node/listening.hpp"
#include "node/local_addresses.hpp"
#include "node/ticket_text.hpp"

namespace weft::node {

namespace {

// "41820" of a ticket for "192.0.2.1:41820, ...".
std::string port_in_ticket(const std::string& ticket) {
  const auto where = addresses_in_ticket(ticket).value_or("");
  const auto first = where.substr(0, where.find(','));
  const auto colon = first.rfind(':');
  return colon == std::string::npos ? std::to_string(kDefaultPort) : first.substr(colon + 1);
}

std::string join_fix(Errc code, overlay::Refusal refusal, const std::string& ticket) {
  switch (refusal) {
    case overlay::Refusal::Elsewhere:
      return "leave one: weft network list, weft network leave NETWORK";
    case overlay::Refusal::Here:
      return "there is nothing to do: weft members";
    case overlay::Refusal::Removed:
      return "weft leave makes this a new node; then weft join with a new ticket";
    case overlay::Refusal::Clock:
      return "set the wrong clock right, for example: sudo timedatectl set-ntp true";
    case overlay::Refusal::None:
      break;
  }
  std::string anew = "ask for a new one: weft invite NAME, on an admin node of that network";
  switch (code) {
    case Errc::AlreadyExists:
      return "ask for an invite under another name";
    case Errc::Conflict:
      return "each ticket lets one node in; " + anew;
    case Errc::NoPath:
      return "is the inviting node running, and does its firewall let UDP port " +
             port_in_ticket(ticket) + " in? see weft status there; for example: sudo ufw allow " +
             port_in_ticket(ticket) + "/udp";
    case Errc::Malformed:
      return "copy the whole ticket, from wt1 to its last character";
    case Errc::Busy:
    case Errc::Storage:
      return "try again in a moment";
    default:
      return anew;
  }
}

}  // namespace

void MembersControl::attention(std::vector<std::string>& out) const {
  if (overlay_.role() == "none")
    out.push_back("this node was removed from " + overlay_.network_name() +
                  ": weft leave makes it a new node, which weft join takes in again with a "
                  "new ticket");
  for (const auto& [node, off] : overlay_.clocks_off())
    out.push_back("the clock of " + node + " is " + off +
                  " of this machine's: nodes whose clocks differ refuse each other; set the "
                  "wrong one right: sudo timedatectl set-ntp true");
  if (overlay_.role() != "admin") return;
  std::string heir;
  for (const auto& member : overlay_.members()) {
    if (member.state == "self") continue;
    if (member.admin) return;
    if (heir.empty() || member.state == "alive") heir = member.name;
  }
  if (!heir.empty())
    out.push_back(
        "this node is the only admin: should it be lost, nobody can invite or "
        "remove any more: weft grant " +
        heir + " admin");
}

// ---- tickets ------------------------------------------------------------------------------------

std::string MembersControl::unreachable() const {
  const auto bound = driver_.udp().bound();
  if (reachable_from_others(local_endpoints(bound))) return {};
  const bool by_choice = std::ranges::all_of(bound, &Endpoint::is_loopback);
  return std::string("no other machine can reach this node: ") +
         (by_choice ? "it listens on the loopback only; run it without --listen, or with an "
                      "address of this machine's network"
                    : "this machine has no address but the loopback; connect it to a network");
}

void MembersControl::invite(api::InviteRequest request, api::Done<api::InviteResult> done) {
  const Instant now = io::monotonic_time();
  // An address may have come since the last look around: the ticket names what there is now.
  Listening::tell(now, driver_, overlay_);
  const auto id = overlay_.invite(now, request.name, request.may, request.allow, request.ttl);
  commands_.track(id, [this, done, name = request.name](const Result<overlay::Outcome>& result) {
    if (result) {
      const auto& outcome = std::get<overlay::InviteOutcome>(*result);
      return done(api::InviteResult{outcome.name, outcome.ticket, outcome.expires, unreachable()});
    }
    std::string fix;
    if (result.error().code == Errc::AlreadyExists)
      fix = "choose another name, or remove that node: weft remove " + name;
    if (result.error().code == Errc::Denied) fix = ask_admin(overlay_, "weft invite " + name);
    if (result.error().code == Errc::Limit)
      fix = "weft invite --list shows them, weft invite --cancel NAME takes one back";
    done(refused(result, "no invite for " + name, fix));
  });
}

void MembersControl::invites(api::Done<api::InvitesResult> done) {
  api::InvitesResult out;
  for (auto& invite : overlay_.invites(io::monotonic_time()))
    out.invites.push_back({std::move(invite.id), std::move(invite.name), invite.expires,
                           std::move(invite.may), std::move(invite.allow)});
  done(std::move(out));
}

void MembersControl::cancel_invite(api::CancelRequest request, api::Done<api::CancelResult> done) {
  commands_.track(
      overlay_.cancel_invite(io::monotonic_time(), request.who),
      [done, who = request.who](const Result<overlay::Outcome>& result) {
        if (!result)
          return done(refused(result, "no ticket was taken back", "see weft invite --list"));
        done(api::CancelResult{std::get<overlay::InviteOutcome>(*result).name});
      });
}

void MembersControl::join(api::JoinRequest request, api::Done<api::JoinResult> done) {
  commands_.track(
      overlay_.join(io::monotonic_time(), request.ticket, request.timeout),
      [this, done, ticket = request.ticket](const Result<overlay::Outcome>& result) {
        if (!result)
          return done(refused(result, "could not join",
                              join_fix(result.error().code, commands_.refusal(), ticket)));
        const auto& outcome = std::get<overlay::JoinOutcome>(*result);
        const overlay::Overlay::Meaning meaning(overlay_, outcome.network);
        done(api::JoinResult{overlay_.network_name(), outcome.name, to_text(outcome.via),
                             outcome.via_name, std::string(path::name_of(outcome.path)), kKex});
      });
}

// ---- members ------------------------------------------------------------------------------------

void MembersControl::leave(api::LeaveRequest request, api::Done<api::LeaveResult> done) {
  const auto id = to_text(overlay_.id());
  const bool only = overlay_.networks(io::monotonic_time()).size() < 2;
  commands_.track(
      overlay_.leave(io::monotonic_time(), request.timeout),
      [this, done, id, only](const Result<overlay::Outcome>& result) {
        if (!result)
          return done(refused(result, "this node did not leave",
                              result.error().code == Errc::Conflict && overlay_.members().size() > 1
                                  ? "make another admin first: weft grant NODE admin"
                                  : "see weft status"));
        const auto& outcome = std::get<overlay::LeaveOutcome>(*result);
        if (!only) gateway_.close_all_but(overlay_.all_mappings());
        done(api::LeaveResult{outcome.network, id, outcome.told, outcome.admins, only});
        if (only && on_left) on_left();
      });
}

void MembersControl::remove(api::RemoveRequest request, api::Done<api::RemoveResult> done) {
  commands_.track(overlay_.remove_node(io::monotonic_time(), request.node),
                  [this, done, request](const Result<overlay::Outcome>& result) {
                    if (result) {
                      const auto& outcome = std::get<overlay::MemberOutcome>(*result);
                      return done(api::RemoveResult{to_text(outcome.id), outcome.name});
                    }
                    std::string fix = "see weft members";
                    if (result.error().code == Errc::Denied)
                      fix = ask_admin(overlay_, "weft remove " + request.node);
                    if (result.error().code == Errc::Usage) fix = "weft leave";
                    done(refused(result, "could not remove " + request.node, fix));
                  });
}

void MembersControl::member(api::MemberRequest request, api::Done<api::MemberResult> done) {
  using Action = api::MemberRequest::Action;
  const auto now = io::monotonic_time();
  const bool grant = request.action == Action::Grant;
  const auto id = request.action == Action::Rename
                      ? overlay_.rename_node(now, request.node, request.name)
                      : overlay_.change_rights(now, request.node, request.rights, grant);
  std::string command = grant ? "weft grant " : "weft revoke ";
  if (request.action == Action::Rename) command = "weft rename ";
  command += request.node + " " +
             (request.action == Action::Rename ? request.name : joined(request.rights));
  commands_.track(id, [this, done, request, command](const Result<overlay::Outcome>& result) {
    if (!result)
      return done(refused(
          result, "could not change " + request.node,
          result.error().code == Errc::Denied ? ask_admin(overlay_, command) : "see weft members"));
    const auto& outcome = std::get<overlay::MemberOutcome>(*result);
    for (auto& view : overlay_.members())
      if (view.id == outcome.id)
        return done(api::MemberResult{to_text(view.id), view.name, view.admin ? "admin" : "member",
                                      std::move(view.may)});
    done(api::refuse(api::Code::NotFound, outcome.name + " is not a member any more"));
  });
}

void MembersControl::roster(api::Done<api::RosterResult> done) {
  auto document = overlay_.export_roster();
  if (!document)
    return done(api::refuse(api::code_of(document.error().code), "no roster to export",
                            document.error().detail,
                            "weft up makes a network, weft join finds one"));
  done(api::RosterResult{std::move(*document)});
}

void MembersControl::members(api::Done<api::MembersResult> done) {
  api::MembersResult out;
  for (auto& member : overlay_.members()) {
    api::MemberInfo info;
    info.id = to_text(member.id);
    info.name = member.name;
    info.self = member.state == "self";
    // The roster says who belongs, membership who is there. A session may be up before the first
    // word of a member is heard.
    const bool heard = member.presence != membership::State::Unknown;
    const bool gone =
        member.presence == membership::State::Dead || member.presence == membership::State::Left;
    info.connected = (member.state == "alive" && !gone) || info.self;
    info.state = heard ? std::string(membership::name_of(member.presence))
                       : (info.connected ? "alive" : "away");
    info.incarnation = member.incarnation;
    info.rtt_ms = milliseconds(member.rtt);
    info.since = info.self || member.presence_since == 0 ? member.since : member.presence_since;
    info.joined = member.joined;
    info.role = member.admin ? "admin" : "member";
    info.may = std::move(member.may);
    out.members.push_back(std::move(info));
  }
  done(std::move(out));
}

void MembersControl::group(api::GroupRequest request, api::Done<api::GroupResult> done) {
  const auto answer = [this](const std::string& only) {
    api::GroupResult out;
    for (auto& [name, nodes] : overlay_.groups())
      if (only.empty() || only == name) out.groups.push_back({name, nodes});
    return out;
  };
  if (request.action == api::GroupRequest::Action::List) {
    auto found = answer(request.group);
    if (!request.group.empty() && found.groups.empty())
      return done(
          api::refuse(api::Code::NotFound, "there is no group \"" + request.group + "\"", "",
                      "see weft group list; weft group add " + request.group + " NODE makes it"));
    return done(std::move(found));
  }
  const bool add = request.action == api::GroupRequest::Action::Add;
  commands_.track(overlay_.group_change(io::monotonic_time(), request.group, request.node, add),
                  [done, answer, request](const Result<overlay::Outcome>& result) {
                    if (!result)
                      return done(refused(result, "could not change group " + request.group,
                                          "see weft members"));
                    auto now = answer(request.group);
                    if (now.groups.empty())
                      now.groups.push_back({request.group, {}});  // its last node left
                    done(std::move(now));
                  });
}

}  // namespace weft::node
