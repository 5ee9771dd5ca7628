#include "overlay/mail/mail.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "overlay/peers/peer_table.hpp"

namespace weft::overlay {

namespace {

constexpr std::string_view kPeersKey = "dht_peers";  // Table::Setting: contacts of 82 bytes
constexpr Table kTables[] = {Table::Setting};
constexpr std::size_t kForwarders = 4;

}  // namespace

Interests Mail::interests() const { return {.tables = kTables}; }

Result<void> Mail::load(const Row& row) {
  if (text_of(row.key) == kPeersKey && row.value) kept_ = *row.value;
  return {};
}

void Mail::begin(Instant now) {
  const Identity& identity = beside_.config.identity;
  const StaticCredential& credential = credential_.current();
  const auto& secret = beside_.roster.network_secret();
  epoch_ = credential.certificate.epoch;
  sealer_.emplace(post::SealerSetup{beside_.network(), secret, identity.public_key(), credential,
                                    beside_.clock, &beside_.roster, false});
  office_.emplace(*sealer_, static_cast<const post::Members&>(*this), beside_.rng, identity.id);
  discovery_.emplace(
      now,
      discovery::Setup{beside_.network(), secret, identity, credential, beside_.roster, *sealer_,
                       static_cast<const discovery::Members&>(*this), beside_.rng, beside_.clock});
  discovery_->load_peers(kept_);
  kept_ = {};
  set_addresses(now, beside_.config.listen_endpoints);
  others_changed(now);
}

// ---- inputs -------------------------------------------------------------------------------------

std::optional<SealedIn> Mail::handle_datagram(Instant now, const Datagram& in) {
  const auto got = office_->handle_datagram(now, in);
  if (!got) return std::nullopt;
  if (got->channel != post::Channel::Dht)
    return SealedIn{
        got->message.sender, static_cast<std::uint8_t>(got->channel), got->path, got->from, got->by,
        got->content()};
  discovery_->handle_message(now, {got->from, got->size, got->message});
  drain(now);
  return std::nullopt;
}

void Mail::send(Instant now, const Seal& seal) {
  const auto channel = static_cast<post::Channel>(seal.channel);
  WEFT_ASSERT(channel != post::Channel::Dht && channel != post::Channel::Forward);
  if (seal.body.size() > post::kMaxContent) {
    ++counters_.too_long;
    return;
  }
  office_->send(now, seal.to, channel, seal.body);
}

std::optional<Transmit> Mail::poll_transmit(const path::PathTable& paths, MutableByteView out) {
  while (auto transmit = office_->poll_transmit(out)) {
    if (!paths.blocked(transmit->path, transmit->to)) return transmit;
    ++counters_.path_full;
  }
  return std::nullopt;
}

void Mail::handle_session(Instant now, const SessionNews& news) {
  if (std::holds_alternative<session::SessionUp>(news) ||
      std::holds_alternative<session::SessionDown>(news))
    members_changed(now);
}

void Mail::handle_roster(Instant now, const RosterNews&) {
  if (!discovery_) return;
  discovery_->roster_changed(now);
  members_changed(now);
  drain(now);
}

void Mail::handle_timeout(Instant now) {
  if (!discovery_) return;
  if (const auto& current = credential_.current(); current.certificate.epoch != epoch_) {
    epoch_ = current.certificate.epoch;
    sealer_->set_credential(current);
    discovery_->set_credential(now, current);
  }
  const auto due = discovery_->poll_timeout();
  if (!due || *due > now) return;
  discovery_->handle_timeout(now);
  drain(now);
}

void Mail::look_at_services(Instant now) {
  if (!discovery_ || told_services_ == exposed_.changes()) return;
  told_services_ = exposed_.changes();
  std::vector<std::string> names;
  for (const auto& exposure : exposed_.list()) names.push_back(exposure.name);
  discovery_->set_services(now, std::move(names));
}

std::optional<Instant> Mail::poll_timeout() const {
  return discovery_ ? discovery_->poll_timeout() : std::nullopt;
}

void Mail::set_addresses(Instant now, const std::vector<Endpoint>& own) {
  if (!discovery_) return;
  auto places = own;
  places.insert(places.end(), beside_.config.mapped_endpoints.begin(),
                beside_.config.mapped_endpoints.end());
  discovery_->set_addresses(now, std::move(places));
  drain(now);
}

void Mail::clock_set() {
  if (!sealer_) return;
  sealer_->set_wall_clock(beside_.clock);
  discovery_->set_wall_clock(beside_.clock);
}

void Mail::came_back(Instant now) {
  discovery_->came_back(now);
  drain(now);
}

void Mail::observed(Instant now, const NodeId& by, const Endpoint& endpoint) {
  if (!discovery_) return;
  discovery_->observed(now, by, endpoint);
  drain(now);
}

void Mail::handle_beacon(Instant now, ByteView datagram, const Endpoint& from) {
  discovery_->handle_beacon(now, datagram, from);
  drain(now);
}

discovery::QuestionId Mail::ask(Instant now, discovery::Question question) {
  const auto id = discovery_->ask(now, std::move(question));
  drain(now);
  return id;
}

void Mail::end(Instant now) {
  discovery_->end();
  drain(now);
}

// ---- outputs ------------------------------------------------------------------------------------

// Messages of the DHT go to the post at once: an answer leaves the way that its question came.
void Mail::drain(Instant now) {
  while (const auto message = discovery_->poll_message()) office_->send(*message);
  while (auto event = discovery_->poll_event()) std::visit([&](auto& e) { on(now, e); }, *event);
}

void Mail::on(Instant, const discovery::MemberFound& e) {
  put(Learned{e.certificate.node(), e.certificate, udp_endpoints(e.addresses), true,
              discovery::Source::Record, other_addresses(e.addresses)});
}

void Mail::on(Instant, const discovery::MemberHeard& e) { put(Heard{e.certificate, e.endpoint}); }

void Mail::on(Instant, discovery::SendBeacon& e) {
  put(OverlayEvent(BeaconReady{std::move(e.beacon)}));
}

void Mail::on(Instant, discovery::KeepPeers& e) {
  store(
      {{Table::Setting, beside_.network(), to_bytes(bytes_of(kPeersKey)), std::move(e.contacts)}});
}

void Mail::on(Instant, discovery::SeenAt& e) { put(SeenAt{std::move(e.candidates)}); }

void Mail::on(Instant, const discovery::Serving& e) {
  put(OverlayEvent(DhtMode{beside_.network(), e.server, e.full_table}));
}

void Mail::on(Instant, discovery::Answer& e) {
  put(OverlayEvent(DhtAnswer{beside_.network(), std::move(e)}));
}

// ---- members ------------------------------------------------------------------------------------

std::optional<post::Contact> Mail::contact_of(const NodeId& node) const {
  const Peer* peer = beside_.peers.find(node);
  if (peer == nullptr || !peer->certificate) return std::nullopt;
  return post::Contact{node, peer->identity, peer->certificate->static_key, {}};
}

std::optional<post::Way> Mail::session_with(const NodeId& node) const {
  const Peer* peer = beside_.peers.find(node);
  if (peer == nullptr || !peer->preferred) return std::nullopt;
  const auto info = beside_.sessions.info(*peer->preferred);
  // No sealed datagram goes through a relay: a member hands it on (channel 4).
  if (!info || !path::is_direct(beside_.sessions.paths().at(info->path).kind)) return std::nullopt;
  return post::Way{info->path, info->remote};
}

std::optional<post::Members::Direct> Mail::address_of(Instant now, const NodeId& node) const {
  const auto best = beside_.peers.addresses().best(now, node);
  return best ? std::optional(Direct{best->endpoint, best->works}) : std::nullopt;
}

// Whom we dialled others can dial as well, so they more probably have a session with it. Another
// one goes first each time: nobody knows who has.
std::vector<NodeId> Mail::forwarders_to(const NodeId& node) const {
  std::vector<NodeId> dialled;
  std::vector<NodeId> others;
  for (const auto& [id, peer] : beside_.peers.all()) {
    if (id == node || !peer.preferred) continue;
    const auto session = std::ranges::find(peer.sessions, *peer.preferred, &PeerSession::id);
    const bool ours = session != peer.sessions.end() && session->initiator;
    (ours ? dialled : others).push_back(id);
  }
  const auto turn = [&](std::vector<NodeId>& list) {
    if (!list.empty())
      std::ranges::rotate(list, list.begin() + static_cast<std::ptrdiff_t>(turn_ % list.size()));
  };
  turn(dialled);
  turn(others);
  ++turn_;
  dialled.insert(dialled.end(), others.begin(), others.end());
  if (dialled.size() > kForwarders) dialled.resize(kForwarders);
  return dialled;
}

std::size_t Mail::sessions_up() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      beside_.peers.all(), [](const auto& entry) { return entry.second.is_up(); }));
}

std::vector<discovery::Members::Known> Mail::known() const {
  std::vector<Known> out;
  for (const auto& [id, peer] : beside_.peers.all())
    if (peer.certificate)
      out.push_back({id, peer.identity, *peer.certificate, peer.endpoints, peer.is_up()});
  return out;
}

std::vector<NodeId> Mail::sought() const {
  std::vector<NodeId> out;
  for (const auto& [id, peer] : beside_.peers.all())
    if (peer.wanted && !peer.is_up()) out.push_back(id);
  return out;
}

}  // namespace weft::overlay
