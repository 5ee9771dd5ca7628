#include "overlay/overlay.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

// ---- TrustRouter
// ---------------------------------------------------------------------------------

Verdict TrustRouter::verdict(const NetworkId& network, const NodeId& node, UnixTime now) const {
  return serves(network) ? roster_->verdict(network, node, now) : Verdict::Unknown;
}
std::uint64_t TrustRouter::epoch_floor(const NetworkId& network, const NodeId& node) const {
  return serves(network) ? roster_->epoch_floor(network, node) : 0;
}
std::optional<std::string> TrustRouter::name_of(const NetworkId& network,
                                                const NodeId& node) const {
  return serves(network) ? roster_->name_of(network, node) : std::nullopt;
}
std::optional<NodeId> TrustRouter::node_named(const NetworkId& network,
                                              const std::string& name) const {
  return serves(network) ? roster_->node_named(network, name) : std::nullopt;
}
bool TrustRouter::in_group(const NetworkId& network, const NodeId& node,
                           const std::string& group) const {
  return serves(network) && roster_->in_group(network, node, group);
}

// ---- construction
// --------------------------------------------------------------------------------

Overlay::Impl::Impl(WallClock wall, OverlayConfig overlay_config, Rng& random)
    : config(std::move(overlay_config)),
      rng(random),
      clock(wall),
      sessions(config.identity, trust, random, paths, wall, config.session_limits),
      instance(random.bytes<8>()) {}

