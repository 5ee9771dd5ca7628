#include "overlay/links/outbox.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"
#include "base/meter.hpp"

namespace weft::overlay {
namespace {

enum Kind : std::uint8_t { kRoster = 1, kPeer, kServices };

std::string drain(Outbox& outbox, std::size_t step = 1000) {
  std::string out;
  while (!outbox.empty()) {
    const auto part = outbox.front().first(std::min(step, outbox.front().size()));
    out += text_of(part);
    outbox.sent(part.size());
  }
  return out;
}
Bytes frame(std::string_view text) { return to_bytes(bytes_of(text)); }

TEST(Outbox, ANewerStateTakesThePlaceOfTheOlder) {
  Outbox outbox;
  outbox.push({kServices, {}}, frame("[old]"));
  outbox.push({}, frame("[pong]"));
  outbox.push({kServices, {}}, frame("[newer]"));
  EXPECT_EQ(outbox.size(), 13u);
  EXPECT_EQ(drain(outbox), "[newer][pong]");
  EXPECT_EQ(outbox.size(), 0u);
}

TEST(Outbox, AFrameThatHasBegunIsFinished) {
  Outbox outbox;
  outbox.push({kRoster, {}}, frame("[one]"));
  outbox.sent(2);
  outbox.push({kRoster, {}}, frame("[two]"));
  outbox.push({kRoster, {}}, frame("[three]"));
  EXPECT_EQ(drain(outbox, 1), "ne][three]");
  outbox.push({kRoster, {}}, frame("[four]"));
  EXPECT_EQ(drain(outbox), "[four]");
}

TEST(Outbox, PeersAreToldOneByOneAndAnswersAllOfThem) {
  Outbox outbox;
  const NodeId one{crypto::sha256(bytes_of("one"))};
  const NodeId two{crypto::sha256(bytes_of("two"))};
  for (int i = 0; i < 1000; ++i) {
    outbox.push({kPeer, one}, frame("[one]"));
    outbox.push({kPeer, two}, frame("[two]"));
  }
  outbox.push({}, frame("[answer]"));
  outbox.push({}, frame("[answer]"));
  EXPECT_EQ(drain(outbox), "[one][two][answer][answer]");
}

TEST(Meter, LetsABurstPassAndThenSoManyASecond) {
  Meter meter(10, 5);
  Instant now{};
  now += 1h;
  int passed = 0;
  for (int i = 0; i < 100; ++i) passed += meter.take(now);
  EXPECT_EQ(passed, 5);
  EXPECT_FALSE(meter.take(now));
  now += 1s;
  EXPECT_TRUE(meter.take(now, 5));
  EXPECT_FALSE(meter.take(now));
  now += 100ms;
  EXPECT_FALSE(meter.take(now, 2));
  EXPECT_TRUE(meter.take(now));
  EXPECT_FALSE(meter.take(now, 6));  // never, more than a burst
}

}  // namespace
}  // namespace weft::overlay
