// What the nodes of a run are and what they are asked to do: everything of a simulation that
// depends on the protocol under test. The Run brings population, churn, faults, sampling and time;
// a workload brings its cores, its requests, its checkers, its table of the scenario and its
// columns of the report. docs/simulation.md shows how to add one.
//
// Order of calls: start() once; then arrive() and arrived() for each node that comes, departed() or
// suspended() and woke() when it goes; play() for what the workload posted itself; window_over()
// after every window of virtual time; sample() at each sample; finish() at the end.
// All calls come between windows, on the owner's thread. A workload may touch any node then, and
// calls Simulator::drain() after each command to a core.
#pragma once

#include <memory>
#include <vector>

#include "simulations/metrics.hpp"
#include "simulations/node_core.hpp"
#include "simulations/scenario.hpp"

namespace weft::sim {

class Run;

class Workload {
 public:
  Workload() = default;
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;
  virtual ~Workload() = default;

  // The nodes are placed, none is online. `warm`: when measuring begins.
  virtual void start(Instant warm) = 0;

  // The core of a node that comes now; it is not online before arrived().
  virtual std::unique_ptr<NodeCore> arrive(Instant now, std::uint32_t node) = 0;
  virtual void arrived(Instant /*now*/, std::uint32_t /*node*/) {}
  // It ended as by kill -9; its core is handed over for what outlives a process.
  virtual void departed(Instant now, std::uint32_t node, std::unique_ptr<NodeCore> core) = 0;
  // Its lid was closed: it will wake with the memory it had.
  virtual void suspended(std::uint32_t node) = 0;
  virtual void woke(Instant now, std::uint32_t node, NodeCore& core) = 0;
  // It has another address.
  virtual void moved(Instant now, std::uint32_t node) = 0;
  // An event of the script that is the workload's own.
  virtual void play_event(Instant /*now*/, const ScriptedEvent& /*event*/) {}
  virtual void parted(Instant /*now*/) {}
  virtual void healed(Instant /*now*/) {}
  // Nodes that a partition has to put on different sides; none: as the seed will.
  [[nodiscard]] virtual std::vector<std::uint32_t> kept_apart() const { return {}; }

  // What was posted by Run::post(at, step, argument).
  virtual void play(Instant now, std::uint32_t step, std::uint32_t argument) = 0;
  virtual void window_over(Instant now) = 0;

  // Checkers look here; own columns go into the row.
  virtual void sample(Instant now, Sample& row) = 0;
  // What was measured, what was expected, which laws were broken.
  virtual void finish(RunResult& result) = 0;
  [[nodiscard]] virtual std::size_t memory_bytes() const { return 0; }
};

}  // namespace weft::sim
