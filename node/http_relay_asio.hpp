// One message of HTTP from one socket to another: the head as it was made, then the body as it
// comes, piece by piece, in the framing that the head says. For .cpp files of node/ only.
//
// Invariant: kPiece bytes of the body are held, whatever its length; what does not go out stops
// what comes in.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>

namespace weft::node {

using HttpSocket = boost::asio::generic::stream_protocol::socket;

// A socket and what was read of it too much.
struct HttpPeer {
  explicit HttpPeer(HttpSocket open) : socket(std::move(open)) {}
  HttpSocket socket;
  boost::beast::flat_buffer buffer;
};

template <bool kRequest>
class HttpRelay : public std::enable_shared_from_this<HttpRelay<kRequest>> {
 public:
  using Parser = boost::beast::http::parser<kRequest, boost::beast::http::buffer_body>;
  using ErrorCode = boost::beast::error_code;
  enum class End : std::uint8_t { Whole, SourceFailed, SinkFailed };
  using OnDone = std::function<void(End)>;

  static constexpr std::size_t kPiece = 16 * 1024;

  HttpRelay(std::shared_ptr<HttpPeer> from, std::shared_ptr<HttpPeer> to,
            std::shared_ptr<Parser> parser, OnDone on_done)
      : from_(std::move(from)),
        to_(std::move(to)),
        parser_(std::move(parser)),
        serializer_(parser_->get()),
        on_done_(std::move(on_done)) {}

  // The parser has its head. `head_only`: no body follows, whatever the head says of one.
  void start(bool head_only = false) {
    auto& body = parser_->get().body();
    body.data = nullptr;
    body.size = 0;
    body.more = !parser_->is_done();
    boost::beast::http::async_write_header(
        to_->socket, serializer_,
        [self = this->shared_from_this(), head_only](ErrorCode error, std::size_t) {
          if (error && error != boost::beast::http::error::need_buffer)
            return self->end(End::SinkFailed);
          head_only ? self->end(End::Whole) : self->next();
        });
  }

 private:
  void next() {
    if (serializer_.is_done()) return end(End::Whole);
    auto& body = parser_->get().body();
    if (parser_->is_done()) {
      body.data = nullptr;
      body.size = 0;
      body.more = false;
      return write();
    }
    body.data = piece_.data();
    body.size = piece_.size();
    boost::beast::http::async_read_some(
        from_->socket, from_->buffer, *parser_,
        [self = this->shared_from_this()](ErrorCode error, std::size_t) { self->on_read(error); });
  }

  void on_read(ErrorCode error) {
    if (error && error != boost::beast::http::error::need_buffer) return end(End::SourceFailed);
    auto& body = parser_->get().body();
    const std::size_t size = piece_.size() - body.size;
    if (size == 0 && !parser_->is_done()) return next();
    body.data = size == 0 ? nullptr : piece_.data();
    body.size = size;
    body.more = !parser_->is_done();
    write();
  }

  void write() {
    boost::beast::http::async_write(
        to_->socket, serializer_, [self = this->shared_from_this()](ErrorCode error, std::size_t) {
          if (error && error != boost::beast::http::error::need_buffer &&
              !self->serializer_.is_done())
            return self->end(End::SinkFailed);
          self->next();
        });
  }

  void end(End how) {
    if (const auto done = std::exchange(on_done_, {})) done(how);
  }

  std::shared_ptr<HttpPeer> from_, to_;
  std::shared_ptr<Parser> parser_;
  boost::beast::http::serializer<kRequest, boost::beast::http::buffer_body> serializer_;
  OnDone on_done_;
  std::array<char, kPiece> piece_;
};

}  // namespace weft::node
