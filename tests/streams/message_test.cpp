#include "overlay/streams/message.hpp"

#include <gtest/gtest.h>

namespace weft::overlay {
namespace {

struct Vector {
  session::StreamId stream;
  const char* bytes;  // of the frame with the payload "hi"
};

// docs/wire/stream_message.md shows them.
constexpr Vector kVectors[] = {{4, "046869"},
                               {1, "016869"},
                               {61, "3d6869"},
                               {64, "40406869"},
                               {16381, "7ffd6869"},
                               {16384, "800040006869"},
                               {1 << 30, "c0000000400000006869"}};

TEST(StreamMessage, Vectors) {
  for (const auto& vector : kVectors) {
    const Bytes frame = encode_message(vector.stream, bytes_of("hi"));
    EXPECT_EQ(to_hex(frame), vector.bytes);
    const auto back = parse_message(frame);
    ASSERT_TRUE(back.has_value()) << vector.bytes;
    EXPECT_EQ(back->stream, vector.stream);
    EXPECT_EQ(text_of(back->payload), "hi");
  }
}

TEST(StreamMessage, MayBeEmpty) {
  const auto back = parse_message(encode_message(5, {}));
  ASSERT_TRUE(back.has_value());
  EXPECT_TRUE(back->payload.empty());
}

TEST(StreamMessage, NeverLooksLikeAProbe) {
  for (session::StreamId stream = 1; stream < 70000; ++stream)
    if ((stream & 2) == 0) {
      EXPECT_NE(encode_message(stream, {})[0], 0) << stream;
    }
}

TEST(StreamMessage, RefusesOtherStreamsAndLongerForms) {
  const Bytes bad[] = {{},
                       {0x00, 'x'},                      // the control stream
                       {0x02, 'x'},                      // one direction only
                       {0x07},                           // the same
                       {0x40},                           // cut
                       {0x80, 0, 0},                     // cut
                       {0x40, 0x04},                     // stream 4 in two bytes
                       {0x80, 0x00, 0x00, 0x04, 'x'},    // in four
                       {0xc0, 0, 0, 0, 0, 0, 0, 0x04}};  // in eight
  for (const auto& frame : bad) {
    const auto parsed = parse_message(frame);
    ASSERT_FALSE(parsed.has_value()) << to_hex(frame);
    EXPECT_EQ(parsed.error().code, Errc::Malformed);
  }
}

}  // namespace
}  // namespace weft::overlay
