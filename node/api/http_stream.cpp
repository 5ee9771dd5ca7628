#include "node/api/http_stream.hpp"

#include <poll.h>

#include <array>
#include <charconv>
#include <utility>

#include <boost/asio/buffer.hpp>

#include "node/version.hpp"

namespace weft::api {

HttpStream::HttpStream(Socket socket, Owner& owner, Limits limits, bool chunked)
    : socket_(std::move(socket)),
      owner_(&owner),
      limits_(limits),
      chunked_(chunked),
      timer_(socket_.get_executor()) {}

void HttpStream::start(const StreamAnswer& answer) {
  farewell_ = answer.farewell;
  waiting_ = std::string("HTTP/1.1 200 OK\r\nServer: weft/") + kVersion +
             "\r\nContent-Type: " + answer.content_type +
             "\r\nCache-Control: no-store\r\nConnection: close\r\n" +
             (chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
  watch_for_hangup();
  send_more();
  answer.begin(shared_from_this());
}

bool HttpStream::write(std::string_view piece) {
  if (state_ != State::Open) return false;
  if (piece.empty()) return true;  // an empty chunk would be the last one
  if (backlog() + piece.size() > limits_.backlog) {
    waiting_.clear();
    append_piece(farewell_);
    if (owner_ != nullptr) owner_->cut_off(*this);
    finish_up();
    return false;
  }
  append_piece(piece);
  send_more();
  return true;
}

void HttpStream::end() {
  if (state_ != State::Open) return;
  closed_ = {};
  finish();
}

void HttpStream::finish_up() {
  if (state_ != State::Open) return;
  finish();
  if (const auto closed = std::exchange(closed_, {})) closed();
}

void HttpStream::append_piece(std::string_view piece) {
  if (piece.empty()) return;
  if (!chunked_) {
    waiting_ += piece;
    return;
  }
  std::array<char, 16> size{};
  const auto [last, error] =
      std::to_chars(size.data(), size.data() + size.size(), piece.size(), 16);
  waiting_.append(size.data(), last);
  waiting_ += "\r\n";
  waiting_ += piece;
  waiting_ += "\r\n";
}

void HttpStream::finish() {
  state_ = State::Ending;
  drained_ = {};
  if (chunked_) waiting_ += "0\r\n\r\n";
  send_more();
}

void HttpStream::send_more() {
  if (state_ == State::Closed || !sending_.empty()) return;
  if (waiting_.empty()) {
    if (state_ == State::Ending) return close();
    // A copy: what it calls may end the stream.
    if (const auto drained = drained_) drained();
    return;
  }
  sending_ = std::exchange(waiting_, {});
  sent_ = 0;
  on_sent({}, 0);
}

// Also the beginning: nothing is sent yet then. Piece by piece, because each byte that the client
// takes is a sign of life.
void HttpStream::on_sent(const ErrorCode& error, std::size_t size) {
  if (state_ == State::Closed) return;
  if (error) return close();
  sent_ += size;
  timer_.cancel();
  ++progress_;
  if (sent_ == sending_.size()) {
    sending_.clear();
    sent_ = 0;
    return send_more();
  }
  timer_.expires_after(limits_.patience);
  timer_.async_wait([self = shared_from_this(), armed = progress_](const ErrorCode& stopped) {
    if (!stopped && armed == self->progress_) self->close();
  });
  socket_.async_write_some(boost::asio::buffer(sending_.data() + sent_, sending_.size() - sent_),
                           [self = shared_from_this()](const ErrorCode& failed, std::size_t taken) {
                             self->on_sent(failed, taken);
                           });
}

// Whatever the client still says is not read. When it hangs up, the place is free at once.
void HttpStream::watch_for_hangup() {
  socket_.async_wait(Socket::wait_error, [self = shared_from_this()](const ErrorCode& error) {
    if (error || self->state_ == State::Closed) return;
    pollfd poll{self->socket_.native_handle(), 0, 0};
    if (::poll(&poll, 1, 0) == 1 && (poll.revents & (POLLHUP | POLLERR)) != 0) self->close();
  });
}

void HttpStream::close() {
  if (state_ == State::Closed) return;
  state_ = State::Closed;
  const auto self = shared_from_this();  // the owner's may be the last reference
  drained_ = {};
  timer_.cancel();
  ErrorCode ignored;
  socket_.close(ignored);
  if (auto* owner = std::exchange(owner_, nullptr)) owner->ended(*this);
  if (const auto closed = std::exchange(closed_, {})) closed();
}

void HttpStream::abandon() {
  owner_ = nullptr;
  close();
}

}  // namespace weft::api
