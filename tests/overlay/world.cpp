#include "tests/overlay/world.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "overlay/network.hpp"

namespace weft::overlay::testing {

namespace {
constexpr WallClock kWall{Instant{}, kEpoch};
constexpr int kGuest = 1'000'000;  // deliveries to a face of the guest are numbered from here
}  // namespace

// ---- Node ---------------------------------------------------------------------------------------

Node::Node(int number, std::uint64_t seed, std::string node_name)
    : index(number),
      name(std::move(node_name)),
      rng(seed),
      identity(Identity::generate(rng)),
      person(crypto::Ed25519KeyPair::from_seed(rng.bytes<32>())),
      endpoint(Endpoint::v4(0x0a000001 + static_cast<std::uint32_t>(number), 4000)) {
  config.identity = identity;
  config.person = person;
  config.software = "weft test";
  config.listen_endpoints = {endpoint};
}

std::optional<Result<Outcome>> Node::answer(CommandId id) const {
  std::optional<Result<Outcome>> out;
  for (const auto& done : of<CommandDone>())
    if (done.id == id) {
      WEFT_ASSERT(!out.has_value());  // exactly one answer
      out = done.result;
    }
  return out;
}

std::optional<Error> Node::connect_error(CommandId id) const {
  for (const auto& failed : of<ConnectFailed>())
    if (failed.id == id) return failed.error;
  return std::nullopt;
}

std::optional<StreamKey> Node::stream_of(CommandId id) const {
  for (const auto& ready : of<ConnectReady>())
    if (ready.id == id) return ready.key;
  return std::nullopt;
}

bool Node::noticed(std::string_view part) const {
  return std::ranges::any_of(of<Notice>(), [&](const Notice& notice) {
    return notice.text.find(part) != std::string::npos;
  });
}

// ---- World: nodes -------------------------------------------------------------------------------

World::World(std::uint64_t seed, harness::LinkOptions link)
    : seed_(seed), link_(seed ^ 0x5eed, link) {
  now += 1s;
}
World::~World() = default;

Node& World::add(const std::string& name, const std::function<void(OverlayConfig&)>& change) {
  const int index = static_cast<int>(nodes_.size());
  nodes_.push_back(
      std::make_unique<Node>(index, seed_ * 1000 + static_cast<std::uint64_t>(index), name));
  Node& node = *nodes_.back();
  if (change) change(node.config);
  start(node);
  return node;
}

Node& World::clone(const Node& of) {
  const int index = static_cast<int>(nodes_.size());
  nodes_.push_back(
      std::make_unique<Node>(index, seed_ * 1000 + static_cast<std::uint64_t>(index), of.name));
  Node& node = *nodes_.back();
  node.identity = of.identity;
  node.person = of.person;
  node.config.identity = of.identity;
  node.config.person = of.person;
  node.disk = of.disk;
  start(node);
  return node;
}

void World::crash(Node& node) {
  node.overlay.reset();
  node.writing.clear();
  node.events.clear();  // a new process counts its commands and streams from one
  node.served.clear();
  node.clients.clear();
  node.serving.clear();
  node.unsent.clear();
  node.ending.clear();
}

void World::start(Node& node) {
  std::vector<Row> rows;
  for (const auto& [key, value] : node.disk)
    rows.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), value});
  auto loaded = Overlay::load(now, kWall, node.config, std::move(rows), node.rng);
  WEFT_ASSERT(loaded.has_value());
  node.overlay = std::move(*loaded);
  if (!node.overlay->network()) node.overlay->create_network(now, node.name);
  run(20ms);
}

void World::cut(const Node& a, const Node& b, bool on) {
  const auto pair = std::minmax(a.index, b.index);
  if (on)
    cuts_.insert(pair);
  else
    cuts_.erase(pair);
}

void World::move(Node& node, const Endpoint& to) {
  node.endpoint = to;
  node.config.listen_endpoints = {to};
}

Node* World::at(const Endpoint& endpoint) {
  for (const auto& node : nodes_)
    if (node->endpoint == endpoint) return node.get();
  return nullptr;
}

