// Some hundred DHT cores in memory: one queue of datagrams and deadlines, virtual time, everything
// from one seed. Loss and dead nodes on demand. The simulator proper is in simulations/.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <unordered_map>
#include <vector>

#include "base/seeded_rng.hpp"
#include "dht/dht.hpp"
#include "overlay/post/lone_dht.hpp"
#include "overlay/post/null_sealer.hpp"

namespace weft::dht::test {

struct WorldOptions {
  std::uint64_t seed = 1;
  Duration delay = 25ms;  // one way, plus up to half of it
  unsigned loss_percent = 0;
  bool one_prefix = false;  // all addresses in one public /24
  bool private_range = false;
};

class World {
 public:
  struct Node {
    ContactHandle handle = ContactHandle::None;
    std::unique_ptr<post::NullSealer> sealer;
    std::unique_ptr<Dht> dht;
    std::unique_ptr<post::LoneDht> port;
    Identity identity;
    bool dead = false;
    std::vector<DhtEvent> events;
  };
  struct Packet {
    Endpoint from;
    Endpoint to;
    Bytes bytes;
  };

  explicit World(const WorldOptions& options = {}, const Config& config = {})
      : options_(options),
        config_(config),
        rng_(options.seed),
        book_(ContactBook::Use::Shared, 1u << 20) {}

  static Contact contact_for(const Identity& identity, const Endpoint& endpoint) {
    return {identity.id, identity.public_key(), identity.public_key(), endpoint};
  }

  std::size_t add(std::optional<Endpoint> endpoint = std::nullopt, bool server = true) {
    const std::size_t index = nodes_.size();
    auto node = std::make_unique<Node>();
    node->identity = Identity::generate(rng_);
    const Contact self = contact_for(node->identity, endpoint ? *endpoint : address(index));
    node->handle = book_.intern(self);
    node->sealer = std::make_unique<post::NullSealer>(book_, node->handle);
    node->dht = std::make_unique<Dht>(
        now_, DhtSetup{config_, book_, *node->sealer, rng_, network_, self, wall_, server});
    node->port = std::make_unique<post::LoneDht>(*node->sealer, *node->dht);
    by_endpoint_[self.endpoint] = index;
    nodes_.push_back(std::move(node));
    return index;
  }

  // The node is at another address from now on; its core has not noticed.
  void move(std::size_t index, const Contact& to) {
    nodes_[index]->handle = book_.intern(to);
    by_endpoint_[to.endpoint] = index;
  }

