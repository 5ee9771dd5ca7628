// What moves between one local program and one stream, whatever the program speaks. A protocol
// makes its own (tcp_pump.hpp); the gateway knows only this.
//
// Invariants
//  1. on_flow_done() is called once, from the loop, never from within a call of the flow.
//     Destroying a flow that is not done ends both sides at once.
//  2. on_bytes() is told of everything that crossed between the local side and the stream, as it
//     crosses: the sum of what it was told is what counters() says.
//  3. What arrives over the network is taken only as far as the local side takes it: a flow buffers
//     nothing without a limit.
#pragma once

#include <cstdint>
#include <memory>
#include <tuple>

#include "base/fields.hpp"
#include "node/adapter/message_port.hpp"
#include "node/adapter/stream_port.hpp"
#include "node/io/event_loop.hpp"

namespace weft::adapter {

enum class FlowEnd : std::uint8_t {
  Clean,        // both directions ended in order
  LocalReset,   // the local program reset or its socket failed: the stream was reset
  StreamReset,  // the peer reset the stream: the local side was reset
  StreamLost,   // the stream went away unfinished (session down)
};

enum class Direction : std::uint8_t { ToPeer, FromPeer };

class FlowOwner {
 public:
  // The flow may be destroyed in here.
  virtual void on_flow_done(StreamKey key, FlowEnd end) = 0;
  // For accounts. The flow must not be destroyed in here.
  virtual void on_bytes(StreamKey key, std::size_t size, Direction direction) {
    (void)key, (void)size, (void)direction;
  }
  // A datagram came back: nobody listens where the flow leads. Once for each flow, at most.
  virtual void on_nobody_there(StreamKey key) { (void)key; }

 protected:
  ~FlowOwner() = default;
};

struct FlowCounters {
  std::uint64_t to_stream = 0;    // bytes read from the local program
  std::uint64_t from_stream = 0;  // bytes written to it

  static constexpr auto fields() {
    using C = FlowCounters;
    return std::tuple{
        field("to_stream", "bytes", "read from the local program", &C::to_stream),
        field("from_stream", "bytes", "written to the local program", &C::from_stream)};
  }
};
static_assert(lists_all_fields<FlowCounters>());

// Of a flow of datagrams.
struct DatagramCounters {
  std::uint64_t to_stream = 0;
  std::uint64_t from_stream = 0;
  std::uint64_t large = 0;
  std::uint64_t lost = 0;

  DatagramCounters& operator+=(const DatagramCounters& other) {
    to_stream += other.to_stream;
    from_stream += other.from_stream;
    large += other.large;
    lost += other.lost;
    return *this;
  }
  bool operator==(const DatagramCounters&) const = default;

  static constexpr auto fields() {
    using C = DatagramCounters;
    return std::tuple{
        field("to_stream", "datagrams", "from the local program", &C::to_stream),
        field("from_stream", "datagrams", "to the local program", &C::from_stream),
        field("large", "datagrams", "of both, too large for a message: by the stream", &C::large),
        field("lost", "datagrams", "here, for want of room or of a listener", &C::lost)};
  }
};
static_assert(lists_all_fields<DatagramCounters>());

// After RFC 4787 section 4.3, which wants at least 2 minutes.
inline constexpr Duration kDatagramIdle = 120s;

// What a flow works with; all of it outlives the flow.
struct FlowPorts {
  io::EventLoop& loop;
  StreamPort& streams;
  MessagePort* messages = nullptr;  // null where streams carry no messages
  Duration datagram_idle = kDatagramIdle;
};

class Flow {
 public:
  Flow() = default;
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  virtual ~Flow() = default;

  // Once. Moves at once what both sides already have; `already_read` goes before the local
  // program's bytes.
  virtual void start(Bytes already_read = {}) = 0;

  // News from the session layer.
  virtual void on_stream_readable() = 0;
  virtual void on_stream_writable() = 0;
  virtual void on_stream_reset(std::uint64_t code) = 0;    // the peer's direction was reset
  virtual void on_stream_stopped(std::uint64_t code) = 0;  // the peer takes no more of ours
  virtual void on_stream_closed() = 0;                     // the stream is forgotten
  // A message of the stream. A flow of bytes has no use for one.
  virtual void on_message(ByteView message) { (void)message; }

  [[nodiscard]] virtual const FlowCounters& counters() const = 0;
  [[nodiscard]] virtual const DatagramCounters* datagrams() const { return nullptr; }
};

}  // namespace weft::adapter
