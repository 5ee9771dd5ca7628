// Many membership cores on one virtual network: latency, loss, links cut in one direction,
// processes that stop, die and come back, all from one seed. No sessions, unless a test says so.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <vector>

#include "base/crypto.hpp"
#include "base/seeded_rng.hpp"
#include "overlay/membership/swim.hpp"

namespace weft::membership::testing {

// Costs nothing and proves nothing: for networks where only numbers matter.
class NoNotary final : public Notary {
 public:
  [[nodiscard]] crypto::Signature sign(ByteView) const override { return {}; }
  [[nodiscard]] bool verify(const IdentityKey&, ByteView, const crypto::Signature&) const override {
    return true;
  }
};

struct Change {
  Instant at;
  StateChanged change;
};

struct Peer final : Sessions {
  explicit Peer(const Identity& who, std::uint64_t seed) : identity(who), rng(seed) {}
  [[nodiscard]] std::optional<Seen> with(const NodeId& node) const override {
    const auto at = sessions.find(node);
    return at == sessions.end() ? std::nullopt : std::optional(at->second);
  }

  Identity identity;
  SeededRng rng;
  std::unique_ptr<Notary> notary;
  std::map<NodeId, Seen> sessions;
  std::unique_ptr<Swim> swim;  // none: the process is not there
  Instant paused_until{};
  Incarnation stored = 0;  // what its disk has
  std::vector<Change> changes;
  std::vector<Spoke> spoke;
  std::vector<Behind> behind;
  std::uint64_t bytes = 0, packets = 0, wakes = 0;  // sent; moments at which it had to do something
};

class World {
 public:
  struct Setting {
    std::uint64_t seed = 1;
    Duration latency = 20ms;  // one way, up to half as much more
    unsigned loss = 0;        // per mille
    bool real = true;         // signatures
    Options options = {};
  };
  World(std::size_t count, const Setting& setting) : setting_(setting), rng_(setting.seed) {
    network_.bytes[0] = 7;
    now += 1h;
    for (std::size_t i = 0; i < count; ++i) {
      Identity identity;
      if (setting.real) {
        identity = Identity::from_seed(rng_.bytes<32>());
      } else {
        identity.key.public_key = rng_.bytes<32>();
        identity.id = node_id_of(identity.key.public_key);
      }
      peers.push_back(std::make_unique<Peer>(identity, setting.seed * 7919 + i));
      index_[identity.id] = i;
      roster.push_back({identity.id, identity.public_key()});
    }
    slow.resize(count);
    for (std::size_t i = 0; i < count; ++i) start(i);
  }

  void start(std::size_t i) {
    Peer& peer = *peers[i];
    if (setting_.real)
      peer.notary = std::make_unique<RealNotary>(peer.identity.key);
    else
      peer.notary = std::make_unique<NoNotary>();
    SwimSetup setup{peer.identity.id, peer.identity.public_key(), network_, peer.stored,
                    setting_.options};
    peer.swim = std::make_unique<Swim>(now, setup, *peer.notary, peer, peer.rng);
    peer.swim->set_members(now, roster);
    peer.swim->set_self(now,
                        {1,
                         {UdpAddress{Endpoint::v4(0x0a000001U + static_cast<unsigned>(i), 4000)}},
                         std::nullopt});
    drain(i);
  }
  void crash(std::size_t i) {
    peers[i]->swim.reset();
    peers[i]->changes.clear();
  }
  // As SIGSTOP: datagrams wait for it, kQueue of them.
  void pause(std::size_t i, Duration span) { peers[i]->paused_until = now + span; }
  // Nothing passes from a to b.
  void cut(std::size_t a, std::size_t b, bool on = true) {
    if (on)
      cuts_.insert({a, b});
    else
      cuts_.erase({a, b});
  }

  void run(Duration span) {
    const Instant until = now + span;
    while (step(until)) {
    }
  }
  bool run_until(const std::function<bool()>& done, Duration span) {
    const Instant until = now + span;
    while (!done())
      if (!step(until)) return done();
    return true;
  }