  // `count` nodes that join one after another through node 0.
  void grow(std::size_t count, Duration pace = 200ms) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t index = add();
      if (index > 0) {
        const Contact seed = book_.at(nodes_[rng_.uniform(index)]->handle);
        nodes_[index]->dht->bootstrap(now_, std::span(&seed, 1));
        drain(index);
      }
      run(pace);
    }
  }

  void run(Duration duration) {
    const Instant end = now_ + duration;
    while (step(end)) {
    }
    now_ = end;
  }
  // Runs until node `index` reports an event of this kind, or `limit` has passed.
  template <class E>
  std::optional<E> await(std::size_t index, Duration limit = 60s) {
    const Instant end = now_ + limit;
    for (;;) {
      auto& events = nodes_[index]->events;
      for (auto it = events.begin(); it != events.end(); ++it) {
        if (const E* found = std::get_if<E>(&*it)) {
          E result = *found;
          events.erase(it);
          return result;
        }
      }
      if (!step(end)) return std::nullopt;
    }
  }

  void drain(std::size_t index) {
    Node& node = *nodes_[index];
    if (node.dead) return;
    ByteArray<2048> buffer;
    while (const auto transmit = node.port->poll_transmit(now_, buffer)) {
      ++sent_;
      sent_bytes_ += transmit->size;
      Packet packet{
          book_.at(node.handle).endpoint, transmit->to,
          Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(transmit->size))};
      if (on_packet) on_packet(packet);
      post(std::move(packet));
    }
    while (auto event = node.dht->poll_event()) node.events.push_back(std::move(*event));
    const auto timeout = node.dht->poll_timeout();
    if (timeout) timers_.push({std::max(*timeout, now_), sequence_++, index});
  }

  void post(Packet packet) {
    if (options_.loss_percent > 0 && rng_.uniform(100) < options_.loss_percent) return;
    const auto half = static_cast<std::uint64_t>(options_.delay.count() / 2);
    const Instant at = now_ + options_.delay +
                       Duration(static_cast<std::int64_t>(half == 0 ? 0 : rng_.uniform(half)));
    packets_.emplace(std::pair(at, sequence_++), std::move(packet));
  }
  void deliver(const Packet& packet) {
    const auto found = by_endpoint_.find(packet.to);
    if (found == by_endpoint_.end() || nodes_[found->second]->dead) return;
    Datagram in;
    in.from = packet.from;
    in.payload = packet.bytes;
    nodes_[found->second]->port->handle_datagram(now_, in);
    drain(found->second);
  }

  // The living servers nearest to `target`, the truth no node knows.
  [[nodiscard]] std::vector<std::size_t> truth(const NodeId& target, std::size_t count) const {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (!nodes_[i]->dead && nodes_[i]->dht->is_server()) order.push_back(i);
    std::ranges::sort(order, {}, [&](std::size_t i) { return distance(id(i), target); });
    order.resize(std::min(order.size(), count));
    return order;
  }

  [[nodiscard]] std::size_t index_at(const Endpoint& endpoint) const {
    return by_endpoint_.at(endpoint);
  }
  Node& node(std::size_t index) { return *nodes_[index]; }
  Dht& dht(std::size_t index) { return *nodes_[index]->dht; }
  [[nodiscard]] const NodeId& id(std::size_t index) const { return nodes_[index]->identity.id; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] const NetworkId& network() const { return network_; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t sent_bytes() const { return sent_bytes_; }
  ContactBook& book() { return book_; }
  Rng& rng() { return rng_; }
  std::function<void(const Packet&)> on_packet;
  const Config& config() const { return config_; }

 private:
  struct Timer {
    Instant at;
    std::uint64_t sequence;
    std::size_t node;
    bool operator>(const Timer& other) const {
      return std::pair(at, sequence) > std::pair(other.at, other.sequence);
    }
  };

  Endpoint address(std::size_t index) const {
    const auto i = static_cast<std::uint32_t>(index);
    if (options_.private_range) return Endpoint::v4(0x0a000001U + i, 4000);
    if (options_.one_prefix) return Endpoint::v4(0xc6336400U + i % 256, 4000);
    return Endpoint::v4(0x50000000U + i * 256 + 1, 4000);
  }

  bool step(Instant end) {
    const bool packet = !packets_.empty() && packets_.begin()->first.first < end;
    const bool timer = !timers_.empty() && timers_.top().at < end;
    if (!packet && !timer) {
      now_ = std::max(now_, end);
      return false;
    }
    if (packet && (!timer || packets_.begin()->first.first <= timers_.top().at)) {
      now_ = packets_.begin()->first.first;
      const Packet next = std::move(packets_.begin()->second);
      packets_.erase(packets_.begin());
      deliver(next);
      return true;
    }
    const Timer next = timers_.top();
    timers_.pop();
    now_ = next.at;
    Node& node = *nodes_[next.node];
    // Only the newest deadline counts; older ones are leftovers.
    if (node.dead || node.dht->poll_timeout() > now_) return true;
    node.dht->handle_timeout(now_);
    drain(next.node);
    return true;
  }

  WorldOptions options_;
  Config config_;
  SeededRng rng_;
  ContactBook book_;
  NetworkId network_{};
  WallClock wall_{Instant{}, 1'800'000'000};
  Instant now_{};
  std::uint64_t sequence_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unordered_map<Endpoint, std::size_t> by_endpoint_;
  std::map<std::pair<Instant, std::uint64_t>, Packet> packets_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
};

// Nodes that have found each other.
inline std::unique_ptr<World> grown(std::size_t count, const WorldOptions& options = {},
                                    const Config& config = {}) {
  auto world = std::make_unique<World>(options, config);
  world->grow(count, 100ms);
  world->run(30s);
  return world;
}

inline Identity author_of(std::uint64_t seed) {
  SeededRng rng(seed);
  return Identity::generate(rng);
}

template <class E>
std::optional<E> run_put(World& world, std::size_t node, const Record& record,
                         const PutOptions& options = {.cas = std::nullopt, .keep = false}) {
  world.dht(node).put(world.now(), record, options);
  world.drain(node);
  return world.await<E>(node);
}

inline std::optional<GetDone> run_get(World& world, std::size_t node, const Key& key,
                                      RecordKind kind) {
  world.dht(node).get(world.now(), key, {.kind = kind});
  world.drain(node);
  return world.await<GetDone>(node);
}

}  // namespace weft::dht::test
