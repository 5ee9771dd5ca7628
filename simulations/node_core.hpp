// What the simulator drives: any protocol core of base/core.hpp's shape behind one virtual seam, so
// that one queue can hold nodes of several kinds (honest, Byzantine, test cores).
#pragma once

#include "base/core.hpp"

namespace weft::sim {

class NodeCore {
 public:
  NodeCore() = default;
  NodeCore(const NodeCore&) = delete;
  NodeCore& operator=(const NodeCore&) = delete;
  virtual ~NodeCore() = default;

  virtual void handle_datagram(Instant now, const Datagram& in) = 0;
  virtual void handle_timeout(Instant now) = 0;
  virtual std::optional<Transmit> poll_transmit(Instant now, MutableByteView out) = 0;
  // Called once after each mutation, when all transmits are drained: hand events to whoever
  // watches. Must not touch other nodes.
  virtual void drain_events(Instant now) = 0;
  [[nodiscard]] virtual std::optional<Instant> poll_timeout() const = 0;
  [[nodiscard]] virtual std::size_t memory_bytes() const { return 0; }
  // Its turn comes soon: what it will touch first may be fetched into the cache.
  virtual void warm() const {}
  virtual void check_invariants() const {}
};

}  // namespace weft::sim
