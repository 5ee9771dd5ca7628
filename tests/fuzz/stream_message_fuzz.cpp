// A DATAGRAM frame of anything: no crash, and what is taken is written in one way only.
#include <algorithm>

#include "base/assert.hpp"
#include "overlay/streams/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::ByteView frame(data, size);
  const auto message = weft::overlay::parse_message(frame);
  if (!message) return 0;
  WEFT_ASSERT(message->stream > 0 && (message->stream & 2) == 0);
  WEFT_ASSERT(message->payload.size() + weft::overlay::kMaxMessageHeader >= size);
  const auto again = weft::overlay::encode_message(message->stream, message->payload);
  WEFT_ASSERT(std::ranges::equal(again, frame));
  return 0;
}
