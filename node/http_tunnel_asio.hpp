// Bytes both ways between two sockets, each end of input passed on: what a WebSocket becomes once
// both sides agreed on it. For .cpp files of node/ only.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/write.hpp>

#include "node/http_relay_asio.hpp"

namespace weft::node {

class HttpTunnel : public std::enable_shared_from_this<HttpTunnel> {
 public:
  using ErrorCode = boost::beast::error_code;

  // `done`: once, when both directions ended or one failed.
  static void run(const std::shared_ptr<HttpPeer>& a, const std::shared_ptr<HttpPeer>& b,
                  std::function<void()> done) {
    const auto both = std::make_shared<std::pair<int, std::function<void()>>>(0, std::move(done));
    std::make_shared<HttpTunnel>(a, b, both)->begin();
    std::make_shared<HttpTunnel>(b, a, both)->begin();
  }

  using Both = std::shared_ptr<std::pair<int, std::function<void()>>>;
  HttpTunnel(std::shared_ptr<HttpPeer> from, std::shared_ptr<HttpPeer> to, Both both)
      : from_(std::move(from)), to_(std::move(to)), both_(std::move(both)) {}

 private:
  void begin() {  // with what was read already
    if (from_->buffer.size() == 0) return read();
    boost::asio::async_write(to_->socket, from_->buffer.data(),
                             [self = shared_from_this()](ErrorCode error, std::size_t size) {
                               self->from_->buffer.consume(size);
                               error ? self->end(true) : self->read();
                             });
  }
  void read() {
    from_->socket.async_read_some(boost::asio::buffer(piece_),
                                  [self = shared_from_this()](ErrorCode error, std::size_t size) {
                                    if (error) return self->end(error != boost::asio::error::eof);
                                    self->write(size);
                                  });
  }
  void write(std::size_t size) {
    boost::asio::async_write(to_->socket, boost::asio::buffer(piece_.data(), size),
                             [self = shared_from_this()](ErrorCode error, std::size_t) {
                               error ? self->end(true) : self->read();
                             });
  }
  void end(bool failed) {
    ErrorCode ignored;
    if (!failed) to_->socket.shutdown(HttpSocket::shutdown_send, ignored);
    both_->first += failed ? 2 : 1;
    if (both_->first < 2) return;
    if (const auto done = std::exchange(both_->second, {})) done();
  }

  std::shared_ptr<HttpPeer> from_, to_;
  Both both_;
  std::array<char, 16 * 1024> piece_;
};

}  // namespace weft::node
