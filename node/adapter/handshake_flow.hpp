// A flow whose two ends say something on the stream before the bytes of a program go: then a pump
// takes over, and all else is the pump's.
//
//   heard() ... say() ... ─┬─ join(socket)  the pump's from here on
//                          └─ end()         done, the stream reset or, in order, finished
//
// Invariants: what the handshake does not take of the stream's bytes is the pump's; kMostSaid bytes
// wait for room in the stream.
#pragma once

#include "node/adapter/flow.hpp"
#include "node/adapter/tcp_pump.hpp"

namespace weft::adapter {

class HandshakeFlow : public Flow {
 public:
  static constexpr std::size_t kMostSaid = 1024;

  // `limit`: how long the handshake may take.
  HandshakeFlow(const FlowPorts& ports, StreamKey key, FlowOwner& owner, Duration limit);
  ~HandshakeFlow() override;

  void start(Bytes already_read = {}) override;
  void on_stream_readable() override;
  void on_stream_writable() override;
  void on_stream_reset(std::uint64_t code) override;
  void on_stream_stopped(std::uint64_t code) override;
  void on_stream_closed() override;
  [[nodiscard]] const FlowCounters& counters() const override;

 protected:
  enum class Lost : std::uint8_t { Time, Stream };

  // The stream is there.
  virtual void began() {}
  // One byte more, in heard_bytes(). False: the handshake takes no more, what follows is the pump's.
  virtual bool heard() = 0;
  // Time is over, or the stream is: what the local program is told. end() follows by itself.
  virtual void lost(Lost why) = 0;

  [[nodiscard]] ByteView heard_bytes() const { return heard_; }
  void forget_heard() { heard_.clear(); }
  [[nodiscard]] bool in_handshake() const { return !pump_ && !done_; }
  void say(ByteView bytes);
  void join(io::UniqueFd socket, Bytes already_read);
  // In order: the peer reads all that was said, then the end. Else the stream is reset.
  void end(bool in_order);

 private:
  void give_up(Lost why, FlowEnd end);
  void complete(FlowEnd end);
  void send();

  FlowPorts ports_;
  StreamKey key_;
  FlowOwner& owner_;
  io::Timer timer_;
  Bytes heard_, unsent_;
  bool paused_ = false;
  bool finish_wanted_ = false;
  bool done_ = false;
  FlowCounters none_;
  std::unique_ptr<TcpPump> pump_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weft::adapter
