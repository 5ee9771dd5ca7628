// The client side of the NATS client protocol, as text: bytes in, commands out.
// https://docs.nats.io/reference/reference-protocols/nats-protocol
//
//   CONNECT {json}          PUB subject [reply] size CRLF payload
//   PING   PONG             HPUB subject [reply] header_size size CRLF header payload
//   UNSUB sid [max]         SUB subject [queue] sid
//
// Verbs in any case; words parted by spaces or tabs; lines end with CRLF (a lone LF is taken too).
// Limits: a line of kMaxLine bytes, a payload with its header of `max_payload`; nothing is
// allocated from an announced size. After an error nothing more is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"

namespace weft::nats {

inline constexpr std::size_t kMaxLine = 4096;  // as nats-server has it

struct Connect {
  std::string json;
};
struct Pub {
  std::string subject;
  std::string reply;
  Bytes headers;  // "NATS/1.0..." with its empty line, or none
  Bytes payload;
};
struct Sub {
  std::string subject;
  std::string queue;
  std::string sid;
};
struct Unsub {
  std::string sid;
  std::uint64_t max = 0;  // 0: at once
};
struct Ping {};
struct Pong {};
using Command = std::variant<Connect, Pub, Sub, Unsub, Ping, Pong>;

class Parser {
 public:
  explicit Parser(std::size_t max_payload) : max_payload_(max_payload) {}

  void feed(ByteView bytes);
  // Nothing: more bytes are needed. The detail of an error is what -ERR says.
  [[nodiscard]] Result<std::optional<Command>> next();
  [[nodiscard]] std::size_t buffered() const { return buffer_.size() - at_; }

 private:
  [[nodiscard]] Result<std::optional<Command>> line(std::string_view text);
  [[nodiscard]] Result<std::optional<Command>> publish(std::string_view rest, bool headers);
  [[nodiscard]] Result<std::optional<Command>> payload();
  [[nodiscard]] std::unexpected<Error> broken(std::string why);

  std::size_t max_payload_;
  std::string buffer_;
  std::size_t at_ = 0;  // of what is not read yet
  bool broken_ = false;
  struct Awaited {
    Pub pub;
    std::size_t header_size = 0;
    std::size_t size = 0;
  };
  std::optional<Awaited> awaited_;  // its payload is still to come
};

}  // namespace weft::nats
