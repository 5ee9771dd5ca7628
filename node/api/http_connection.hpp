// One accepted connection of the HTTP server: reads a request, has the router answer it, writes,
// and again. Internal to node/api: names Asio and Beast.
//
//   Idle --first byte--> Header --> Body --> Answering --> Writing --> Idle | closed | pipe |
//   stream
//
// One timer watches whichever read or answer is under way. A read that ends by the timer, or with a
// parse error, is answered with its status and the connection is closed.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/time.hpp"
#include "node/api/http_server.hpp"
#include "node/api/routes.hpp"

namespace weft::api {

// Says so on a socket that is about to be closed, if that is possible at once.
void say_at_once(int fd, int status, const ApiError& error);

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  using ErrorCode = boost::system::error_code;

  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void closed(Connection& connection) = 0;  // forget it
    // The connection's answer goes on: its socket belongs to a stream from now on.
    virtual void stream(Socket socket, bool chunked, const StreamAnswer& answer) = 0;
    virtual ServerCounters& counters() = 0;
    [[nodiscard]] virtual bool crowded() const = 0;  // no place for another call that waits
    [[nodiscard]] virtual const ServerOptions& options() const = 0;
    [[nodiscard]] virtual const Router& router() const = 0;
  };

  Connection(Socket socket, Owner& owner);

  void start();
  void abandon();                       // close now; the owner is not told
  void dismiss(const ApiError& error);  // the same, with a word to who has not finished its request
  void finish_up();                     // close when idle, else after the answer under way
  [[nodiscard]] bool idle() const { return state_ == State::Idle; }
  [[nodiscard]] bool waits() const { return state_ == State::Answering; }
  // Whoever sends a request slowly, or does not take its answer, when others have no place.
  [[nodiscard]] bool slow(Instant now) const;

 private:
  enum class State { Idle, Header, Body, Answering, Writing, Closed };

  void read_first();
  void read_header();
  void read_body();
  void dispatch();
  void watch_for_hangup();
  void answer(ApiAnswer answer, std::uint64_t turn);
  void give_up_answer();
  void respond(int status, std::string body, const std::string& allow = {});
  void respond_error(int status, const ApiError& error);
  void on_read_error(const ErrorCode& error);
  void switch_to_pipe(std::function<void(int, Bytes)> adopt);
  void switch_to_stream(const StreamAnswer& answer);
  void on_written(const ErrorCode& error);
  void lingering_close();
  void drain();
  void close();
  void arm(std::chrono::milliseconds limit);
  [[nodiscard]] std::optional<ApiError> refusal() const;

  Socket socket_;
  Owner* owner_;  // null once it is gone
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  boost::beast::http::response<boost::beast::http::string_body> response_;
  State state_ = State::Idle;
  std::shared_ptr<bool> wanted_;  // the answer under way is; told to whoever makes it
  std::uint64_t turn_ = 0;        // which request an answer belongs to
  std::uint64_t timer_turn_ = 0;
  Instant since_{};  // this state
  bool timed_out_ = false;
  bool keep_alive_ = true;
};

}  // namespace weft::api
