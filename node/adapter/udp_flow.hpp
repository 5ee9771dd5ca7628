// The datagrams of one local program, both ways, over one stream: each as a message of the stream
// (RFC 9221), whole or not at all. One that is too large for a message goes over the stream itself,
// with its length in front, so that nothing a program may send is impossible to send. Bytes:
// docs/wire/udp_flow.md.
//
// Invariants
//  1. A datagram comes out as it went in, once at most, to the one local end of this flow.
//  2. A message that cannot be sent now is lost and counted, as on any network. Of large datagrams
//     kMaxPending bytes wait for room in the stream; more are lost and counted.
//  3. A flow through which nothing went for FlowPorts::datagram_idle ends: its stream is finished,
//     and so ends the flow at the other end. Datagrams have no goodbye.
#pragma once

#include "node/adapter/flow.hpp"

namespace weft::adapter {

// Where the datagrams of a flow come out on this machine: one client of a door, or a target.
class UdpSide {
 public:
  UdpSide() = default;
  UdpSide(const UdpSide&) = delete;
  UdpSide& operator=(const UdpSide&) = delete;
  virtual ~UdpSide() = default;

  enum class Sent : std::uint8_t { Yes, Lost, NobodyThere };
  virtual Sent send(ByteView datagram) = 0;
  // From now on each datagram of the local program, those that came already first. Null: no more.
  using OnDatagram = std::function<void(ByteView)>;
  virtual void hear(OnDatagram on_datagram) = 0;
};

class UdpFlow final : public Flow {
 public:
  static constexpr std::size_t kMaxDatagram = 65507;      // UDP over IPv4
  static constexpr std::size_t kMaxPending = 256 * 1024;  // a few of the largest

  // REQUIRES: ports.messages. `side` is the flow's; the rest outlives it.
  UdpFlow(const FlowPorts& ports, StreamKey key, std::unique_ptr<UdpSide> side, FlowOwner& owner);
  ~UdpFlow() override;

  void start(Bytes already_read = {}) override;
  void on_stream_readable() override;
  void on_stream_writable() override { send_pending(); }
  void on_stream_reset(std::uint64_t code) override;
  void on_stream_stopped(std::uint64_t code) override;
  void on_stream_closed() override;
  void on_message(ByteView message) override;

  [[nodiscard]] const FlowCounters& counters() const override { return bytes_; }
  [[nodiscard]] const DatagramCounters* datagrams() const override { return &datagrams_; }
  [[nodiscard]] bool done() const { return done_; }

 private:
  void on_local(ByteView datagram);
  bool send_large(ByteView datagram);
  void send_pending();
  void deliver(ByteView datagram);
  void take_frames();
  void on_time();
  void complete(FlowEnd end);

  FlowPorts ports_;
  StreamKey key_;
  std::unique_ptr<UdpSide> side_;
  FlowOwner& owner_;
  io::Timer timer_;
  Instant last_{};
  Bytes frame_;    // of a large datagram that comes, as far as it is here
  Bytes pending_;  // frames that go, as far as the stream has not taken them
  FlowCounters bytes_;
  DatagramCounters datagrams_;
  bool nobody_there_ = false;  // and the owner was told
  bool done_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weft::adapter
