#include "node/dht_host.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "node/dht_core.hpp"
#include "node/io/clock.hpp"
#include "node/local_addresses.hpp"

namespace weft::node {

namespace {

constexpr std::string_view kPeersKey = "dht_peers";  // Table::Setting: contacts of 82 bytes
constexpr Duration kPublish = 10min;
constexpr Duration kReseed = 20s;      // while nobody answers
constexpr Duration kFirstSearch = 1s;  // the addresses known are tried meanwhile
constexpr Duration kMaxPause = 5min;
constexpr Duration kTick = 1s;
constexpr UnixTime kLife = 30 * 60;
constexpr std::size_t kSearches = 8;  // lookups for members, at once
constexpr std::size_t kObservers = 16;

dht::Config daemon_config() {
  dht::Config config;
  // A closed network is small and its members are known: whoever can be reached serves at once.
  // Twenty minutes' proof is for strangers' networks.
  config.server_after = Duration::zero();
  return config;
}

}  // namespace

DhtHost::DhtHost(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver,
                 store::Writer& writer, Rng& rng)
    : loop_(loop),
      overlay_(overlay),
      driver_(driver),
      writer_(writer),
      rng_(rng),
      config_(daemon_config()),
      timer_(loop, [this] { tick(); }),
      refresh_(loop, [this] { refresh(); }),
      lan_(loop, rng, [this](const Certificate& certificate, const Endpoint& endpoint) {
        if (!core_) return;
        const Instant now = io::monotonic_time();
        overlay_.peer_heard(now, certificate.node(), certificate, endpoint);
        driver_.wake();
        const dht::Contact contact{certificate.node(), certificate.identity, certificate.static_key,
                                   endpoint};
        if (core_->keys.trust->verdict(core_->keys.network, contact.id, io::unix_time()) ==
                Verdict::Member &&
            !core_->dht.knows(contact.id))
          core_->dht.bootstrap(now, std::span(&contact, 1));
        drain();
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
    dht::ContactBook book(rng_.bytes<16>(), 1024);
    const ByteView bytes = *row.value;
    for (std::size_t at = 0; at + dht::kContactSize <= bytes.size() && kept_.size() < 64;
         at += dht::kContactSize) {
      const auto handle = book.intern_wire(bytes.subspan(at, dht::kContactSize));
      if (handle != dht::ContactHandle::None) kept_.push_back(book.at(handle));
    }
  }
}

void DhtHost::refresh() {
  const Instant now = io::monotonic_time();
  const auto keys = overlay_.network_keys();
  if (!keys) return;
  auto addresses = local_endpoints(driver_.udp().bound());
  const bool renewed =
      core_ && core_->keys.credential.certificate.epoch != keys->credential.certificate.epoch;
  if (!core_ || core_->keys.network != keys->network) {
    addresses_ = std::move(addresses);
    rebuild(*keys);
  } else if (renewed || addresses != addresses_) {
    addresses_ = std::move(addresses);
    core_->keys = *keys;
    if (renewed) core_->sealer.set_credential(keys->credential);
    core_->dht.set_self(
        now, {keys->identity.id, keys->identity.public_key(), keys->credential.key.public_key,
              addresses_.empty() ? Endpoint{} : addresses_.front()});
    seen_as_.clear();
    searches_.clear();  // where we are now, others may be found again
    next_publish_ = now;
    next_seed_ = now;
    lan_.announce(
        {keys->network, keys->secret, keys->credential.certificate, driver_.udp().port()});
  }
  std::vector<std::string> exposed;
  for (const auto& exposure : overlay_.exposures()) exposed.push_back(exposure.name);
  if (exposed != exposed_) {
    exposed_ = std::move(exposed);
    next_publish_ = std::min(next_publish_, now);
  }
  core_->sealer.set_wall_clock(io::read_wall_clock());
  core_->dht.set_wall_clock(io::read_wall_clock());
  roster_changed();
  tick();
}

void DhtHost::came_back() {
  addresses_.clear();
  refresh();
}

void DhtHost::roster_changed() {
  if (!core_) return;
  for (const NodeId& node : core_->dht.known_nodes())
    if (core_->keys.trust->verdict(core_->keys.network, node, io::unix_time()) == Verdict::Removed)
      core_->dht.forget_node(node);
  std::erase_if(kept_, [&](const dht::Contact& contact) {
    return core_->keys.trust->verdict(core_->keys.network, contact.id, io::unix_time()) ==
           Verdict::Removed;
  });
}

void DhtHost::rebuild(const overlay::NetworkKeys& keys) {
  const Instant now = io::monotonic_time();
  for (auto& [id, question] : questions_)
    question.done(api::refuse(api::Code::Failed, "the network changed meanwhile"));
  questions_.clear();
  searches_.clear();
  seen_as_.clear();
  core_.reset();
  core_ = std::make_unique<Core>(now, config_, keys,
                                 addresses_.empty() ? Endpoint{} : addresses_.front(), rng_);
  next_publish_ = now;
  next_seed_ = now;
  lan_.announce({keys.network, keys.secret, keys.credential.certificate, driver_.udp().port()});
}

void DhtHost::receive(Instant now, const Datagram& datagram) {
  if (!core_) return;
  core_->port.handle_datagram(now, datagram);
  asked_ = {datagram.from, datagram.local};
  const auto& counters = core_->dht.counters();
  if (counters.unsolicited > 0 && !core_->dht.is_server()) core_->dht.set_reachable(now, true);
  drain();
  asked_ = {};
}

void DhtHost::drain() {
  ByteArray<sealed::kMaxDatagram> buffer;
  const Instant now = io::monotonic_time();
  for (bool more = true; more;) {
    more = false;
    while (auto transmit = core_->port.poll_transmit(now, buffer)) {
      // An answer leaves from the address that was asked.
      if (transmit->to == asked_.from) transmit->local = asked_.local;
      driver_.send(*transmit, ByteView(buffer).first(transmit->size));
      more = true;
    }
    while (const auto event = core_->dht.poll_event()) {
      std::visit([&](const auto& e) { on(now, e); }, *event);
      more = true;
    }
  }
  Instant next = next_tick_;
  if (const auto timeout = core_->dht.poll_timeout()) next = std::min(next, *timeout);
  timer_.arm(next);
}

void DhtHost::tick() {
  if (!core_) return;
  const Instant now = io::monotonic_time();
  core_->dht.handle_timeout(now);
  if (now >= next_tick_) {
    next_tick_ = now + kTick;
    seed(now);
    publish(now);
    search(now);
  }
  drain();
}

// Whom to begin with: members the overlay can name, and those kept from the last run. A session
// that came up is somebody new to ask.
void DhtHost::seed(Instant now) {
  const auto peers = overlay_.known_peers();
  const auto up = static_cast<std::size_t>(std::ranges::count_if(peers, &overlay::KnownPeer::up));
  const bool more_up = up > peers_up_;
  peers_up_ = up;
  const bool lonely = core_->dht.table_size() == 0;
  if (!more_up && (!lonely || now < next_seed_)) return;
  next_seed_ = now + kReseed;
  std::vector<dht::Contact> seeds;
  for (const bool wanted : {true, false}) {
    for (const auto& peer : peers) {
      if (peer.up != wanted || core_->dht.knows(peer.id)) continue;
      for (std::size_t i = 0; i < std::min<std::size_t>(peer.endpoints.size(), 2); ++i)
        if (auto contact = contact_of(peer, peer.endpoints[i])) seeds.push_back(*contact);
    }
  }
  if (lonely && kept_network_ == core_->keys.network)
    seeds.insert(seeds.end(), kept_.begin(), kept_.end());
  if (seeds.size() > 16) seeds.resize(16);
  if (!seeds.empty()) core_->dht.bootstrap(now, seeds);
}

std::optional<dht::Contact> DhtHost::contact_of(const overlay::KnownPeer& peer,
                                                const Endpoint& endpoint) const {
  if (!peer.certificate) return std::nullopt;
  return dht::Contact{peer.id, peer.identity, peer.certificate->static_key, endpoint};
}

void DhtHost::publish(Instant now) {
  if (now < next_publish_) return;
  next_publish_ = now + (core_->dht.table_size() > 0 ? kPublish : kPublishAgain);
  if (core_->dht.table_size() == 0) return;
  const auto& keys = core_->keys;
  const UnixTime wall = io::unix_time();
  last_seq_ = std::max(last_seq_ + 1, static_cast<std::uint64_t>(wall));
  dht::NodeInfo info;
  info.certificate = keys.credential.certificate.encode();
  for (const auto& [by, endpoint] : seen_as_)
    if (info.endpoints.size() < 2 && std::ranges::find(addresses_, endpoint) == addresses_.end() &&
        std::ranges::find(info.endpoints, endpoint) == info.endpoints.end())
      info.endpoints.push_back(endpoint);
  for (const auto& endpoint : addresses_)
    if (!endpoint.is_loopback() && info.endpoints.size() < dht::NodeInfo::kMaxEndpoints)
      info.endpoints.push_back(endpoint);
  const auto sealed_node = dht::seal_value(core_->audience, keys.identity.id, rng_, info.encode());
  core_->dht.put(
      now, dht::Record::node(keys.identity, keys.network, last_seq_, wall + kLife, sealed_node),
      {.cas = std::nullopt, .keep = false});
  for (const std::string& name : exposed_) {
    const auto key = dht::service_key(keys.network, name);
    const auto value = dht::seal_value(core_->audience, key, rng_, bytes_of(name));
    core_->dht.put(
        now,
        dht::Record::provider(keys.identity, keys.network, key, last_seq_, wall + kLife, value),
        {.cas = std::nullopt, .keep = false});
  }
}

// Members we want a session with and have none: where are they now?
void DhtHost::search(Instant now) {
  if (core_->dht.table_size() == 0) return;
  auto running = static_cast<std::size_t>(std::ranges::count_if(
      searches_, [](const auto& s) { return s.second.lookup != dht::LookupId::None; }));
  for (const auto& peer : overlay_.known_peers()) {
    if (peer.up || !peer.wanted) {
      searches_.erase(peer.id);
      continue;
    }
    auto [at, fresh] = searches_.try_emplace(peer.id);
    Search& search = at->second;
    if (fresh) search = {dht::LookupId::None, now + kFirstSearch, kFirstSearch};
    if (search.lookup != dht::LookupId::None || now < search.next || running >= kSearches) continue;
    search.pause = std::min<Duration>(search.pause * 2, kMaxPause);
    search.next = now + search.pause;
    search.lookup = core_->dht.get(now, peer.id, {.kind = dht::RecordKind::Node});
    ++running;
  }
}

void DhtHost::learn(Instant now, const dht::Record& record) {
  const auto plain = dht::open_value(core_->audience, record.key(), record.value);
  if (!plain) return;
  const auto info = dht::NodeInfo::decode(*plain);
  if (!info) return;
  const auto certificate = Certificate::decode(info->certificate);
  if (!certificate || certificate->identity != record.author ||
      !certificate->check(core_->keys.network, certificate->static_key, io::unix_time()))
    return;
  ++found_;
  overlay_.peer_found(now, certificate->node(), *certificate, info->endpoints, true);
  driver_.wake();
}

void DhtHost::on(Instant, const dht::Bootstrapped&) {}

void DhtHost::on(Instant now, const dht::RecordFound& e) {
  const bool ours = std::ranges::any_of(
      searches_, [&](const auto& search) { return search.second.lookup == e.id; });
  if (ours) learn(now, e.record);
  const auto at = questions_.find(e.id);
  if (at == questions_.end()) return;
  const auto plain = dht::open_value(core_->audience, e.record.key(), e.record.value);
  api::DhtResult& result = at->second.result;
  result.seq = std::max(result.seq, e.record.seq);
  if (e.record.kind == dht::RecordKind::Provider)
    result.providers.push_back(to_text(node_id_of(e.record.author)));
  else if (e.record.kind == dht::RecordKind::Node && plain) {
    if (const auto info = dht::NodeInfo::decode(*plain)) {
      result.endpoints.clear();
      for (const auto& endpoint : info->endpoints) result.endpoints.push_back(to_text(endpoint));
    }
  }
  const Bytes shown = plain ? *plain : e.record.value;
  if (e.record.kind == dht::RecordKind::Mutable || e.record.kind == dht::RecordKind::Immutable)
    result.value = std::string(text_of(shown));
}

void DhtHost::on(Instant now, const dht::PeersToPersist& e) {
  Bytes value;
  for (const auto& contact : e.peers) dht::append_wire(value, contact);
  kept_ = e.peers;
  kept_network_ = core_->keys.network;
  [[maybe_unused]] const auto taken = writer_.submit(
      {{Table::Setting, core_->keys.network, to_bytes(bytes_of(kPeersKey)), std::move(value)}},
      [](const Result<void>&) {});
  (void)now;
}

void DhtHost::on(Instant now, const dht::AddressSeen& e) {
  if (seen_as_.size() < kObservers || seen_as_.contains(e.by)) seen_as_[e.by] = e.endpoint;
  const bool untranslated = std::ranges::find(addresses_, e.endpoint) != addresses_.end();
  if (untranslated && !core_->dht.is_server()) core_->dht.set_reachable(now, true);
}

void DhtHost::on(Instant now, const dht::ModeChanged& e) {
  spdlog::info("event=dht_mode server={} full_table={}", e.server, e.full_table);
  // Those who took us for a client are told otherwise at once.
  if (e.server && core_->dht.table_size() == 0) next_seed_ = now + kTick;
}

}  // namespace weft::node
