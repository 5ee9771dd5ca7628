// One node of a simulated network: the real dht::Dht behind the null sealer (same sizes, no
// cryptography), reporting its events to whoever runs the run.
#pragma once

#include "dht/dht.hpp"
#include "overlay/post/lone_dht.hpp"
#include "overlay/post/null_sealer.hpp"
#include "simulations/dht/faults.hpp"
#include "simulations/node_core.hpp"

namespace weft::sim {

class DhtObserver {
 public:
  virtual ~DhtObserver() = default;
  virtual void on_event(Instant now, std::uint32_t node, dht::DhtEvent&& event) = 0;
};

// What the nodes of one shard share.
struct NodeContext {
  const dht::Config& config;
  dht::ContactBook& book;
  Rng& rng;
  NetworkId network;
  WallClock wall;
  DhtObserver& observer;
  const std::vector<dht::ContactHandle>& accomplices;  // all that misbehave
};

class VirtualNode final : public NodeCore {
 public:
  // `name` is the handle of the node's first contact: what its datagrams call it, since all books
  // of a simulation agree on it. `self` is where it is now.
  VirtualNode(Instant now, const NodeContext& context, std::uint32_t index, dht::ContactHandle name,
              const dht::Contact& self, bool server, Fault fault);

  void handle_datagram(Instant now, const Datagram& in) override;
  void handle_timeout(Instant now) override { dht_.handle_timeout(now); }
  std::optional<Transmit> poll_transmit(Instant now, MutableByteView out) override;
  bool drain_events(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override { return dht_.poll_timeout(); }
  [[nodiscard]] std::size_t memory_bytes() const override {
    return sizeof(*this) - sizeof(dht_) + dht_.memory();
  }
  void warm(int step, ByteView datagram) const override {
    dht_.warm(step, post::NullSealer::sender_of(datagram), post::NullSealer::is_reply(datagram));
  }
  void check_invariants() const override { dht_.check_invariants(); }

  // After each command: Simulator::drain(index).
  [[nodiscard]] dht::Dht& dht() { return dht_; }
  void moved(Instant now, const dht::Contact& self) { dht_.set_self(now, self); }

 private:
  DhtObserver& observer_;
  std::uint32_t index_;
  post::NullSealer sealer_;
  std::unique_ptr<FaultySealer> faulty_;  // of a Byzantine node
  dht::Dht dht_;
  post::LoneDht port_;
};

}  // namespace weft::sim
