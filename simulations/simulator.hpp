// A deterministic discrete-event simulation: virtual time, one event queue, nodes and the network
// between them. Everything follows from the seed; nothing reads a clock.
//
// A node is its core plus online or not. An offline node has no timer and eats what arrives for it.
// After each call into a core its transmits are drained, then its events, then its next deadline.
// The script (churn, faults, workload) is a source of its own and goes first when times are equal.
// Nodes run on one thread; a second one can take the digest. The digest depends neither on that nor
// on compiler and build type.
#pragma once

#include <atomic>
#include <functional>
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

class Simulator {
 public:
  using Script = std::function<void(Instant, std::uint32_t)>;

  // `threads`: 2 moves the digest to a thread of its own; more change nothing.
  static Result<std::unique_ptr<Simulator>> create(const NetworkOptions& options,
                                                   std::uint64_t seed, unsigned threads = 1);

  // A node starts offline and without a core.
  std::uint32_t add_node(Network::Placement placement);
  void go_online(std::uint32_t node, std::unique_ptr<NodeCore> core);
  // Gone for good or for now: with its core (left), or keeping it (suspended: it wakes up with the
  // memory it had).
  std::unique_ptr<NodeCore> go_offline(std::uint32_t node);

  void set_script(Script script) { script_ = std::move(script); }
  void post_script(Instant at, std::uint32_t payload);
  // After a command to a core from outside.
  void drain(std::uint32_t node);

  // Runs everything up to and including `end`. Stops early, between events, when *stop.
  void run_until(Instant end, const std::atomic<bool>* stop = nullptr);

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] bool online(std::uint32_t node) const { return nodes_[node] != nullptr; }
  [[nodiscard]] NodeCore* core(std::uint32_t node) { return nodes_[node].get(); }
  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] const Traffic& traffic(std::uint32_t node) const { return traffic_[node]; }
  [[nodiscard]] const Traffic& total_traffic() const { return total_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] std::size_t online_count() const { return online_; }
  [[nodiscard]] std::string digest() { return digest_.hex(); }
  [[nodiscard]] std::size_t overhead_bytes() const;  // all but the cores
  [[nodiscard]] std::size_t packets_in_flight() const { return packets_.live(); }
  [[nodiscard]] std::size_t queue_size() const { return queue_.size(); }
  // Every delivered datagram, for a trace; the view is valid during the call.
  std::function<void(Instant, std::uint32_t, std::uint32_t, ByteView)> on_delivery;

 private:
  Simulator(Network network, unsigned threads);
  static constexpr SourceIndex kScript = 0;
  static SourceIndex source_of(std::uint32_t node) { return node + 1; }
  void dispatch(const Event& event);
  void deliver(PacketHandle handle);
  void warm_up();
  void transmit(std::uint32_t node, const Endpoint& to, ByteView bytes);

  Instant now_{};
  EventQueue queue_;
  Network network_;
  PacketArena packets_;
  Digest digest_;
  Script script_;
  std::vector<std::unique_ptr<NodeCore>> nodes_;
  std::vector<Traffic> traffic_;
  Traffic total_;
  std::uint64_t events_ = 0;
  std::size_t online_ = 0;
  Bytes buffer_;
};

}  // namespace weft::sim
