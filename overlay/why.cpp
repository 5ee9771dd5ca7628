#include "overlay/why.hpp"

#include <algorithm>

#include "overlay/network.hpp"

namespace weft::overlay {

namespace {

void look_at_others(const Network& network, const NodeId& node, WhyView& out) {
  const auto& beside = network.beside();
  for (const auto& [id, peer] : beside.peers.all()) {
    if (id == node) continue;
    ++out.others;
    const auto info = peer.is_up() ? beside.sessions.info(*peer.preferred) : std::nullopt;
    if (!info) continue;
    const auto kind = beside.sessions.paths().at(info->path).kind;
    if (!path::is_direct(kind)) out.behind_relays.push_back(id);
    out.others_by_relay += path::is_direct(kind) ? 0 : 1;
    out.others_by_stream += path::over_stream(kind) ? 1 : 0;
    out.others_by_udp += path::over_udp(kind) ? 1 : 0;
  }
}

void look_at_peer(const Network& network, const Peer& peer, WhyView& out) {
  const auto& beside = network.beside();
  out.wanted = peer.wanted;
  out.known = peer.certificate.has_value();
  out.says_we_are_out = peer.says_we_are_out;
  out.endpoints = peer.endpoints;
  out.carriers = peer.carriers;
  out.met = peer.changed.has_value();
  if (!peer.is_up()) out.heard = peer.changed;
  for (const auto& dial : peer.dialing)
    if (path::over_udp(beside.sessions.paths().at(dial.path).kind)) out.trying.push_back(dial.to);
  out.session = peer.is_up() ? beside.sessions.info(*peer.preferred) : std::nullopt;
  if (!out.session) return;
  const auto& path = beside.sessions.paths().at(out.session->path);
  out.kind = path.kind;
  out.via = path.via;
  out.heard = out.session->heard;
}

}  // namespace

WhyView why(Instant now, Network& network, const NodeId& node) {
  WhyView out;
  out.member = network.roster().member(node) != nullptr;
  out.removed = network.roster().state().is_removed(node);
  out.nat4 = network.punch().verdict(now, nat::Family::V4);
  out.nat6 = network.punch().verdict(now, nat::Family::V6);
  look_at_others(network, node, out);
  if (const Peer* peer = network.beside().peers.find(node)) look_at_peer(network, *peer, out);
  if (const auto* member = network.liveness().table().find(node)) {
    out.presence = member->state;
    if (member->proof && (!out.heard || *member->proof > *out.heard)) out.heard = member->proof;
  }
  out.tried = network.attempts().of(node);
  out.punch = network.punch().tried(node);
  if (out.member) out.relays = network.relaying().choices(now, node);
  return out;
}

}  // namespace weft::overlay
