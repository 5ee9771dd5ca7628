#include "node/dht_host.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "node/dht_core.hpp"
#include "node/local_addresses.hpp"

namespace weft::node {

namespace {

constexpr std::string_view kPeersKey = "dht_peers";  // Table::Setting: contacts of 82 bytes

}  // namespace

DhtHost::DhtHost(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver,
                 store::Writer& writer, Rng& rng)
    : overlay_(overlay),
      driver_(driver),
      writer_(writer),
      rng_(rng),
      timer_(loop, [this] { tick(); }),
      refresh_(loop, [this] { refresh(); }),
      lan_(loop, [this](ByteView datagram, const Endpoint& from) {
        if (!core_) return;
        const Instant now = io::monotonic_time();
        core_->discovery.handle_beacon(now, datagram, from);
        drain(now);
      }) {
  driver_.on_sealed = [this](Instant now, const Datagram& datagram) { receive(now, datagram); };
}

DhtHost::~DhtHost() { driver_.on_sealed = nullptr; }

void DhtHost::load(const std::vector<Row>& rows) {
  const auto network = overlay_.network();
  for (const Row& row : rows) {
    if (row.table != Table::Setting || text_of(row.key) != kPeersKey || !row.value) continue;
    if (row.network != network) continue;  // where this node was before
    kept_network_ = row.network;
    kept_ = *row.value;
  }
}

void DhtHost::refresh() {
  const Instant now = io::monotonic_time();
  const auto keys = overlay_.network_keys();
  if (!keys) return;
  if (!core_ || core_->keys.network != keys->network) rebuild(*keys);
  auto& discovery = core_->discovery;
  core_->sealer.set_wall_clock(io::read_wall_clock());
  discovery.set_wall_clock(io::read_wall_clock());
  if (core_->keys.credential.certificate.epoch != keys->credential.certificate.epoch) {
    core_->sealer.set_credential(keys->credential);
    discovery.set_credential(now, keys->credential);
  }
  core_->keys = *keys;
  discovery.set_addresses(now, local_endpoints(driver_.udp().bound()));
  std::vector<std::string> exposed;
  for (const auto& exposure : overlay_.exposures()) exposed.push_back(exposure.name);
  discovery.set_services(now, std::move(exposed));
  roster_changed();
  tick();
}

void DhtHost::came_back() {
  refresh();
  if (!core_) return;
  const Instant now = io::monotonic_time();
  core_->discovery.came_back(now);
  drain(now);
}

void DhtHost::roster_changed() {
  if (core_) core_->discovery.roster_changed(io::monotonic_time());
}

void DhtHost::rebuild(const overlay::NetworkKeys& keys) {
  for (auto& [id, done] : asked_)
    done(api::refuse(api::Code::Failed, "the network changed meanwhile"));
  asked_.clear();
  core_.reset();
  core_ = std::make_unique<Core>(io::monotonic_time(), keys, *this, rng_);
  if (kept_network_ == keys.network) core_->discovery.load_peers(kept_);
}

void DhtHost::receive(Instant now, const Datagram& datagram) {
  if (!core_) return;
  const auto got = core_->office.handle_datagram(now, datagram);
  if (got && got->channel == post::Channel::Dht)
    core_->discovery.handle_message(now, {got->from, got->size, got->message});
  drain(now);
}

void DhtHost::tick() {
  if (!core_) return;
  const Instant now = io::monotonic_time();
  core_->discovery.handle_timeout(now);
  drain(now);
}

void DhtHost::drain(Instant now) {
  ByteArray<sealed::kMaxDatagram> buffer;
  for (bool more = true; more;) {
    more = false;
    while (const auto message = core_->discovery.poll_message()) core_->office.send(*message);
    while (const auto transmit = core_->office.poll_transmit(buffer))
      driver_.send(*transmit, ByteView(buffer).first(transmit->size));
    while (const auto event = core_->discovery.poll_event()) {
      std::visit([&](const auto& e) { on(now, e); }, *event);
      more = true;
    }
  }
  if (const auto timeout = core_->discovery.poll_timeout()) timer_.arm(*timeout);
}

void DhtHost::on(Instant now, const discovery::MemberFound& e) {
  overlay_.peer_found(now, e.certificate.node(), e.certificate, udp_endpoints(e.addresses), true);
  driver_.wake();
}

void DhtHost::on(Instant now, const discovery::MemberHeard& e) {
  overlay_.peer_heard(now, e.certificate.node(), e.certificate, e.endpoint);
  driver_.wake();
}

void DhtHost::on(Instant, const discovery::SendBeacon& e) { lan_.send(e.beacon); }

void DhtHost::on(Instant, const discovery::KeepPeers& e) {
  kept_ = e.contacts;
  kept_network_ = core_->keys.network;
  [[maybe_unused]] const auto taken = writer_.submit(
      {{Table::Setting, core_->keys.network, to_bytes(bytes_of(kPeersKey)), e.contacts}},
      [](const Result<void>&) {});
}

void DhtHost::on(Instant, const discovery::SeenAt& e) {
  for (const auto& endpoint : e.candidates)
    spdlog::info("event=seen_at address={}", to_text(endpoint));
}

void DhtHost::on(Instant, const discovery::Serving& e) {
  spdlog::info("event=dht_mode server={} full_table={}", e.server, e.full_table);
}

// ---- what post and discovery ask about members --------------------------------------------------

std::optional<post::Contact> DhtHost::contact_of(const NodeId& node) const {
  for (const auto& peer : overlay_.known_peers())
    if (peer.id == node && peer.certificate)
      return post::Contact{node, peer.identity, peer.certificate->static_key, {}};
  return std::nullopt;
}

std::optional<post::Way> DhtHost::session_with(const NodeId& node) const {
  for (const auto& peer : overlay_.peers())
    if (peer.id == node && peer.session) return post::Way{peer.session->path, peer.session->remote};
  return std::nullopt;
}

std::optional<post::Members::Direct> DhtHost::address_of(Instant, const NodeId& node) const {
  for (const auto& peer : overlay_.known_peers())
    if (peer.id == node && !peer.endpoints.empty()) return Direct{peer.endpoints.front(), false};
  return std::nullopt;
}

std::vector<NodeId> DhtHost::forwarders_to(const NodeId& node) const {
  std::vector<NodeId> out;
  for (const auto& peer : overlay_.known_peers())
    if (peer.up && peer.id != node) out.push_back(peer.id);
  return out;
}

std::size_t DhtHost::sessions_up() const {
  const auto peers = overlay_.known_peers();
  return static_cast<std::size_t>(std::ranges::count_if(peers, &overlay::KnownPeer::up));
}

std::vector<discovery::Members::Known> DhtHost::known() const {
  std::vector<Known> out;
  for (auto& peer : overlay_.known_peers())
    if (peer.certificate)
      out.push_back(
          {peer.id, peer.identity, *peer.certificate, std::move(peer.endpoints), peer.up});
  return out;
}

std::vector<NodeId> DhtHost::sought() const {
  std::vector<NodeId> out;
  for (const auto& peer : overlay_.known_peers())
    if (peer.wanted && !peer.up) out.push_back(peer.id);
  return out;
}

}  // namespace weft::node
