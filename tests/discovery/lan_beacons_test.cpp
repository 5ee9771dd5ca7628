#include "overlay/discovery/lan_beacons.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"

namespace weft::discovery {
namespace {

constexpr UnixTime kWall = 1'800'000'000;

struct Neighbour {
  explicit Neighbour(Rng& rng, const ByteArray<32>& secret = {}, std::uint16_t port = 7)
      : identity(Identity::generate(rng)) {
    crypto::initialise();
    const auto key = crypto::X25519KeyPair::generate(rng);
    self.secret = secret;
    self.certificate = Certificate::issue(identity, {}, key.public_key, 1, kWall);
    self.port = port;
  }
  Identity identity;
  LanIdentity self;
  LanBeacons beacons;
};
const Endpoint kFrom = Endpoint::v4(0x0a000005, 41821);

TEST(LanBeacons, AtOnceThenAfterOneAndThreeSecondsThenRarely) {
  SeededRng rng(1);
  Neighbour us(rng);
  EXPECT_FALSE(us.beacons.poll_timeout());
  EXPECT_FALSE(us.beacons.poll_beacon(Instant{9s}, kWall, rng));
  us.beacons.announce(Instant{10s}, us.self);
  std::vector<Instant> sent;
  for (Instant now{10s}; now < Instant{80s}; now += 500ms)
    if (us.beacons.poll_beacon(now, kWall, rng)) sent.push_back(now);
  EXPECT_EQ(sent,
            (std::vector{Instant{10s}, Instant{11s}, Instant{13s}, Instant{43s}, Instant{73s}}));
}

TEST(LanBeacons, SomebodyNewIsToldAtOnceThatWeAreHereButNotTooOften) {
  SeededRng rng(1);
  Neighbour us(rng), other(rng), third(rng);
  us.beacons.announce(Instant{0s}, us.self);
  for (Instant now{0s}; now < Instant{10s}; now += 1s)
    std::ignore = us.beacons.poll_beacon(now, kWall, rng);
  other.beacons.announce(Instant{10s}, other.self);
  const auto beacon = other.beacons.poll_beacon(Instant{10s}, kWall, rng);
  const auto heard = us.beacons.handle_beacon(Instant{10s}, kWall, *beacon, kFrom);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->certificate.node(), other.identity.id);
  EXPECT_EQ(heard->endpoint, Endpoint::v4(0x0a000005, 7));
  EXPECT_TRUE(us.beacons.poll_beacon(Instant{10s}, kWall, rng));
  third.beacons.announce(Instant{11s}, third.self);
  const auto soon = third.beacons.poll_beacon(Instant{11s}, kWall, rng);
  EXPECT_TRUE(us.beacons.handle_beacon(Instant{11s}, kWall, *soon, kFrom));
  EXPECT_FALSE(us.beacons.poll_beacon(Instant{11s}, kWall, rng));
}

TEST(LanBeacons, RecordingsStrangersAndOurOwnAreCountedAndNothingElse) {
  SeededRng rng(1);
  ByteArray<32> foreign{};
  foreign.fill(1);
  Neighbour us(rng), other(rng), stranger(rng, foreign);
  us.beacons.announce(Instant{0s}, us.self);
  other.beacons.announce(Instant{0s}, other.self);
  stranger.beacons.announce(Instant{0s}, stranger.self);
  const auto now = Instant{1s};
  const auto old = other.beacons.poll_beacon(now, kWall, rng);
  const auto newer = other.beacons.poll_beacon(now + 1s, kWall + 1, rng);
  EXPECT_TRUE(us.beacons.handle_beacon(now, kWall, *newer, kFrom));
  EXPECT_FALSE(us.beacons.handle_beacon(now, kWall, *old, kFrom));
  EXPECT_EQ(us.beacons.counters().stale, 1U);
  EXPECT_FALSE(
      us.beacons.handle_beacon(now, kWall, *stranger.beacons.poll_beacon(now, kWall, rng), kFrom));
  EXPECT_FALSE(us.beacons.handle_beacon(now, kWall, bytes_of("WFL1"), kFrom));
  EXPECT_EQ(us.beacons.counters().foreign, 2U);
  EXPECT_FALSE(
      us.beacons.handle_beacon(now, kWall, *us.beacons.poll_beacon(now, kWall, rng), kFrom));
  EXPECT_EQ(us.beacons.counters().heard, 1U);
}

TEST(LanBeacons, AnExpiredCertificateIsNoMembers) {
  SeededRng rng(1);
  Neighbour us(rng), other(rng);
  us.beacons.announce(Instant{0s}, us.self);
  other.beacons.announce(Instant{0s}, other.self);
  const auto beacon = other.beacons.poll_beacon(Instant{0s}, kWall, rng);
  EXPECT_FALSE(us.beacons.handle_beacon(Instant{0s}, kWall + 400 * 86400, *beacon, kFrom));
  EXPECT_EQ(us.beacons.counters().foreign, 1U);
}

}  // namespace
}  // namespace weft::discovery