  [[nodiscard]] State state(std::size_t at, std::size_t of) const {
    return peers[at]->swim->table().find(peers[of]->identity.id)->state;
  }
  [[nodiscard]] bool all_see(std::size_t of, State state_wanted) const {
    for (std::size_t i = 0; i < peers.size(); ++i)
      if (i != of && peers[i]->swim && peers[i]->paused_until <= now &&
          state(i, of) != state_wanted)
        return false;
    return true;
  }
  [[nodiscard]] bool all_alive() const {
    for (std::size_t i = 0; i < peers.size(); ++i)
      if (peers[i]->swim && !all_see(i, State::Alive)) return false;
    return true;
  }
  [[nodiscard]] std::size_t index(const NodeId& node) const { return index_.at(node); }
  [[nodiscard]] const NetworkId& network() const { return network_; }
  void inject(std::size_t from, std::size_t to, const Bytes& packet) {
    peers[to]->swim->handle_packet(now, peers[from]->identity.id, packet, false);
    drain(to);
  }
  void drain(std::size_t i) {
    Peer& peer = *peers[i];
    while (auto output = peer.swim->poll_output()) {
      if (auto* send = std::get_if<Send>(&*output)) deliver(i, std::move(*send));
      if (auto* change = std::get_if<StateChanged>(&*output)) {
        peer.changes.push_back({now, *change});
        if (on_change) on_change(i, *change);
      }
      if (auto* spoke = std::get_if<Spoke>(&*output)) peer.spoke.push_back(*spoke);
      if (auto* behind = std::get_if<Behind>(&*output)) peer.behind.push_back(*behind);
      if (auto* reserve = std::get_if<Reserve>(&*output)) peer.stored = reserve->incarnation;
    }
    plan(i);
  }

  Instant now{};
  std::vector<std::unique_ptr<Peer>> peers;
  std::vector<Table::Roster> roster;
  std::vector<Duration> slow;  // how long this one's packets lie before it looks at them
  std::size_t biggest = 0;     // packet
  std::function<void(std::size_t, const StateChanged&)> on_change;
  std::function<bool(std::size_t from, std::size_t to)> tap;  // false swallows it

 private:
  struct Event {
    Instant at;
    std::uint64_t order = 0;
    std::size_t to = 0;
    std::size_t from = 0;
    std::shared_ptr<Bytes> packet;  // none: a deadline
    bool operator>(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  void plan(std::size_t i) {
    Peer& peer = *peers[i];
    if (!peer.swim) return;
    const auto at = peer.swim->poll_timeout();
    if (at) events_.push({std::max({*at, now, peer.paused_until}), ++order_, i, i, nullptr});
  }
  void deliver(std::size_t from, Send send) {
    biggest = std::max(biggest, send.packet.size());
    peers[from]->bytes += send.packet.size();
    ++peers[from]->packets;
    const std::size_t to = index_.at(send.to);
    if (cuts_.contains({from, to}) || (tap && !tap(from, to))) return;
    if (setting_.loss > 0 && rng_.uniform(1000) < setting_.loss) return;
    const Duration wait = setting_.latency + slow[to] +
                          Duration(static_cast<std::int64_t>(rng_.uniform(
                              static_cast<std::uint64_t>(setting_.latency.count() / 2 + 1))));
    events_.push({now + wait, ++order_, to, from, std::make_shared<Bytes>(std::move(send.packet))});
  }
  bool step(Instant until) {
    if (events_.empty() || events_.top().at >= until) {
      now = until;
      return false;
    }
    const Event event = events_.top();
    events_.pop();
    Peer& peer = *peers[event.to];
    if (!peer.swim) return true;
    now = std::max(now, event.at);
    if (peer.paused_until > now) {
      Event later = event;
      later.at = peer.paused_until;
      events_.push(later);
      return true;
    }
    if (event.packet) {
      ++peer.wakes;
      peer.swim->handle_packet(now, peers[event.from]->identity.id, *event.packet, false);
    } else {
      const auto due = peer.swim->poll_timeout();
      if (!due || *due > now) return true;  // an old plan
      ++peer.wakes;
      peer.swim->handle_timeout(now);
    }
    drain(event.to);
    return true;
  }

  Setting setting_;
  SeededRng rng_;
  NetworkId network_;
  std::map<NodeId, std::size_t> index_;
  std::set<std::pair<std::size_t, std::size_t>> cuts_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
};

}  // namespace weft::membership::testing
