// The sending side of an answer that goes on (answer_stream.hpp), over the socket of the connection
// that asked for it. Internal to node/api: names Asio.
//
//   Open --end()--> Ending --all written--> Closed
//     \--backlog too long: farewell--^  \--no progress for `patience`--> Closed
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "node/api/answer_stream.hpp"

namespace weft::api {

class HttpStream final : public AnswerStream, public std::enable_shared_from_this<HttpStream> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  using ErrorCode = boost::system::error_code;
  struct Limits {
    std::size_t backlog;                 // bytes that wait for the client
    std::chrono::milliseconds patience;  // with a client that takes nothing
  };
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void cut_off(HttpStream& stream) = 0;  // the client was too slow
    virtual void ended(HttpStream& stream) = 0;    // forget it
  };

  // `chunked`: false for HTTP/1.0, where the end of the connection is the end of the answer.
  HttpStream(Socket socket, Owner& owner, Limits limits, bool chunked);

  void start(const StreamAnswer& answer);
  void finish_up();  // the server stops: what waits goes out, no more comes
  void abandon();    // close now; the owner is not told

  bool write(std::string_view piece) override;
  void end() override;
  [[nodiscard]] std::size_t backlog() const override {
    return sending_.size() - sent_ + waiting_.size();
  }
  void when_drained(std::function<void()> drained) override { drained_ = std::move(drained); }
  void when_closed(std::function<void()> closed) override { closed_ = std::move(closed); }

 private:
  enum class State { Open, Ending, Closed };

  void append_piece(std::string_view piece);
  void finish();  // the last chunk, and no more
  void send_more();
  void on_sent(const ErrorCode& error, std::size_t size);
  void watch_for_hangup();
  void close();

  Socket socket_;
  Owner* owner_;  // null once it is gone
  Limits limits_;
  bool chunked_;
  boost::asio::steady_timer timer_;
  std::function<void()> closed_, drained_;
  std::string farewell_;
  std::string sending_;  // handed to the socket; the first `sent_` bytes are out
  std::size_t sent_ = 0;
  std::string waiting_;         // framed, behind it
  std::uint64_t progress_ = 0;  // writes that came back, for the timer
  State state_ = State::Open;
};

}  // namespace weft::api
