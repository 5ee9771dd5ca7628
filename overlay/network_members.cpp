#include "overlay/network_members.hpp"

namespace weft::overlay {

namespace {

constexpr std::size_t kShortestPrefix = 7;  // of an id; what is printed has ten characters

}  // namespace

std::string NetworkMembers::label(const NodeId& node) const {
  return roster_.name_of(roster_.network(), node).value_or(short_text(node));
}

Result<NodeId> NetworkMembers::find(const std::string& who) const {
  const auto& members = roster_.state().members();
  if (const auto id = node_id_from_text(who); id && members.contains(*id)) return *id;
  if (who.size() >= kShortestPrefix && who.starts_with("wf1")) {
    std::optional<NodeId> found;
    for (const auto& [id, member] : members) {
      if (!to_text(id).starts_with(who)) continue;
      if (found) return fail(Errc::Conflict, "the ids of several nodes begin with \"" + who + "\"");
      found = id;
    }
    if (found) return *found;
  }
  if (const auto named = roster_.node_named(roster_.network(), who)) return *named;
  return fail(Errc::NotFound, "no node of this network is called \"" + who + "\"");
}

bool NetworkMembers::is_member(const NodeId& node) const { return roster_.member(node) != nullptr; }

bool NetworkMembers::may_expose(const NodeId& node) const {
  return roster_.may(node, roster::kMayExpose);
}

std::optional<IdentityKey> NetworkMembers::owner(const NodeId& node) const {
  const auto* member = roster_.member(node);
  return member == nullptr ? std::nullopt : std::optional(member->owner);
}

std::optional<SessionId> NetworkMembers::session(const NodeId& node) const {
  const Peer* peer = peers_.find(node);
  return peer == nullptr ? std::nullopt : peer->preferred;
}

bool NetworkMembers::is_direct(SessionId session) const {
  const auto info = sessions_.info(session);
  return info && path::is_direct(sessions_.paths().at(info->path).kind);
}

std::optional<Endpoint> NetworkMembers::place(SessionId session) const {
  const auto info = sessions_.info(session);
  if (!info) return std::nullopt;
  const auto kind = sessions_.paths().at(info->path).kind;
  // Before a WebSocket there may be a proxy that many share.
  const bool direct = path::over_udp(kind) || kind == path::PathKind::Tcp;
  return direct ? std::optional(info->remote) : std::nullopt;
}

std::optional<Duration> NetworkMembers::distance(const NodeId& node) const {
  const Peer* peer = peers_.find(node);
  if (peer == nullptr || !peer->is_up()) return std::nullopt;
  const auto info = sessions_.info(*peer->preferred);
  return info ? info->smoothed_rtt : Duration::max();
}

bool NetworkMembers::is_away(const NodeId& node) const {
  const Peer* peer = peers_.find(node);
  return peer != nullptr && !peer->is_up() && peer->backoff > kFirstBackoff;
}

}  // namespace weft::overlay
