// An answer that goes on: what a route hands out when it has more to say than one JSON object, as
// server-sent events do (WHATWG HTML 9.2). The route writes whole pieces; the server frames them
// (chunked, RFC 9112 7.1), keeps what the client has not taken yet, and cuts off a client that
// takes too little.
//
// Invariants: every call runs on the loop's thread. A piece is sent whole, or the connection ends.
// Nothing blocks: write() queues. Limits: `max_backlog` of ServerOptions bytes wait for one client
// (256 KiB: a thousand events); beyond that all that waits is thrown away, `farewell` is the last
// piece, and the stream ends. Streams count among the calls that wait (http_server.hpp).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace weft::api {

class AnswerStream {
 public:
  virtual ~AnswerStream() = default;

  // Queues one piece. False once the stream is closed or was cut off: nothing was queued.
  virtual bool write(std::string_view piece) = 0;
  // Bytes that wait for the client: a writer that has much to say waits until they are few.
  [[nodiscard]] virtual std::size_t backlog() const = 0;
  // Called each time all that was written is out. Let go of when the stream ends.
  virtual void when_drained(std::function<void()> drained) = 0;
  // No more pieces; what waits still goes out.
  virtual void end() = 0;
  // Called once when the client has gone, was cut off, or the server stops; not after end().
  virtual void when_closed(std::function<void()> closed) = 0;
};

struct StreamAnswer {
  std::string content_type = "text/event-stream";
  std::string farewell;  // the last piece for a client that was too slow
  // Called once, when the header is on its way, or never, when the client has gone already. The
  // callee keeps the stream for as long as it writes.
  std::function<void(std::shared_ptr<AnswerStream> stream)> begin;
};

}  // namespace weft::api