// ---- World: time --------------------------------------------------------------------------------

void World::run(Duration span) {
  const Instant until = now + span;
  while (step(until)) {
  }
}

bool World::run_until(const std::function<bool()>& done, Duration span) {
  const Instant until = now + span;
  drain();
  while (!done())
    if (!step(until)) return done();
  return true;
}

bool World::step(Instant until) {
  drain();
  Instant next = until;
  const auto consider = [&](std::optional<Instant> at) {
    if (at && *at < next) next = std::max(*at, now);
  };
  consider(link_.next());
  if (guest != nullptr) consider(guest->poll_timeout());
  for (const auto& node : nodes_) {
    if (!node->overlay) continue;
    consider(node->overlay->poll_timeout());
    for (const auto& [at, persist] : node->writing) consider(at);
  }
  if (next >= until) {
    now = until;
    return false;
  }
  now = next;
  std::set<const Node*> woken;
  for (const auto& node : nodes_) {
    if (!node->overlay) continue;
    const auto due = node->overlay->poll_timeout();
    if ((due && *due <= now) || (!node->writing.empty() && node->writing.front().first <= now))
      woken.insert(node.get());
  }
  while (auto d = link_.pop(now)) {
    if (d->to >= kGuest) {
      if (guest != nullptr)
        guest->handle_datagram(now, d->to - kGuest, {d->path, {}, d->from, d->ecn, d->bytes});
      continue;
    }
    Node& to = *nodes_[static_cast<std::size_t>(d->to)];
    if (!to.overlay) continue;
    woken.insert(&to);
    const auto time = now.time_since_epoch().count();
    digest_ = crypto::sha256({digest_,
                              {reinterpret_cast<const std::uint8_t*>(&time), sizeof time},
                              {reinterpret_cast<const std::uint8_t*>(&d->to), sizeof d->to},
                              d->bytes});
    to.overlay->handle_datagram(now, {d->path, to.endpoint, d->from, d->ecn, d->bytes});
  }
  for (const auto& node : nodes_) {
    if (!node->overlay) continue;
    node->wakes += woken.contains(node.get());
    store(*node);
    node->overlay->handle_timeout(now);
  }
  if (guest != nullptr) guest->handle_timeout(now);
  drain();
  return true;
}

void World::store(Node& node) {
  while (!node.writing.empty() && node.writing.front().first <= now) {
    const Persist persist = std::move(node.writing.front().second);
    node.writing.erase(node.writing.begin());
    Result<void> result;
    if (node.disk_full)
      result = fail(Errc::Storage, "the disk is full");
    else
      for (const auto& row : persist.rows) {
        const std::tuple key{row.table, row.network, row.key};
        if (row.value)
          node.disk[key] = *row.value;
        else
          node.disk.erase(key);
      }
    node.overlay->persisted(now, persist.id, result);
  }
}

void World::drain() {
  for (bool moved = true; moved;) {
    moved = false;
    for (const auto& node : nodes_)
      if (node->overlay) moved |= drain_one(*node);
    if (guest != nullptr) moved |= drain_guest();
  }
}

bool World::drain_guest() {
  bool moved = false;
  while (const auto sent = guest->poll_transmit(now, buffer_)) {
    moved = true;
    deliver(sent->from, sent->transmit, nullptr);
  }
  return moved;
}

// The bytes lie in buffer_. `sender`: the node it comes from, if it is one.
void World::deliver(const Endpoint& from, const Transmit& transmit, const Node* sender) {
  const auto face = guest != nullptr ? guest->face_at(transmit.to) : std::nullopt;
  Node* to = face ? nullptr : at(transmit.to);
  if (!face && to == nullptr) return;
  if (sender != nullptr && to != nullptr && cuts_.contains(std::minmax(sender->index, to->index)))
    return;
  const std::size_t segment = transmit.segment_size ? transmit.segment_size : transmit.size;
  for (std::size_t begin = 0; begin < transmit.size; begin += segment) {
    const auto bytes = ByteView(buffer_).subspan(begin, std::min(segment, transmit.size - begin));
    if (tap && sender != nullptr && to != nullptr && !tap(*sender, *to, bytes)) continue;
    link_.send(now, face ? kGuest + *face : to->index, transmit.path, from, transmit.ecn, bytes);
  }
}

