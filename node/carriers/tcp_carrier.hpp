// A TCP connection as a carrier: frames of u16 length (overlay/path/stream_link.hpp).
//
// What the kernel does not take waits: at most kAhead bytes that are cut into frames already, the
// rest as datagrams that grow too old and are dropped. With kSocketBuffer in the kernel no more
// than 128 KiB are in flight. Nagle's algorithm is off. After bytes that are no frame nothing is
// read and nothing said; the link's deadline ends the connection.
#pragma once

#include <functional>

#include "node/carriers/stream_carrier.hpp"
#include "node/io/fd_watch.hpp"

namespace weft::carriers {

// Of a connected socket, as every stream carrier wants it.
void set_stream_options(int fd);

class TcpCarrier final : public StreamCarrier, private io::FdEvents {
 public:
  static constexpr int kSocketBuffer = 48 * 1024;  // the kernel doubles it for its own needs
  static constexpr std::size_t kAhead = 16 * 1024;

  // `fd` is connected. `ended` is called from the loop, behind all else, when the far end or the
  // system ended it; not after destruction. `sink` outlives the carrier.
  TcpCarrier(io::EventLoop& loop, io::UniqueFd fd, const Endpoint& remote, DatagramSink& sink,
             std::function<void()> ended);
  ~TcpCarrier() override;

  bool send(const Transmit& transmit, ByteView bytes) override;
  [[nodiscard]] bool blocked() const override { return !unsent_.empty() || link_.waits(); }
  void set_receive_share(std::size_t bytes_per_wakeup) override { share_ = bytes_per_wakeup; }

  [[nodiscard]] bool look(Instant now, bool used) override;
  [[nodiscard]] Instant deadline() const override { return link_.deadline(); }
  [[nodiscard]] const path::StreamCounters& counters() const override { return link_.counters(); }

 private:
  void on_fd_readable() override;
  void on_fd_writable() override;
  void flush();
  void take(Instant now, ByteView bytes);
  void end();

  io::EventLoop& loop_;
  Endpoint remote_;
  DatagramSink& sink_;
  path::StreamLink link_;
  std::function<void()> ended_;
  Bytes partial_;  // the beginning of a frame
  Bytes unsent_;   // frames that the kernel did not take
  std::size_t share_ = 64 * 1024;
  bool over_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  io::FdWatch watch_;
};

}  // namespace weft::carriers
