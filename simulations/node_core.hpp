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
  // After each mutation, when all transmits are drained: hand events to whoever watches. Must not
  // touch other nodes: those of another shard run at the same time. True: what it did about them
  // may have made transmits, so both are drained again.
  virtual bool drain_events(Instant now) = 0;
  [[nodiscard]] virtual std::optional<Instant> poll_timeout() const = 0;
  [[nodiscard]] virtual std::size_t memory_bytes() const { return 0; }
  // Its turn comes soon: what it will touch may be fetched into the cache, in steps 0, 1, 2, each
  // resting on what the last one fetched. The datagram is what it will get; empty: a timeout.
  virtual void warm(int /*step*/, ByteView /*datagram*/) const {}
  virtual void check_invariants() const {}
};

}  // namespace weft::sim
