// The world between the nodes: addresses, lines, distance, translators, partitions. It decides the
// fate of each datagram twice: when it is sent (uplink, loss, distance) and when it arrives
// (translator, downlink). Nodes behind one translator are a home: they share its place, its line
// and its public address. Inside it each has an address of 192.168.0.0/16, which means another node
// in another home, and nobody outside.
// Every draw is a hash of (seed, sender, the sender's packet number): no order matters but each
// sender's own.
//
// The nodes of a world are in two shards, by continent (homes as a whole);
// the oceans between them are so wide that nothing crosses in less than kLookahead (the few pairs
// for whom the model says less take that). Smaller worlds and matrices are one shard.
// send() touches the sender's shard alone, arrive() the receiver's.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "simulations/latency_model.hpp"
#include "simulations/link.hpp"
#include "simulations/nat_model.hpp"
#include "simulations/packet_arena.hpp"

namespace weft::sim {

struct NatShare {
  std::string kind;  // a name nat_behavior_named knows
  std::uint32_t percent = 0;
};

struct NetworkOptions {
  LatencyOptions latency;
  LossOptions loss;
  bool access_queues = true;
  Duration queue_limit = 250ms;
  std::vector<NatShare> nats;              // what is missing to 100 is public
  std::uint32_t port_mapping_percent = 0;  // of translated nodes, those with an opened port
  std::uint32_t home_size = 1;             // nodes behind one translator
  Duration nat_timeout = 0s;               // 0: each kind's own
  std::uint16_t nat_quota = 0;             // mappings; 0: each kind's own
  bool nat_hairpin = false;                // those of one home reach each other by its address
};

enum class Drop : std::uint8_t {
  NoRoute,
  Loss,
  UplinkFull,
  DownlinkFull,
  Translator,
  HopLimit,  // sent with a few hops only: it opens the sender's translator and goes no further
  Partition,
  Offline,
  kCount
};
std::string_view name_of(Drop reason);

class Network {
 public:
  struct Arrival {
    enum class Verdict : std::uint8_t { Deliver, Later, Dropped } verdict = Verdict::Dropped;
    std::uint32_t node = 0;
    Instant at;
  };
  enum class Placement : std::uint8_t { Mixed, Public };
  static constexpr std::uint32_t kMostShards = 2;
  static constexpr Duration kLookahead = 20ms;

  static Result<Network> create(const NetworkOptions& options, std::uint64_t seed);

  std::uint32_t add_node(Placement placement);
  // Posts nothing itself: fills the header and says when the datagram reaches the far access line.
  // `ttl`: hops after which it is dropped, which are never enough; 0: as usual.
  std::optional<Instant> send(Instant now, std::uint32_t from, const Endpoint& to, std::size_t size,
                              PacketHeader& header, std::uint8_t ttl = 0);
  Arrival arrive(Instant now, PacketHeader& header);
  // Who a datagram to this gateway is likely for; a guess where several share it.
  [[nodiscard]] std::uint32_t likely_receiver(std::uint32_t gateway) const {
    return gateways_[gateway].node;
  }
  void warm(std::uint32_t node) const {
    __builtin_prefetch(&nodes_[node]);
    if (node < gateways_.size()) __builtin_prefetch(&gateways_[node]);  // its own, without homes
    latency_.warm(node);
  }
  void count_drop(Drop reason, std::uint32_t shard) {
    ++drops_[shard].count[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] std::uint32_t shards() const { return latency_.continents() > 1 ? kMostShards : 1; }
  [[nodiscard]] std::uint32_t shard_of(std::uint32_t node) const { return nodes_[node].shard; }
  [[nodiscard]] std::uint32_t shard_of_gateway(std::uint32_t gateway) const {
    return nodes_[gateways_[gateway].node].shard;
  }

  // Itself, or the first of those it shares a home with.
  [[nodiscard]] std::uint32_t home_of(std::uint32_t node) const {
    return gateways_[nodes_[node].gateway].node;
  }
  // Where a public node is reached; behind a translator, where it would be if it opened its port.
  [[nodiscard]] Endpoint public_endpoint(std::uint32_t node) const;
  [[nodiscard]] bool is_public(std::uint32_t node) const;
  // What the node sees on its own interface.
  [[nodiscard]] Endpoint own_endpoint(std::uint32_t node) const;
  // Behind a translator that has a port opened for it.
  [[nodiscard]] bool has_opened_port(std::uint32_t node) const { return nodes_[node].opened; }
  // The node has another port, as after a reboot of its router, which has forgotten everything but
  // opens again what was opened by hand.
  void move_node(std::uint32_t node);
  void set_side(std::uint32_t node, std::uint8_t side) {
    nodes_[node].side = side;
    parted_ = true;
  }
  void heal();

  [[nodiscard]] const LatencyModel& latency() const { return latency_; }
  [[nodiscard]] std::uint64_t dropped(Drop reason) const {
    std::uint64_t sum = 0;
    for (const auto& drops : drops_) sum += drops.count[static_cast<std::size_t>(reason)];
    return sum;
  }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct NodeState {
    std::uint32_t gateway = 0;
    std::uint32_t packets = 0;
    std::uint16_t port = 4000;
    std::uint16_t place = 0;  // in its home
    std::uint8_t side = 0;    // of a partition
    std::uint8_t shard = 0;
    bool opened = false;  // a port of its home's translator
  };
  struct Gateway {           // a place: one line, one address
    std::uint32_t node = 0;  // the public node, or the first of a home
    std::unique_ptr<NatModel> nat;
    Link link;
    std::vector<std::uint32_t> home = {};  // who lives behind the translator
  };
  explicit Network(LatencyModel latency) : latency_(std::move(latency)) {}
  [[nodiscard]] static Endpoint address_of(std::uint32_t gateway, std::uint16_t port);
  [[nodiscard]] std::optional<std::uint32_t> gateway_at(const Endpoint& endpoint) const;
  [[nodiscard]] Link line_of(std::uint32_t node) const;
  [[nodiscard]] const NatBehavior* pick_nat(std::uint32_t node) const;
  std::optional<Instant> drop(Drop reason, std::uint32_t shard);
  std::optional<Instant> send_home(Instant now, std::uint32_t from, const Endpoint& to,
                                   PacketHeader& header);

  NetworkOptions options_;
  std::uint64_t seed_ = 0;
  LatencyModel latency_;
  std::vector<std::pair<std::uint32_t, NatBehavior>> nat_kinds_;
  std::vector<NodeState> nodes_;
  std::vector<Gateway> gateways_;
  bool parted_ = false;  // some node may be on another side
  std::uint32_t open_home_ = 0;
  std::uint32_t open_home_size_ = 0;
  struct alignas(64) Drops {
    std::array<std::uint64_t, static_cast<std::size_t>(Drop::kCount)> count{};
  };
  std::array<Drops, kMostShards> drops_{};
};

}  // namespace weft::sim