bool World::drain_one(Node& node) {
  bool moved = false;
  while (auto t = node.overlay->poll_transmit(now, buffer_)) {
    moved = true;
    deliver(node.endpoint, *t, &node);
  }
  while (auto event = node.overlay->poll_event()) {
    moved = true;
    node.events.push_back({now, *event});
    react(node, *event);
  }
  return moved;
}

// ---- World: what the daemon and the programs around it would do ---------------------------------

void World::react(Node& node, const OverlayEvent& event) {
  if (const auto* store = std::get_if<PersistRequest>(&event)) {
    Instant at = now + node.disk_delay;
    if (!node.writing.empty()) at = std::max(at, node.writing.back().first);  // in order
    node.writing.emplace_back(at, store->persist);
  } else if (const auto* inbound = std::get_if<InboundStream>(&event)) {
    if (node.slow_targets) return;
    if (node.dead_targets)
      return node.overlay->refuse(now, inbound->key, service::OpenStatus::TargetRefused,
                                  "127.0.0.1:8080: Connection refused");
    node.served[inbound->key] = std::nullopt;
    node.overlay->accept(now, inbound->key);
    if (node.standing.contains(inbound->exposure.name)) return;
    node.serving[inbound->key] = false;
    pump(node, inbound->key);
  } else if (const auto* look = std::get_if<ProbeTarget>(&event)) {
    node.overlay->probed(now, look->exposure.name,
                         node.dead_targets ? service::Health::Refused : service::Health::Ok,
                         node.dead_targets ? "127.0.0.1:8080: Connection refused" : "",
                         look->network);
  } else if (const auto* ready = std::get_if<ConnectReady>(&event)) {
    node.clients[ready->key] = {};
  } else if (const auto* taken = std::get_if<ConnectAccepted>(&event)) {
    node.clients.at(taken->key).accepted = true;
  } else if (const auto* refused = std::get_if<ConnectRefused>(&event)) {
    node.clients.at(refused->key).refused = refused->status;
    node.clients.at(refused->key).refused_because = refused->detail;
  } else if (const auto* readable = std::get_if<DataReadable>(&event)) {
    if (node.serving.contains(readable->key) || node.clients.contains(readable->key))
      pump(node, readable->key);
  } else if (const auto* writable = std::get_if<DataWritable>(&event)) {
    flush(node, writable->key);
  } else if (const auto* reset = std::get_if<DataReset>(&event)) {
    if (const auto served = node.served.find(reset->key); served != node.served.end())
      served->second = reset->code;
    if (const auto client = node.clients.find(reset->key); client != node.clients.end()) {
      client->second.reset = reset->code;
      if (!client->second.ended) client->second.ended = now;
    }
  } else if (const auto* closed = std::get_if<DataClosed>(&event)) {
    node.serving.erase(closed->key);
    node.unsent.erase(closed->key);
    node.ending.erase(closed->key);
    if (const auto client = node.clients.find(closed->key); client != node.clients.end()) {
      client->second.closed = true;
      if (!client->second.ended) client->second.ended = now;
    }
  }
}

void World::pump(Node& node, const StreamKey& key) {
  auto& sessions = node.overlay->sessions();
  const auto client = node.clients.find(key);
  const auto serving = node.serving.find(key);
  for (auto view = sessions.readable(key.session, key.stream); !view.empty();
       view = sessions.readable(key.session, key.stream)) {
    const Bytes bytes = to_bytes(view);
    sessions.consume(now, key.session, key.stream, bytes.size());
    if (client != node.clients.end()) client->second.received += text_of(bytes);
    if (serving != node.serving.end()) say(node, key, text_of(bytes));
  }
  if (serving != node.serving.end() && !serving->second &&
      sessions.read_finished(key.session, key.stream)) {
    serving->second = true;
    end(node, key);
  }
}

