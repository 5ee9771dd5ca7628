// security.md 5, N07, N08, N12 and the malformed ends of N11: a member that breaks every rule of
// QUIC after (or during) a good handshake. It is closed or capped; b keeps its memory.
#include <gtest/gtest.h>

#include <malloc.h>

#include "tests/session/raw_client.hpp"

namespace weft::session {
namespace {

using harness::Pair;
using testing::RawClient;
using Level = RawClient::Level;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCountsMemory = false;
#else
constexpr bool kCountsMemory = true;
#endif

std::size_t heap() { return mallinfo2().uordblks; }

struct Up : ::testing::Test {
  void SetUp() override {
    ASSERT_TRUE(client.connect());
    before = heap();
  }
  // Few enough bytes each that one packet holds many.
  template <class Frame>
  void flood(std::uint64_t count, Frame frame) {
    Bytes frames;
    for (std::uint64_t i = 0; i < count && alive(); ++i) {
      append(frames, frame(i));
      if (frames.size() < 1000 && i + 1 < count) continue;
      client.send(Level::OneRtt, frames);
      frames.clear();
      sent_bytes += 1100;
      for (const auto& reply : client.replies()) reply_bytes += reply.size();
    }
  }
  [[nodiscard]] bool alive() const {
    const auto info = pair.b.layer.info(*client.session());
    return info && info->up;
  }
  void expect_bounded(std::size_t limit = 1u << 20) const {
    if (!kCountsMemory) return;
    const auto now = heap();
    EXPECT_LT(now > before ? now - before : 0, limit);
  }

