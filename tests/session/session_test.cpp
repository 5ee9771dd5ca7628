#include "overlay/session/session_layer.hpp"

#include <gtest/gtest.h>

#include "tests/harness/pair.hpp"

namespace weft::session {
namespace {

using harness::LinkOptions;
using harness::Pair;

TEST(Session, ComesUpByIkAndNamesBothEnds) {
  Pair pair;
  const auto id = pair.a.layer.dial(pair.now, pair.target());
  ASSERT_TRUE(id);
  pair.run(500ms);
  const auto ups_a = Pair::of<SessionUp>(pair.a);
  const auto ups_b = Pair::of<SessionUp>(pair.b);
  ASSERT_EQ(ups_a.size(), 1u);
  ASSERT_EQ(ups_b.size(), 1u);
  EXPECT_EQ(ups_a[0].peer, pair.b.identity.id);
  EXPECT_EQ(ups_b[0].peer, pair.a.identity.id);
  EXPECT_EQ(ups_a[0].channel_binding, ups_b[0].channel_binding);
  EXPECT_EQ(ups_a[0].cipher, ups_b[0].cipher);
  EXPECT_TRUE(ups_a[0].initiator);
  EXPECT_FALSE(ups_b[0].initiator);
  EXPECT_EQ(pair.b.layer.counters().handshakes_ok, 1u);
}

TEST(Session, ComesUpByXxWhenTheStaticKeyIsUnknown) {
  Pair pair;
  ASSERT_TRUE(pair.a.layer.dial(pair.now, pair.target(false)));
  pair.run(500ms);
  ASSERT_EQ(Pair::of<SessionUp>(pair.a).size(), 1u);
  ASSERT_EQ(Pair::of<SessionUp>(pair.b).size(), 1u);
}

TEST(Session, FallsBackToXxInTheSameSessionWhenTheStaticKeyIsStale) {
  Pair pair;
  auto target = pair.target();
  target.static_key = crypto::X25519KeyPair::generate(pair.a.rng).public_key;
  const auto id = pair.a.layer.dial(pair.now, target);
  ASSERT_TRUE(id);
  pair.run(5s);
  const auto ups = Pair::of<SessionUp>(pair.a);
  ASSERT_EQ(ups.size(), 1u);
  EXPECT_EQ(ups[0].session, *id);
  EXPECT_GE(pair.b.layer.counters().noise_auth, 1u);
}

TEST(Session, CarriesAStreamBothWaysAndForgetsIt) {
  Pair pair;
  const auto id = *pair.a.layer.dial(pair.now, pair.target());
  ASSERT_TRUE(pair.run_until([&] { return !Pair::of<SessionUp>(pair.b).empty(); }, 1s));
  const auto stream = pair.a.layer.open_stream(pair.now, id);
  ASSERT_TRUE(stream);
  EXPECT_EQ(pair.a.layer.write(pair.now, id, *stream, bytes_of("hello")), 5u);
  pair.a.layer.finish(pair.now, id, *stream);
  pair.run(200ms);
  const auto opened = Pair::of<StreamOpened>(pair.b);
  ASSERT_EQ(opened.size(), 1u);
  const auto theirs = opened[0].session;
  EXPECT_EQ(text_of(pair.b.layer.readable(theirs, *stream)), "hello");
  pair.b.layer.consume(pair.now, theirs, *stream, 5);
  EXPECT_TRUE(pair.b.layer.read_finished(theirs, *stream));
  pair.b.layer.write(pair.now, theirs, *stream, bytes_of("world"));
  pair.b.layer.finish(pair.now, theirs, *stream);
  pair.run(200ms);
  EXPECT_EQ(text_of(pair.a.layer.readable(id, *stream)), "world");
  pair.a.layer.consume(pair.now, id, *stream, 5);
  pair.run(200ms);
  EXPECT_EQ(Pair::of<StreamClosed>(pair.a).size(), 1u);
  EXPECT_EQ(Pair::of<StreamClosed>(pair.b).size(), 1u);
  EXPECT_EQ(pair.a.layer.info(id)->open_streams, 0u);
}

TEST(Session, AClosedSessionIsSeenByThePeerAtOnce) {
  Pair pair;
  const auto id = *pair.a.layer.dial(pair.now, pair.target());
  pair.run(500ms);
  pair.a.layer.close(pair.now, id, 42, "enough");
  pair.run(15ms);
  const auto downs = Pair::of<SessionDown>(pair.b);
  ASSERT_EQ(downs.size(), 1u);
  EXPECT_EQ(downs[0].reason, CloseReason::Peer);
  EXPECT_EQ(downs[0].code, 42u);
  EXPECT_EQ(downs[0].detail, "enough");
  pair.run(2s);
  EXPECT_EQ(pair.a.layer.session_count(), 0u);
  EXPECT_EQ(pair.b.layer.session_count(), 0u);
}

std::string transfer_digest(std::uint64_t seed) {
  Pair pair(seed, {.delay = 20ms, .jitter = 5ms, .loss_permille = 20});
  const auto id = *pair.a.layer.dial(pair.now, pair.target(seed % 2 == 0));
  EXPECT_TRUE(pair.run_until([&] { return !Pair::of<SessionUp>(pair.b).empty(); }, 10s));
  const auto stream = *pair.a.layer.open_stream(pair.now, id);
  Bytes data(1 << 20);
  SeededRng(seed).fill(data);
  std::size_t written = 0;
  const auto feed = [&] {
    written += pair.a.layer.write(pair.now, id, stream, ByteView(data).subspan(written));
    if (written == data.size()) pair.a.layer.finish(pair.now, id, stream);
  };
  feed();
  Bytes got;
  bool end = false;
  pair.on_event = [&](harness::End& at, const SessionEvent& event) {
    if (std::holds_alternative<StreamWritable>(event) && &at == &pair.a) return feed();
    const auto* readable = std::get_if<StreamReadable>(&event);
    if (!readable || &at != &pair.b) return;
    for (auto view = at.layer.readable(readable->session, stream); !view.empty();
         view = at.layer.readable(readable->session, stream)) {
      append(got, view);
      at.layer.consume(pair.now, readable->session, stream, view.size());
    }
    end = end || at.layer.read_finished(readable->session, stream);
  };
  EXPECT_TRUE(pair.run_until([&] { return end; }, 60s));
  EXPECT_EQ(got, data);
  return pair.digest();
}

TEST(Session, ALossyReorderingLinkDeliversEveryByteAndReplaysFromItsSeed) {
  for (std::uint64_t seed : {7, 8}) EXPECT_EQ(transfer_digest(seed), transfer_digest(seed));
  EXPECT_NE(transfer_digest(7), transfer_digest(9));
}

}  // namespace
}  // namespace weft::session
