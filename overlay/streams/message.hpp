// A message of a service stream: one DATAGRAM frame (RFC 9221) of the session, for what must not
// wait for what was lost before it. It arrives whole, late, twice over a moved path, or not at all.
//
//   stream id, QUIC varint in its shortest form (RFC 9000 section 16) | payload, to the frame's end
//
// The id is that of the bidirectional stream whose opening named the service (stream_open.hpp): the
// rules that let the stream in let its messages in, and they end with it. Stream 0 is the control
// stream and has none, so a message never begins with a zero byte, which is a probe of the path's
// size (docs/wire/session.md). After RFC 9297, which names streams by a quarter of their id; here
// either side opens streams. Bytes: docs/wire/stream_message.md.
#pragma once

#include <cstddef>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "overlay/session/session_layer.hpp"

namespace weft::overlay {

// What the stream's id takes of a frame, at most.
inline constexpr std::size_t kMaxMessageHeader = 8;

struct StreamMessage {
  session::StreamId stream = 0;
  ByteView payload;  // into the frame
};

// Malformed: no whole varint, one longer than need be, or a stream that carries no messages.
[[nodiscard]] Result<StreamMessage> parse_message(ByteView frame);
// REQUIRES: a bidirectional stream, not the control stream.
[[nodiscard]] Bytes encode_message(session::StreamId stream, ByteView payload);

}  // namespace weft::overlay
