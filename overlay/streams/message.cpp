#include "overlay/streams/message.hpp"

#include "base/assert.hpp"

namespace weft::overlay {

namespace {

constexpr std::uint64_t kUnidirectional = 2;  // bit of a stream id, RFC 9000 section 2.1
constexpr std::uint64_t kLargest = (1ULL << 62) - 1;

constexpr std::size_t length_of(std::uint64_t value) {
  if (value < (1ULL << 6)) return 1;
  if (value < (1ULL << 14)) return 2;
  return value < (1ULL << 30) ? 4 : 8;
}

constexpr bool carries_messages(std::uint64_t stream) {
  return stream != 0 && stream <= kLargest && (stream & kUnidirectional) == 0;
}

}  // namespace

Result<StreamMessage> parse_message(ByteView frame) {
  if (frame.empty()) return fail(Errc::Malformed, "an empty message");
  const std::size_t length = std::size_t{1} << (frame[0] >> 6);
  if (frame.size() < length) return fail(Errc::Malformed, "message: stream id");
  std::uint64_t stream = frame[0] & 0x3f;
  for (std::size_t i = 1; i < length; ++i) stream = (stream << 8) | frame[i];
  if (length_of(stream) != length || !carries_messages(stream))
    return fail(Errc::Malformed, "message: stream id");
  return StreamMessage{static_cast<session::StreamId>(stream), frame.subspan(length)};
}

Bytes encode_message(session::StreamId stream, ByteView payload) {
  const auto id = static_cast<std::uint64_t>(stream);
  WEFT_ASSERT(carries_messages(id));
  const std::size_t length = length_of(id);
  Bytes frame(length);
  for (std::size_t i = 0; i < length; ++i)
    frame[i] = static_cast<std::uint8_t>(id >> (8 * (length - 1 - i)));
  constexpr std::uint8_t kPrefix[] = {0x00, 0x40, 0x80, 0xc0};
  frame[0] |= kPrefix[length == 1 ? 0 : length == 2 ? 1 : length == 4 ? 2 : 3];
  append(frame, payload);
  return frame;
}

}  // namespace weft::overlay