void World::flush(Node& node, const StreamKey& key) {
  auto& sessions = node.overlay->sessions();
  if (const auto at = node.unsent.find(key); at != node.unsent.end()) {
    const auto taken = sessions.write(now, key.session, key.stream, at->second);
    at->second.erase(at->second.begin(), at->second.begin() + static_cast<std::ptrdiff_t>(taken));
    if (!at->second.empty()) return;
    node.unsent.erase(at);
  }
  if (node.ending.erase(key) > 0) sessions.finish(now, key.session, key.stream);
}

Result<Outcome> World::finish(Node& node, CommandId id, Duration span) {
  run_until([&] { return node.answer(id).has_value(); }, span);
  const auto answer = node.answer(id);
  return answer ? *answer : fail(Errc::Timeout, "the test saw no answer");
}

Result<InviteOutcome> World::invite(Node& inviter, const std::string& name,
                                    std::vector<std::string> may, std::vector<std::string> allow,
                                    Duration ttl) {
  const auto id = inviter.overlay->invite(now, name, std::move(may), std::move(allow), ttl);
  WEFT_TRY(const auto outcome, finish(inviter, id));
  return std::get<InviteOutcome>(outcome);
}

Result<JoinOutcome> World::join(Node& joiner, const std::string& ticket) {
  WEFT_TRY(const auto outcome, finish(joiner, joiner.overlay->join(now, ticket)));
  return std::get<JoinOutcome>(outcome);
}

void World::bring_in(Node& inviter, Node& joiner, std::vector<std::string> may) {
  const auto ticket = invite(inviter, joiner.name, std::move(may));
  WEFT_ASSERT(ticket.has_value());
  const auto joined = join(joiner, ticket->ticket);
  WEFT_ASSERT(joined.has_value());
  WEFT_ASSERT(run_until([&] { return linked(inviter, joiner); }));
}

Result<Outcome> World::expose(Node& node, const std::string& service,
                              std::vector<std::string> allow) {
  auto target = service::Target::from_text("8080");
  WEFT_ASSERT(target.has_value());
  return finish(node, node.overlay->expose(now, {service, service::Protocol::Tcp, *target},
                                           std::move(allow)));
}

Client& World::open(Node& node, const std::string& service, const std::string& where) {
  const auto id = node.overlay->connect(now, service, where);
  run_until([&] { return node.stream_of(id) || node.connect_error(id); });
  WEFT_ASSERT(node.stream_of(id).has_value());
  Client& client = node.clients.at(*node.stream_of(id));
  run_until([&] { return client.accepted || client.refused || client.closed; });
  return client;
}

void World::say(Node& node, const StreamKey& key, std::string_view text) {
  append(node.unsent[key], bytes_of(text));
  flush(node, key);
}

void World::end(Node& node, const StreamKey& key) {
  node.ending.insert(key);
  flush(node, key);
}

StreamKey World::last_key(const Node& node) const {
  const auto ready = node.of<ConnectReady>();
  WEFT_ASSERT(!ready.empty());
  return ready.back().key;
}

bool World::linked(const Node& a, const Node& b) const {
  const auto up = [&](const Node& from, const Node& to) {
    if (!from.overlay) return false;
    const auto networks = from.overlay->networks(now);
    return std::ranges::any_of(networks, [&](const NetworkView& network) {
      return std::ranges::any_of(
          from.overlay->find(network.id)->peers().view(),
          [&](const PeerView& peer) { return peer.id == to.identity.id && peer.state == "up"; });
    });
  };
  return up(a, b) && up(b, a);
}

bool World::same_head(const Node& a, const Node& b) const {
  const auto names = [](const Node& node) {
    std::vector<std::string> out;
    for (const auto& member : node.overlay->members()) out.push_back(member.name);
    return out;
  };
  return a.overlay->network() == b.overlay->network() && names(a) == names(b);
}

}  // namespace weft::overlay::testing
