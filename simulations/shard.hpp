// A share of the nodes of a simulation, with a queue, an arena and a digest of its own: what one
// thread runs through one window of virtual time. Shards meet only between windows; what one sends
// to another's nodes waits in an outbox until then, and the network sees to it that it arrives no
// earlier. How the nodes are shared out follows from the scenario alone, never from the number of
// threads: so neither does the result.
//
// While a window runs a shard touches: itself, and of the world the cores, traffic and network
// state of its own nodes. All else of the world is only read.
#pragma once

#include <memory>
#include <vector>

#include "simulations/digest.hpp"
#include "simulations/event_queue.hpp"
#include "simulations/network.hpp"
#include "simulations/node_core.hpp"

namespace weft::sim {

struct Traffic {
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint32_t datagrams_in = 0;
  std::uint32_t datagrams_out = 0;
};

struct Delivery {
  Instant at;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::uint16_t size = 0;
};

// What all shards share.
struct World {
  Network network;
  std::vector<std::unique_ptr<NodeCore>> nodes;  // null: offline
  std::vector<Traffic> traffic;
  bool log_deliveries = false;
};

class Shard {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  Shard(World& world, std::uint32_t index, std::size_t shards);

  void add_node() { queue_.add_sources(1); }
  void cancel_timer(std::uint32_t node) { queue_.cancel_timer(node); }
  // After a command to a core of this shard: transmits, events, then the next deadline.
  void drain(Instant now, std::uint32_t node);

  // Everything before `end`.
  void run(std::int64_t end);
  // Between windows: takes what the other shard has for this one.
  void collect(Shard& other);
  // When something happens here next.
  [[nodiscard]] std::int64_t next_time();

  [[nodiscard]] const Traffic& total() const { return total_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::size_t in_flight() const;
  [[nodiscard]] std::size_t queue_size() const { return queue_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const;
  [[nodiscard]] Digest& digest() { return digest_; }
  // If the world wants them logged; the owner empties it between windows.
  [[nodiscard]] std::vector<Delivery>& deliveries() { return deliveries_; }

 private:
  // Packets on their way to another shard.
  struct Mail {
    struct Item {
      EventKey key;
      PacketHeader header;
    };
    std::vector<Item> items;
    Bytes bytes;  // of all items, one after the other
    std::int64_t earliest = kNever;
  };

  void dispatch(const Event& event);
  void deliver(const EventKey& key, PacketHandle handle);
  void hand_over(const EventKey& key, std::uint32_t node, PacketHandle handle);
  void warm_up();
  std::uint32_t likely_node(const Event& event);
  void transmit(Instant now, std::uint32_t node, const Transmit& out, ByteView bytes);
  void take_in();

  World& world_;
  std::uint32_t index_;
  EventQueue queue_;
  PacketArena packets_;
  Digest digest_;
  Traffic total_;
  std::uint64_t events_ = 0;
  std::vector<Mail> outbox_;  // per shard
  std::vector<Mail> inbox_;
  std::vector<Delivery> deliveries_;
  Bytes buffer_;
};

}  // namespace weft::sim
