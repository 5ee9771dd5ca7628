// Moves bytes between one local socket (TCP or unix) and one stream, both ways, in place: recv()
// lands in the stream's send buffer, send() leaves from its receive buffer.
//
// Invariants
//  1. Backpressure: the socket is not read while send_space() is empty, the stream is not consumed
//     while the socket takes nothing. The pump itself buffers no byte, but for what start() is
//     given.
//  2. Half-close: end of the local input finishes our direction; the end of the stream, once
//     written out, shuts down the socket's output. The pump is done when both happened.
//  3. A reset crosses over: RST or failure of the socket resets the stream, a reset or loss of the
//     stream closes the socket with RST. A unix socket whose program ended its output and left is
//     no reset, since that program's bytes still count: what arrives for it is thrown away, up to
//     kDiscardLimit.
//  4. At most the port's share() per direction and turn of the loop; then other pumps get theirs.
//  5. on_flow_done() is called once, from the loop, never from within a call of the pump.
//     Destroying a pump that is not done resets both ends.
//  6. A TCP program that vanished without a word, at either end of the mesh, is found out by
//     keepalive probes within 75 s (or as soon as the system is set to) and is then a reset.
#pragma once

#include <cstdint>
#include <memory>

#include "node/adapter/flow.hpp"
#include "node/io/event_loop.hpp"
#include "node/io/fd_watch.hpp"

namespace weft::adapter {

class TcpPump final : public Flow, private io::FdEvents {
 public:
  static constexpr std::size_t kDiscardLimit = 1024 * 1024;

  // REQUIRES: `socket` is a connected stream socket. Port and owner outlive the pump.
  TcpPump(io::EventLoop& loop, StreamPort& port, StreamKey key, io::UniqueFd socket,
          FlowOwner& owner);
  ~TcpPump() override;

  void start(Bytes already_read = {}) override;
  void on_stream_readable() override;
  void on_stream_writable() override;
  void on_stream_reset(std::uint64_t code) override;
  void on_stream_stopped(std::uint64_t code) override;
  void on_stream_closed() override;

  [[nodiscard]] const FlowCounters& counters() const override { return counters_; }
  [[nodiscard]] StreamKey key() const { return key_; }
  [[nodiscard]] bool done() const { return done_; }

 private:
  enum class Input : std::uint8_t { Idle, Reading, Paused, Ended };             // socket -> stream
  enum class Output : std::uint8_t { Idle, Open, Blocked, Discarding, Ended };  // stream -> socket

  void on_fd_readable() override;
  void on_fd_writable() override;
  void on_fd_error() override;

  void pump_in();
  bool pump_prefix();
  void pump_out();
  void discard_out();
  void pause_input();
  void end_input();
  void end_output();
  void on_socket_failure(int number);
  void fail_local(std::uint64_t code);
  void finish_if_both_ended();
  void complete(FlowEnd end);
  void moved(std::int64_t size, Direction direction);

  io::EventLoop& loop_;
  StreamPort& port_;
  FlowOwner& owner_;
  StreamKey key_;
  std::unique_ptr<io::FdWatch> watch_;  // null once done
  std::shared_ptr<bool> alive_;         // made when done: outlives us in the posted on_flow_done
  std::int64_t typical_ = 0;            // bytes of a read or write, a running mean
  FlowCounters counters_;
  Bytes prefix_;  // of start(), until the stream took it
  std::uint32_t discarded_ = 0;
  Input input_ = Input::Idle;
  Output output_ = Output::Idle;
  bool is_unix_ = false;
  bool stream_closed_ = false;
  bool done_ = false;
};

}  // namespace weft::adapter
