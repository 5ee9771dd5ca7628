// The port through which an adapter sends the messages of a stream: DATAGRAM frames (RFC 9221),
// beside the bytes that StreamPort carries. A message belongs to the stream whose opening named its
// service; it arrives whole, late, twice or not at all, and messages keep no order among
// themselves or with the stream's bytes. Bytes: docs/wire/stream_message.md.
//
// Messages that arrive reach a Flow as on_message() (flow.hpp). As with StreamPort, no call
// re-enters an adapter, and calls naming a stream that is gone are harmless.
#pragma once

#include "node/adapter/stream_port.hpp"

namespace weft::adapter {

class MessagePort {
 public:
  MessagePort() = default;
  MessagePort(const MessagePort&) = delete;
  MessagePort& operator=(const MessagePort&) = delete;
  virtual ~MessagePort() = default;

  // Sent, or as good as lost: there is nothing to wait for. TooLarge: more than one packet holds.
  // Limit: too many wait to be sent. NotFound: no such stream. Closed: its session is not up.
  virtual Result<void> send_message(StreamKey key, ByteView message) = 0;
};

}  // namespace weft::adapter