  Pair pair{61};
  RawClient client{pair};
  std::size_t before = 0;
  std::size_t sent_bytes = 0;
  std::size_t reply_bytes = 0;
};

TEST_F(Up, TheRawClientIsAMemberLikeAnyOther) {
  client.send(Level::OneRtt, testing::stream_frame(0, 0, bytes_of("hello"), true));
  client.replies();
  EXPECT_EQ(text_of(pair.b.layer.readable(*client.session(), 0)), "hello");
  EXPECT_EQ(pair.b.layer.counters().protocol_violation, 0u);
}

// N08
TEST_F(Up, APacketReplayedIsDroppedAndChangesNothing) {
  const Bytes packet = client.send(Level::OneRtt, testing::stream_frame(0, 0, bytes_of("once")));
  client.replies();
  const auto events = pair.b.events.size();
  for (int i = 0; i < 1000; ++i) client.send_raw(packet);
  client.replies();
  EXPECT_TRUE(alive());
  EXPECT_EQ(pair.b.events.size(), events);
  EXPECT_EQ(text_of(pair.b.layer.readable(*client.session(), 0)), "once");
  EXPECT_EQ(pair.b.layer.counters().opening.packets_replayed, 1000u);
  EXPECT_EQ(pair.b.layer.counters().opening.packets_unopened, 0u);
  expect_bounded();
}

// N08: after the confirmed handshake the Initial and Handshake keys are gone for good.
TEST_F(Up, PacketsUnderTheKeysOfTheHandshakeDoNothingAnyMore) {
  const auto events = pair.b.events.size();
  for (int i = 0; i < 100; ++i) {
    client.send(Level::Handshake, testing::crypto_frame(0, Bytes(600, 7)));
    client.send(Level::Initial, testing::crypto_frame(0, Bytes(600, 7)));
  }
  client.replies();
  EXPECT_TRUE(alive());
  EXPECT_EQ(pair.b.events.size(), events);
}

TEST_F(Up, APacketWithOneBitFlippedIsDropped) {
  for (std::size_t at = 9; at < 40; ++at) {
    RawClient fresh(pair);
    Bytes packet = client.send(Level::OneRtt, Bytes{0x01});
    client.replies();
    packet[at % packet.size()] ^= 0x04;
    client.send_raw(packet);
  }
  client.replies();
  EXPECT_TRUE(alive());
  EXPECT_GE(pair.b.layer.counters().opening.packets_unopened, 20u);
}

// N07, N12
TEST_F(Up, ACryptoFloodClosesTheSession) {
  flood(20, [](std::uint64_t i) { return testing::crypto_frame(i * 1000, Bytes(1000)); });
  EXPECT_FALSE(alive());
  EXPECT_EQ(pair.b.layer.counters().crypto_buffer, 1u);
  expect_bounded();
}

TEST_F(Up, CryptoWithGapsClosesTheSession) {
  flood(100, [](std::uint64_t i) { return testing::crypto_frame(1 + i * 2000, Bytes(900)); });
  EXPECT_FALSE(alive());
  expect_bounded();
}

// N12
TEST_F(Up, PathChallengesAreAnsweredSparinglyAndHoldNothing) {
  flood(200'000, [](std::uint64_t i) { return testing::path_challenge_frame(i); });
  EXPECT_LE(reply_bytes, 3 * sent_bytes);
  expect_bounded();
}

TEST_F(Up, MoreConnectionIdsThanAgreedCloseTheSession) {
  flood(1000, [](std::uint64_t i) { return testing::new_connection_id_frame(i + 1, 0); });
  EXPECT_FALSE(alive());
  EXPECT_EQ(pair.b.layer.counters().protocol_violation, 1u);
  expect_bounded();
}

TEST_F(Up, ConnectionIdsRetiredAsFastAsTheyComeAreCapped) {
  flood(100'000, [](std::uint64_t i) { return testing::new_connection_id_frame(i + 1, i + 1); });
  EXPECT_FALSE(alive());
  expect_bounded();
}

TEST_F(Up, StreamsBeyondTheLimitCloseTheSession) {
  client.send(Level::OneRtt, testing::stream_frame(4 * 70'000, 0, bytes_of("x")));
  client.replies();
  EXPECT_FALSE(alive());
  EXPECT_EQ(pair.b.layer.counters().protocol_violation, 1u);
}

// Each opened and reset, never read and never acknowledged; b resets back, as the overlay does.
TEST_F(Up, AStormOfResetStreamsStaysBounded) {
  std::size_t seen = pair.b.events.size();
  flood(20'000, [&](std::uint64_t i) {
    for (; seen < pair.b.events.size(); ++seen)
      if (const auto* reset = std::get_if<StreamReset>(&pair.b.events[seen]))
        pair.b.layer.reset(pair.now, reset->session, reset->stream, 1);
    return testing::reset_stream_frame(4 * i);
  });
  pair.b.events.clear();
  pair.b.events.shrink_to_fit();
  EXPECT_FALSE(alive());  // 1,024 of them, none acknowledged: no more are allowed
  expect_bounded();
}

// A byte here, a byte there, never the first: each is a gap to remember, dearer than the byte.
TEST_F(Up, SingleBytesWithHolesBetweenCloseTheSession) {
  flood(100'000,
        [](std::uint64_t i) { return testing::stream_frame(0, 1 + 2 * i, bytes_of("x")); });
  EXPECT_FALSE(alive());  // ngtcp2 itself gives up at 5,000 in one stream
  expect_bounded();
}

// The same over many streams: what the windows allow would take hundreds of MiB.
TEST_F(Up, HolesInAThousandStreamsEndAtTheQuota) {
  flood(4'000'000, [](std::uint64_t i) {
    return testing::stream_frame(4 * (i / 4000), 1 + 2 * (i % 4000), bytes_of("x"));
  });
  EXPECT_FALSE(alive());
  EXPECT_EQ(pair.b.layer.counters().quic_memory, 1u);
  expect_bounded(SessionLimits{}.quic_memory + (1u << 20));
}

TEST_F(Up, BytesBeyondTheWindowCloseTheSession) {
  client.send(Level::OneRtt, testing::stream_frame(0, 5 << 20, bytes_of("x")));
  client.replies();
  EXPECT_FALSE(alive());
  EXPECT_EQ(pair.b.layer.counters().protocol_violation, 1u);
}

TEST_F(Up, PingsByTheMillionCostNothingThatStays) {
  flood(1'000'000, [](std::uint64_t) { return Bytes{0x01}; });
  EXPECT_TRUE(alive());
  expect_bounded();
}

// The handshake's own CRYPTO stream, before anything is proven (N07).
struct Before : ::testing::Test {
  Pair pair{62};
  RawClient client{pair};
};

TEST_F(Before, ASecondHelloOrAnyOtherMessageIsRefusedInSilence) {
  const Bytes hello = client.hello();
  Bytes wrong = hello;
  wrong[0] = 3;
  client.send_hello(wrong);
  EXPECT_TRUE(client.replies().empty());
  EXPECT_EQ(pair.b.layer.counters().malformed, 1u);
  EXPECT_EQ(pair.b.layer.session_count(), 0u);
}

TEST_F(Before, CryptoOver4096BytesIsACryptoBufferFault) {
  const Bytes head{1, 0xff, 0xff};  // announces 65,535 bytes
  Bytes message = head;
  message.resize(6000);
  client.send_hello(message);
  EXPECT_TRUE(client.replies().empty());
  EXPECT_EQ(pair.b.layer.counters().crypto_buffer, 1u);
  EXPECT_EQ(pair.b.layer.session_count(), 0u);
}

TEST_F(Before, AHelloThatNeverComesWholeIsForgottenIn10s) {
  const Bytes hello = client.hello();
  client.send(Level::Initial, testing::crypto_frame(0, ByteView(hello).first(700)));
  client.replies();
  EXPECT_EQ(pair.b.layer.session_count(), 1u);
  pair.a.mute = pair.b.mute = true;
  pair.run(11s);
  EXPECT_EQ(pair.b.layer.session_count(), 0u);
  EXPECT_TRUE(pair.b.events.empty());
}

TEST_F(Before, OverlappingCryptoIsReadOnceAndTheFirstBytesCount) {
  const Bytes hello = client.hello();
  client.send(Level::Initial, testing::crypto_frame(0, ByteView(hello).first(1000)));
  client.send(Level::Initial, testing::crypto_frame(200, Bytes(700, 0xee)));  // too late
  client.send(Level::Initial, testing::crypto_frame(900, ByteView(hello).subspan(900)));
  EXPECT_FALSE(client.replies().empty());
  EXPECT_EQ(pair.b.layer.counters().noise_auth, 0u);
  EXPECT_EQ(pair.b.layer.session_count(), 1u);
}

// N06: everything but the confirm; no data, no event, gone in 10 s, and never answered to a
// multiple.
TEST_F(Before, DataBehindAHandshakeThatWasNeverConfirmedHasNoEffect) {
  client.send_hello(client.hello());
  std::size_t replied = 0;
  for (const auto& reply : client.replies()) replied += reply.size();
  EXPECT_LE(replied, 3u * 2400u);
  EXPECT_TRUE(pair.b.events.empty());
  pair.a.mute = pair.b.mute = true;
  pair.run(11s);
  EXPECT_EQ(pair.b.layer.session_count(), 0u);
  EXPECT_TRUE(pair.b.events.empty());
  EXPECT_EQ(pair.b.layer.counters().handshake_timeout, 1u);
}

// N10 and the promise of security.md 4: while strangers who know the network's secret hold hundreds
// of handshakes half open, each newcomer is asked to prove its address, nothing grows beyond the
// limits, and a member still comes up at once.
TEST(Load, HalfOpenSessionsByTheHundredMeanRetryAndAMemberComesUpAllTheSame) {
  Pair pair(63);
  for (std::uint32_t i = 0; i < 400; ++i) {
    RawClient client(pair);
    client.from = Endpoint::v4(0x0b000000 + i / 4, static_cast<std::uint16_t>(2000 + i));
    client.send_hello(client.hello());
    client.replies();
  }
  const auto& counters = pair.b.layer.counters();
  EXPECT_EQ(pair.b.layer.session_count(), 128u);
  EXPECT_GE(counters.retry_sent, 272u);
  const auto started = pair.now;
  ASSERT_TRUE(pair.a.layer.dial(pair.now, pair.target()));
  ASSERT_TRUE(pair.run_until([&] { return !Pair::of<SessionUp>(pair.b).empty(); }, 5s));
  EXPECT_LE(pair.now - started, 2s);
  pair.run(11s);
  EXPECT_EQ(pair.b.layer.session_count(), 1u);
  EXPECT_EQ(counters.handshake_timeout, 128u);
}

TEST(Load, OneAddressHoldsNoMoreThanItsShareOfHalfOpenSessions) {
  Pair pair(64);
  for (int i = 0; i < 100; ++i) {
    RawClient client(pair);
    client.from.port = static_cast<std::uint16_t>(2000 + i);
    client.send_hello(client.hello());
    client.replies();
  }
  EXPECT_EQ(pair.b.layer.session_count(), 64u);
  EXPECT_GE(pair.b.layer.counters().half_open_limit, 36u);
}

}  // namespace
}  // namespace weft::session