Overlay::Overlay(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Overlay::~Overlay() = default;

Result<std::unique_ptr<Overlay>> Overlay::load(Instant now, WallClock clock, OverlayConfig config,
                                               std::vector<Row> stored, Rng& rng) {
  auto impl = std::make_unique<Impl>(clock, std::move(config), rng);
  impl->next_sweep = now + kSweepInterval;
  impl->born = now;
  WEFT_CHECK(impl->load_rows(now, std::move(stored)));
  impl->settle(now);
  return std::unique_ptr<Overlay>(new Overlay(std::move(impl)));
}

// ---- the core's shape
// ----------------------------------------------------------------------------

void Overlay::handle_datagram(Instant now, const Datagram& datagram) {
  // Of a run the caller has looked at each: they are all of one kind.
  if (datagram.payload.empty() || (datagram.payload[0] & 0x40) == 0) return;  // not QUIC
  impl_->sessions.handle_datagram(now, datagram);
  impl_->unsettled = now;
}

void Overlay::handle_timeout(Instant now) {
  impl_->sessions.handle_timeout(now);
  if (impl_->network) impl_->network->peers.handle_timeout(now);
  impl_->expire(now);
  if (now >= impl_->next_sweep) {
    impl_->sweep(now);
    impl_->next_sweep = now + kSweepInterval;
  }
  impl_->settle(now);
}

std::optional<Transmit> Overlay::poll_transmit(Instant now, MutableByteView out) {
  auto transmit = impl_->sessions.poll_transmit(now, out);
  if (!transmit) impl_->settle(now);
  return transmit;
}

std::optional<OverlayEvent> Overlay::poll_event() {
  if (impl_->unsettled) impl_->settle(*impl_->unsettled);
  if (impl_->events.empty()) return std::nullopt;
  OverlayEvent event = std::move(impl_->events.front());
  impl_->events.pop_front();
  return event;
}

std::optional<Instant> Overlay::poll_timeout() const {
  std::optional<Instant> earliest = impl_->next_sweep;
  const auto consider = [&](std::optional<Instant> at) {
    if (at && *at < *earliest) earliest = at;
  };
  consider(impl_->sessions.poll_timeout());
  if (impl_->network) consider(impl_->network->peers.poll_timeout());
  for (const auto& waiting : impl_->waiting) consider(waiting.deadline);
  for (const auto& ping : impl_->pings) consider(ping.deadline);
  if (impl_->joining && !impl_->joining->storing) consider(impl_->joining->deadline);
  if (impl_->leaving) consider(std::min(impl_->leaving->deadline, impl_->leaving->next_ask));
  consider(impl_->judge_at);
  consider(impl_->journal.poll_timeout());
  return earliest;
}

void Overlay::set_wall_clock(WallClock clock) {
  impl_->clock = clock;
  impl_->sessions.set_wall_clock(clock);
}

void Overlay::set_listen_endpoints(Instant now, std::vector<Endpoint> endpoints) {
  if (endpoints == impl_->config.listen_endpoints) return;
  impl_->config.listen_endpoints = std::move(endpoints);
  if (impl_->network) {
    impl_->broadcast(now, impl_->peer_list());
    impl_->network->peers.follow_move(now);
  }
  impl_->settle(now);
}

void Overlay::shutdown(Instant now) {
  for (const auto& [id, link] : impl_->links)
    impl_->sessions.close(now, id, kCodeShutdown, "the node is going down");
  // Whoever hears it dials again at once: a session taken up now would be left without a word.
  if (impl_->network) impl_->sessions.remove_network(now, impl_->network->id);
  impl_->settle(now);
}

// ---- answers
// -------------------------------------------------------------------------------------

void Overlay::Impl::done(CommandId id, Result<Outcome> result, Refusal refusal) {
  events.push_back(CommandDone{id, std::move(result), refusal});
}

void Overlay::Impl::notice(Notice::Level level, std::string text) {
  events.push_back(Notice{level, std::move(text)});
}

std::string Overlay::Impl::label(const NodeId& node) const {
  if (network)
    if (auto name = network->roster.name_of(network->id, node)) return *name;
  return short_text(node);
}

// ---- time
// ----------------------------------------------------------------------------------------

void Overlay::Impl::expire(Instant now) {
  std::vector<Waiting> late;
  std::erase_if(waiting, [&](const Waiting& w) {
    if (w.deadline > now) return false;
    late.push_back(w);
    return true;
  });
  for (const auto& w : late) {
    Error error{Errc::NoPath, label(w.peer) + " does not answer"};
    if (try_next(now, w.id, w.others, w.service)) continue;
    if (w.kind == Waiting::Kind::Connect)
      events.push_back(ConnectFailed{w.id, std::move(error)});
    else
      done(w.id, std::unexpected(std::move(error)));
  }
  std::erase_if(pings, [&](const PingUnderWay& ping) {
    if (ping.deadline > now) return false;
    done(ping.id, fail(Errc::Timeout, "no answer to the ping"));
    return true;
  });
  if (joining && !joining->storing && joining->deadline <= now)
    abort_join(now, {Errc::NoPath, "the inviting node did not answer at any of its addresses"});
  if (leaving && leaving->deadline <= now) left(false);
  if (leaving && leaving->next_ask <= now) ask_to_leave(now);
  if (judge_at && *judge_at <= now) {
    judge_at.reset();
    sessions.trust_changed(now);
  }
  journal.handle_timeout(now);
  tell_store_works();
  emit_batches();
}

// Once a second: retries what waits for a free stream, ends drained duplicate sessions and those
// that were only for a moment, renews our certificate, forgets old tickets.
void Overlay::Impl::sweep(Instant now) {
  for (const auto& [id, pull] : pulls)
    if (pull.deadline <= now) sessions.close(now, id, kCodeDone, "no roster came");
  for (const auto& [id, link] : links) {
    if (!link.up.joining || link.up.initiator) continue;
    const bool known = link.proven || (network && network->roster.member(link.up.peer) != nullptr);
    if (now - link.since >= (known ? kJoinerTimeout : kProofTimeout))
      sessions.close(now, id, kCodeDone, "nothing more to say to a joiner");
  }
  catch_up(now);
  if (!network) return;
  std::erase_if(waiting, [&](const Waiting& w) {
    const Peer* peer = network->peers.find(w.peer);
    return peer != nullptr && peer->is_up() && try_start(now, w);
  });
  for (const auto& [id, peer] : network->peers.all()) {
    // One end decides, so that the two never close each other's favourite.
    if (peer.sessions.size() < 2 || peer.id < config.identity.id) continue;
    for (const auto& session : peer.sessions) {
      if (session.id == peer.preferred || now - session.since < kSimultaneous) continue;
      const auto info = sessions.info(session.id);
      if (info && info->open_streams <= 1)
        sessions.close(now, session.id, kCodeSuperseded, "another session serves this peer");
    }
  }
  sweep_health(now);
  network->peers.retire(now);
  rotate_credential(now);
  persist_quietly(network->tickets.purge(unix_now(now)));
  // Perhaps that was the last ticket: nobody joins now.
  if (network->open_to_joiners != network->tickets.open(unix_now(now))) push_context(now);
}

// ---- queries
// -------------------------------------------------------------------------------------

path::PathTable& Overlay::paths() { return impl_->paths; }
const path::PathTable& Overlay::paths() const { return impl_->paths; }
session::SessionLayer& Overlay::sessions() { return impl_->sessions; }
const session::SessionLayer& Overlay::sessions() const { return impl_->sessions; }
NodeId Overlay::id() const { return impl_->config.identity.id; }
std::string Overlay::name() const {
  if (!impl_->network) return {};
  return impl_->network->roster.name_of(impl_->network->id, id()).value_or("");
}
std::optional<NetworkId> Overlay::network() const {
  return impl_->network ? std::optional(impl_->network->id) : std::nullopt;
}
std::string Overlay::network_name() const {
  return impl_->network ? impl_->network->roster.network_name() : std::string();
}
std::string Overlay::role() const {
  if (!impl_->network || impl_->network->roster.member(id()) == nullptr) return "none";
  return impl_->signs() ? "admin" : "member";
}

std::vector<PeerView> Overlay::peers() const {
  std::vector<PeerView> out;
  if (!impl_->network) return out;
  for (const auto& [node, peer] : impl_->network->peers.all()) {
    PeerView view{node, impl_->label(node), "down", std::nullopt};
    if (peer.is_up()) {
      view.state = "up";
      view.session = impl_->sessions.info(*peer.preferred);
    } else if (peer.backoff == kFirstBackoff && (!peer.dialing.empty() || peer.next_attempt)) {
      view.state = "dialing";
    }
    out.push_back(std::move(view));
  }
  std::ranges::sort(out, {}, &PeerView::name);
  return out;
}

std::vector<service::Exposure> Overlay::exposures() const {
  return impl_->network ? impl_->network->registry.list() : std::vector<service::Exposure>{};
}

std::size_t Overlay::connections(const std::string& service) const {
  return static_cast<std::size_t>(std::ranges::count_if(impl_->streams, [&](const auto& entry) {
    return entry.second.inbound && entry.second.phase == ServiceStream::Phase::Open &&
           entry.second.service == service;
  }));
}

std::vector<service::Mapping> Overlay::mappings() const {
  return impl_->network ? impl_->network->doors.list() : std::vector<service::Mapping>{};
}

std::vector<std::pair<std::string, std::vector<std::string>>> Overlay::groups() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  if (!impl_->network) return out;
  for (const auto& [group, nodes] : impl_->network->roster.state().groups()) {
    std::vector<std::string> names;
    for (const auto& node : nodes) names.push_back(impl_->label(node));
    std::ranges::sort(names);
    out.emplace_back(group, std::move(names));
  }
  return out;
}

}  // namespace weft::overlay
