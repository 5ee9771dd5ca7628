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
  outbox.push(Room::Sync, {kServices, {}}, frame("[old]"));
  outbox.push(Room::Sync, {}, frame("[pong]"));
  outbox.push(Room::Sync, {kServices, {}}, frame("[newer]"));
  EXPECT_EQ(outbox.size(Room::Sync), 13u);
  EXPECT_EQ(drain(outbox), "[newer][pong]");
  EXPECT_EQ(outbox.size(Room::Sync), 0u);
}

TEST(Outbox, AFrameThatHasBegunIsFinished) {
  Outbox outbox;
  outbox.push(Room::Sync, {kRoster, {}}, frame("[one]"));
  outbox.sent(2);
  outbox.push(Room::Sync, {kRoster, {}}, frame("[two]"));
  outbox.push(Room::Sync, {kRoster, {}}, frame("[three]"));
  EXPECT_EQ(drain(outbox, 1), "ne][three]");
  outbox.push(Room::Sync, {kRoster, {}}, frame("[four]"));
  EXPECT_EQ(drain(outbox), "[four]");
}

TEST(Outbox, PeersAreToldOneByOneAndAnswersAllOfThem) {
  Outbox outbox;
  const NodeId one{crypto::sha256(bytes_of("one"))};
  const NodeId two{crypto::sha256(bytes_of("two"))};
  for (int i = 0; i < 1000; ++i) {
    outbox.push(Room::Sync, {kPeer, one}, frame("[one]"));
    outbox.push(Room::Sync, {kPeer, two}, frame("[two]"));
  }
  outbox.push(Room::Sync, {}, frame("[answer]"));
  outbox.push(Room::Sync, {}, frame("[answer]"));
  EXPECT_EQ(drain(outbox), "[one][two][answer][answer]");
}

TEST(Outbox, APartThatSaysTooMuchLosesItsOwnFramesAndNobodyElses) {
  Outbox outbox;
  const Bytes large(kMaxQueue / 4, 'x');
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(outbox.push(Room::Sync, {}, large));
  EXPECT_FALSE(outbox.push(Room::Sync, {}, large));
  EXPECT_TRUE(outbox.push(Room::Peers, {}, frame("[hello]")));
  EXPECT_EQ(outbox.size(Room::Sync), kMaxQueue);
  outbox.sent(large.size());
  EXPECT_TRUE(outbox.push(Room::Sync, {}, frame("[news]")));
  EXPECT_TRUE(drain(outbox, 1u << 20).ends_with("[hello][news]"));
}

TEST(Outbox, SubjectsOfTwoPartsNeverMeet) {
  Outbox outbox;
  outbox.push(Room::Sync, {kRoster, {}}, frame("[roster]"));
  outbox.push(Room::Peers, {kRoster, {}}, frame("[peers]"));
  EXPECT_EQ(drain(outbox), "[roster][peers]");
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
