#include "overlay/discovery/discovery.hpp"

#include <algorithm>

#include "dht/message.hpp"

namespace weft::discovery {

namespace {

dht::Config config_of_a_closed_network() {
  dht::Config config;
  config.server_after = Duration::zero();  // twenty minutes' proof is for strangers' networks
  return config;
}

}  // namespace

Discovery::Discovery(Instant now, const Setup& setup)
    : setup_(setup),
      audience_(dht::audience_key(setup.network_secret)),
      config_(config_of_a_closed_network()),
      book_(setup.rng.bytes<16>()),
      dht_(now, {config_, book_, setup.post, setup.rng, setup.network, self(), setup.wall, false}),
      publisher_(now),
      next_seed_(now),
      next_look_(now) {}

dht::Contact Discovery::self() const {
  return {setup_.identity.id, setup_.identity.public_key(), setup_.credential.key.public_key,
          own_.empty() ? Endpoint{} : own_.front()};
}

Questions::Around Discovery::around(Instant now) {
  return {dht_,      book_,      setup_.identity, setup_.network,
          audience_, publisher_, setup_.rng,      setup_.wall.at(now)};
}

void Discovery::load_peers(ByteView contacts) {
  dht::ContactBook book(setup_.rng.bytes<16>(), 1024);
  for (std::size_t at = 0; at + dht::kContactSize <= contacts.size() && kept_.size() < kKeptPeers;
       at += dht::kContactSize) {
    const auto handle = book.intern_wire(contacts.subspan(at, dht::kContactSize));
    if (handle != dht::ContactHandle::None) kept_.push_back(book.at(handle));
  }
}

// ---- what comes in ------------------------------------------------------------------------------

void Discovery::handle_message(Instant now, const dht::Arrived& message) {
  dht_.handle_message(now, message);
  if (dht_.counters().unsolicited > 0) reachable(now);
  drain(now);
}

void Discovery::handle_beacon(Instant now, ByteView datagram, const Endpoint& from) {
  const auto heard = lan_.handle_beacon(now, setup_.wall.at(now), datagram, from);
  if (!heard) return;
  const Certificate& certificate = heard->certificate;
  emit(MemberHeard{certificate, heard->endpoint});
  const dht::Contact contact{certificate.node(), certificate.identity, certificate.static_key,
                             heard->endpoint};
  if (setup_.trust.verdict(setup_.network, contact.id, setup_.wall.at(now)) == Verdict::Member &&
      !dht_.knows(contact.id))
    dht_.bootstrap(now, std::span(&contact, 1));
  drain(now);
}

void Discovery::handle_timeout(Instant now) {
  dht_.handle_timeout(now);
  if (now >= next_look_) look(now);
  if (auto beacon = lan_.poll_beacon(now, setup_.wall.at(now), setup_.rng))
    emit(SendBeacon{std::move(*beacon)});
  drain(now);
}

void Discovery::look(Instant now) {
  next_look_ = now + kLook;
  if (observed_.expire(now)) candidates_changed(now);
  seed(now);
  publish(now);
  search(now);
  // Who goes away, comes or is sought ends the rest (members_changed).
  if (at_rest())
    next_look_ = std::min(now + kRest, std::max(publisher_.poll_timeout(), now + kLook));
}

std::optional<Instant> Discovery::poll_timeout() const {
  Instant next = next_look_;
  if (const auto dht = dht_.poll_timeout()) next = std::min(next, *dht);
  if (const auto lan = lan_.poll_timeout()) next = std::min(next, *lan);
  return next;
}

std::optional<Event> Discovery::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void Discovery::emit(Event event) {
  if (events_.size() >= kMaxEvents) {
    ++counters_.events_dropped;
    return;
  }
  events_.push_back(std::move(event));
}

// ---- what is so now -----------------------------------------------------------------------------

void Discovery::set_addresses(Instant now, std::vector<Endpoint> own) {
  if (own == own_) return;
  own_ = std::move(own);
  observed_.set_own(own_);
  moved(now);
  emit(SeenAt{});
}

void Discovery::set_services(Instant now, std::vector<std::string> names) {
  publisher_.set_services(now, std::move(names));
  next_look_ = std::min(next_look_, now);
}

void Discovery::set_credential(Instant now, const StaticCredential& credential) {
  if (credential.certificate.epoch == setup_.credential.certificate.epoch) return;
  setup_.credential = credential;
  moved(now);
}

void Discovery::set_wall_clock(const WallClock& wall) {
  setup_.wall = wall;
  dht_.set_wall_clock(wall);
}

void Discovery::came_back(Instant now) {
  observed_.set_own(own_);
  moved(now);
}

// Where we are now, others must hear of it, and may be found again.
void Discovery::moved(Instant now) {
  dht_.set_self(now, self());
  publisher_.set_addresses(now, own_, observed_.candidates());
  publisher_.soon(now);
  searcher_.begin_anew();
  next_seed_ = now;
  next_look_ = now;
  const std::uint16_t port = own_.empty() ? 0 : own_.front().port;
  if (port != 0)
    lan_.announce(now,
                  {setup_.network, setup_.network_secret, setup_.credential.certificate, port});
  drain(now);
}

void Discovery::observed(Instant now, const NodeId& by, const Endpoint& endpoint) {
  const bool changed = observed_.note(now, by, endpoint);
  if (observed_.untranslated()) reachable(now);
  if (changed) candidates_changed(now);
}

void Discovery::candidates_changed(Instant now) {
  publisher_.set_addresses(now, own_, observed_.candidates());
  next_look_ = std::min(next_look_, now);
  emit(SeenAt{observed_.candidates()});
}

void Discovery::reachable(Instant now) {
  if (!dht_.is_server()) dht_.set_reachable(now, true);
}

void Discovery::roster_changed(Instant now) {
  const auto removed = [&](const NodeId& node) {
    return setup_.trust.verdict(setup_.network, node, setup_.wall.at(now)) == Verdict::Removed;
  };
  for (const NodeId& node : dht_.known_nodes())
    if (removed(node)) dht_.forget_node(node);
  std::erase_if(kept_, [&](const dht::Contact& contact) { return removed(contact.id); });
}

QuestionId Discovery::ask(Instant now, Question question) {
  const auto id = questions_.ask(now, around(now), std::move(question));
  drain(now);
  return id;
}

void Discovery::end() {
  questions_.end_all();
  while (auto answer = questions_.poll_answer()) emit(std::move(*answer));
}

// ---- what it does -------------------------------------------------------------------------------

// Whom to begin with: members that are known, and those kept from the last run. A session that came
// up is somebody new to ask.
void Discovery::seed(Instant now) {
  const std::size_t up = setup_.members.sessions_up();
  const bool more_up = up > peers_up_;
  peers_up_ = up;
  const bool lonely = dht_.table_size() == 0;
  if (!more_up && (!lonely || now < next_seed_)) return;
  next_seed_ = now + kReseed;
  std::vector<dht::Contact> seeds;
  const auto known = setup_.members.known();
  for (const bool wanted : {true, false}) {
    for (const auto& member : known) {
      if (member.up != wanted || dht_.knows(member.id)) continue;
      for (std::size_t i = 0; i < std::min<std::size_t>(member.endpoints.size(), 2); ++i)
        seeds.push_back(
            {member.id, member.identity, member.certificate.static_key, member.endpoints[i]});
    }
  }
  if (lonely) seeds.insert(seeds.end(), kept_.begin(), kept_.end());
  if (seeds.size() > kSeeds) seeds.resize(kSeeds);
  if (!seeds.empty()) dht_.bootstrap(now, seeds);
}

void Discovery::publish(Instant now) {
  if (!publisher_.due(now, dht_.table_size() > 0)) return;
  for (const auto& record :
       publisher_.records(setup_.identity, setup_.network, setup_.credential.certificate, audience_,
                          setup_.rng, setup_.wall.at(now)))
    dht_.put(now, record, {.cas = std::nullopt, .keep = false});
}

void Discovery::search(Instant now) {
  if (dht_.table_size() == 0) return;
  searcher_.set_sought(now, setup_.members.sought());
  while (const auto node = searcher_.due(now)) {
    const auto lookup = dht_.get(now, *node, {.kind = dht::RecordKind::Node});
    searcher_.started(now, *node, lookup);
    if (lookup == dht::LookupId::None) break;
  }
}

void Discovery::learn(Instant now, const dht::Record& record) {
  const auto plain = dht::open_value(audience_, record.key(), record.value);
  if (!plain) return;
  auto info = dht::NodeInfo::decode(*plain);
  if (!info) return;
  const auto certificate = Certificate::decode(info->certificate);
  if (!certificate || certificate->identity != record.author ||
      !certificate->check(setup_.network, certificate->static_key, setup_.wall.at(now)))
    return;
  ++counters_.found;
  emit(MemberFound{*certificate, std::move(info->addresses)});
}

void Discovery::drain(Instant now) {
  while (const auto event = dht_.poll_event())
    std::visit([&](const auto& e) { on(now, e); }, *event);
  while (auto answer = questions_.poll_answer()) emit(std::move(*answer));
}

void Discovery::on(Instant, const dht::Bootstrapped&) {}

void Discovery::on(Instant now, const dht::NodesFound& e) { questions_.on(now, around(now), e); }

void Discovery::on(Instant now, const dht::RecordFound& e) {
  if (searcher_.runs(e.id)) learn(now, e.record);
  questions_.on(now, around(now), e);
}

void Discovery::on(Instant now, const dht::GetDone& e) {
  searcher_.ended(e.id);
  questions_.on(now, around(now), e);
}

void Discovery::on(Instant now, const dht::PutDone& e) {
  if (!e.ok && e.region == 0) {
    publisher_.soon(now + Publisher::kAgain);
    next_look_ = std::min(next_look_, now + Publisher::kAgain);
  }
  questions_.on(now, around(now), e);
}

void Discovery::on(Instant, const dht::PeersToPersist& e) {
  Bytes contacts;
  for (const auto& contact : e.peers) dht::append_wire(contacts, contact);
  kept_ = e.peers;
  emit(KeepPeers{std::move(contacts)});
}

void Discovery::on(Instant now, const dht::AddressSeen& e) { observed(now, e.by, e.endpoint); }

void Discovery::on(Instant now, const dht::ModeChanged& e) {
  emit(Serving{e.server, e.full_table});
  // Those who took us for a client are told otherwise at once.
  if (e.server && dht_.table_size() == 0) next_seed_ = now + kLook;
  next_look_ = std::min(next_look_, now + kLook);
}

}  // namespace weft::discovery
