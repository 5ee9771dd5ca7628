// A deterministic discrete-event simulation: virtual time, nodes, and the network between them.
// Everything follows from the seed; nothing reads a clock.
//
// A node is its core plus online or not. An offline node has no timer and eats what arrives for it.
// After each call into a core its transmits are drained, then its events, then its next deadline.
//
// Time passes in windows [i, i + 1) * kWindow. The nodes are in shards by region of the world; no
// datagram crosses in less than a window, so shards run one window beside each other, on one thread
// or two, and meet at its end. There the script (churn, faults, workload) has its turn: what is
// posted for a time happens at the next start of a window, before everything else then.
// The result depends neither on the number of threads nor on compiler and build type.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "simulations/shard.hpp"

namespace weft::sim {

class Team;

class Simulator {
 public:
  using Script = std::function<void(Instant, std::uint32_t)>;
  static constexpr Duration kWindow = Network::kLookahead;

  // `threads`: more than there are shards change nothing.
  static Result<std::unique_ptr<Simulator>> create(const NetworkOptions& options,
                                                   std::uint64_t seed, unsigned threads = 1);
  ~Simulator();

  // A node starts offline and without a core.
  std::uint32_t add_node(Network::Placement placement);
  void go_online(std::uint32_t node, std::unique_ptr<NodeCore> core);
  // Gone for good or for now: with its core (left), or keeping it (suspended: it wakes up with the
  // memory it had).
  std::unique_ptr<NodeCore> go_offline(std::uint32_t node);

  void set_script(Script script) { script_ = std::move(script); }
  void post_script(Instant at, std::uint32_t payload);
  // After a command to a core from outside.
  void drain(std::uint32_t node) { shard_of(node).drain(now_, node); }

  // Runs everything up to and including `end`. Stops early, between windows, when *stop.
  void run_until(Instant end, const std::atomic<bool>* stop = nullptr);

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] bool online(std::uint32_t node) const { return world_.nodes[node] != nullptr; }
  [[nodiscard]] NodeCore* core(std::uint32_t node) { return world_.nodes[node].get(); }
  [[nodiscard]] Network& network() { return world_.network; }
  [[nodiscard]] const Traffic& traffic(std::uint32_t node) const { return world_.traffic[node]; }
  [[nodiscard]] Traffic total_traffic() const;
  [[nodiscard]] std::uint64_t events() const;
  [[nodiscard]] std::size_t size() const { return world_.nodes.size(); }
  [[nodiscard]] std::size_t online_count() const { return online_; }
  [[nodiscard]] std::string digest();
  [[nodiscard]] std::size_t overhead_bytes() const;  // all but the cores
  [[nodiscard]] std::size_t packets_in_flight() const;

  // The second thread is called in when a window has so many events or more; it changes nothing but
  // the time that takes.
  void team_from(std::uint64_t events) { worth_a_team_ = events; }

  // Called on the owner's thread when a window is over.
  std::function<void()> on_window;
  // Every delivered datagram, for a trace: after its window, in order of time, sender, receiver.
  void log_deliveries(std::function<void(const Delivery&)> log);

 private:
  Simulator(Network network, unsigned threads);
  [[nodiscard]] Shard& shard_of(std::uint32_t node) {
    return *shards_[world_.network.shard_of(node)];
  }
  // What happens before `end`; then it is `then`.
  void run_window(std::int64_t end, std::int64_t then);
  void report_deliveries();

  Instant now_{};
  World world_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<Team> team_;  // with two threads
  EventQueue agenda_;           // the script's, a source of its own
  Script script_;
  std::function<void(const Delivery&)> log_;
  std::uint64_t script_events_ = 0;
  std::uint64_t lately_ = 0;  // events in a window, smoothed
  std::uint64_t worth_a_team_ = 16;
  std::size_t online_ = 0;
};

}  // namespace weft::sim
