#include <gtest/gtest.h>

#include <utility>

#include "tests/harness/pair.hpp"

namespace weft::session {
namespace {

using harness::End;
using harness::Pair;

struct Connected {
  explicit Connected(harness::LinkOptions options = {}, SessionLimits limits = {},
                     std::uint64_t seed = 3)
      : pair(seed, options, limits) {
    at_a = *pair.a.layer.dial(pair.now, pair.target());
    pair.run_until([&] { return !Pair::of<SessionUp>(pair.b).empty(); }, 10s);
    at_b = Pair::of<SessionUp>(pair.b).at(0).session;
  }
  StreamId open() { return *pair.a.layer.open_stream(pair.now, at_a); }
  // Everything that reached `end`'s owner so far, consumed.
  Bytes drain(End& end, StreamId stream) {
    const SessionId session = &end == &pair.a ? at_a : at_b;
    Bytes got;
    for (auto v = end.layer.readable(session, stream); !v.empty();
         v = end.layer.readable(session, stream)) {
      append(got, v);
      end.layer.consume(pair.now, session, stream, v.size());
    }
    return got;
  }
  Pair pair;
  SessionId at_a = 0;
  SessionId at_b = 0;
};

TEST(Streams, BackpressureStopsTheWriterUntilTheReaderConsumes) {
  SessionLimits limits;
  limits.stream_window = limits.stream_window_most = 64 << 10;
  Connected c({}, limits);
  const auto stream = c.open();
  const Bytes block(1 << 20, 7);
  auto& a = c.pair.a.layer;
  EXPECT_EQ(a.write(c.pair.now, c.at_a, stream, block), std::size_t{64} << 10);
  EXPECT_TRUE(a.send_space(c.at_a, stream).empty());
  c.pair.run(2s);
  // The peer holds one window, and nothing waits here that it would not take.
  EXPECT_EQ(Pair::of<StreamWritable>(c.pair.a).size(), 0u);
  EXPECT_EQ(a.write(c.pair.now, c.at_a, stream, block), 0u);
  EXPECT_EQ(c.drain(c.pair.b, stream).size(), std::size_t{64} << 10);
  c.pair.run(2s);
  EXPECT_EQ(Pair::of<StreamWritable>(c.pair.a).size(), 1u);
  EXPECT_GE(a.write(c.pair.now, c.at_a, stream, block), std::size_t{48} << 10);  // in quarters
}

TEST(Streams, AWriterRunsAheadOfThePathOnlySoFar) {
  SessionLimits limits;
  limits.send_ahead = 64 << 10;
  limits.stream_window = 1 << 20;
  Connected c({}, limits);
  const auto stream = c.open();
  const Bytes block(1 << 20, 7);
  auto& a = c.pair.a.layer;
  EXPECT_EQ(a.write(c.pair.now, c.at_a, stream, block), std::size_t{64} << 10);
  EXPECT_TRUE(a.send_space(c.at_a, stream).empty());
  // Nobody reads there and little is acknowledged yet: that it left is enough.
  EXPECT_TRUE(c.pair.run_until([&] { return !Pair::of<StreamWritable>(c.pair.a).empty(); }, 2s));
  EXPECT_GE(a.write(c.pair.now, c.at_a, stream, block), std::size_t{16} << 10);
}

// A question and an answer are two packets, also where an eighth of the round trip is nothing.
TEST(Streams, ADialogueOnAShortPathCarriesItsOwnAcknowledgements) {
  constexpr int kRounds = 200;
  Connected c({.delay = 50us});
  const auto stream = c.open();
  c.pair.run(1s);  // path MTU probes and the like are over
  int datagrams = 0;
  c.pair.tap = [&](int, Bytes&) { return ++datagrams, true; };
  c.pair.on_event = [&](End& at, const SessionEvent& event) {
    if (!std::holds_alternative<StreamReadable>(event)) return;
    const Bytes got = c.drain(at, stream);
    if (&at == &c.pair.b && !got.empty()) at.layer.write(c.pair.now, c.at_b, stream, got);
  };
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_EQ(c.pair.a.layer.write(c.pair.now, c.at_a, stream, bytes_of("ping")), 4u);
    c.pair.run(150us);
  }
  EXPECT_GE(datagrams, 2 * kRounds);
  EXPECT_LE(datagrams, 2 * kRounds + kRounds / 10);
  // Nobody speaks any more: the last answer is acknowledged all the same.
  c.pair.run(2ms);
  const int before = datagrams;
  c.pair.run(500ms);
  EXPECT_EQ(datagrams, before);
}

TEST(Streams, HalfCloseLeavesTheOtherDirectionOpen) {
  Connected c;
  const auto stream = c.open();
  c.pair.a.layer.finish(c.pair.now, c.at_a, stream);  // nothing but the end
  c.pair.run(300ms);
  EXPECT_TRUE(c.pair.b.layer.read_finished(c.at_b, stream));
  EXPECT_TRUE(c.pair.a.layer.send_space(c.at_a, stream).empty());
  EXPECT_EQ(c.pair.b.layer.write(c.pair.now, c.at_b, stream, bytes_of("still here")), 10u);
  c.pair.run(300ms);
  EXPECT_EQ(c.drain(c.pair.a, stream).size(), 10u);
  EXPECT_FALSE(c.pair.a.layer.read_finished(c.at_a, stream));
  EXPECT_TRUE(Pair::of<StreamClosed>(c.pair.b).empty());
  c.pair.b.layer.finish(c.pair.now, c.at_b, stream);
  c.pair.run(300ms);
  EXPECT_EQ(Pair::of<StreamClosed>(c.pair.a).size(), 1u);
  EXPECT_EQ(Pair::of<StreamClosed>(c.pair.b).size(), 1u);
}

TEST(Streams, AResetReachesThePeerWithItsCodeAndReturnsTheWindow) {
  Connected c;
  const auto stream = c.open();
  c.pair.a.layer.write(c.pair.now, c.at_a, stream, Bytes(300000, 1));
  c.pair.run(300ms);
  c.pair.a.layer.reset(c.pair.now, c.at_a, stream, 99);
  c.pair.run(300ms);
  const auto resets = Pair::of<StreamReset>(c.pair.b);
  const auto stops = Pair::of<StreamStopped>(c.pair.b);
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(resets[0].code, 99u);
  ASSERT_EQ(stops.size(), 1u);
  EXPECT_EQ(stops[0].code, 99u);
  c.pair.run(300ms);
  EXPECT_EQ(Pair::of<StreamClosed>(c.pair.a).size(), 1u);
  EXPECT_EQ(Pair::of<StreamClosed>(c.pair.b).size(), 1u);
  EXPECT_EQ(c.pair.a.layer.info(c.at_a)->open_streams, 0u);
  EXPECT_EQ(c.pair.b.layer.info(c.at_b)->open_streams, 0u);
}

TEST(Streams, EightBusyStreamsShareTheLineFairly) {
  SessionLimits limits;
  Connected c({.bits_per_second = 50'000'000}, limits);
  std::map<StreamId, std::size_t> got;
  std::vector<StreamId> streams;
  const Bytes block(1 << 20, 5);
  const auto feed = [&](StreamId s) { c.pair.a.layer.write(c.pair.now, c.at_a, s, block); };
  c.pair.on_event = [&](End& end, const SessionEvent& event) {
    if (const auto* w = std::get_if<StreamWritable>(&event)) feed(w->stream);
    if (const auto* r = std::get_if<StreamReadable>(&event))
      got[r->stream] += c.drain(end, r->stream).size();
  };
  for (int i = 0; i < 8; ++i) streams.push_back(c.open());
  for (const auto s : streams)
    for (int i = 0; i < 5; ++i) feed(s);
  c.pair.run(4s);
  std::size_t least = SIZE_MAX;
  std::size_t most = 0;
  std::size_t total = 0;
  for (const auto s : streams) {
    least = std::min(least, got[s]);
    most = std::max(most, got[s]);
    total += got[s];
  }
  EXPECT_GE(static_cast<double>(least), 0.8 * static_cast<double>(most));
  EXPECT_GT(total, std::size_t{15'000'000});  // 4 s at 50 Mbit/s are 25 MB
}

TEST(Streams, AHundredThousandShortStreamsPassThroughOneSession) {
  Connected c({.delay = 1ms});
  std::size_t served = 0;
  std::size_t closed = 0;
  std::size_t opened = 0;
  c.pair.on_event = [&](End& end, const SessionEvent& event) {
    if (const auto* r = std::get_if<StreamReadable>(&event)) {
      const auto bytes = c.drain(end, r->stream);
      if (&end == &c.pair.b && end.layer.read_finished(r->session, r->stream)) {
        ++served;
        end.layer.accept(r->session, r->stream);
        end.layer.write(c.pair.now, r->session, r->stream, bytes);
        end.layer.finish(c.pair.now, r->session, r->stream);
      }
    }
    if (std::holds_alternative<StreamClosed>(event) && &end == &c.pair.a) ++closed;
  };
  while (opened < 100'000) {
    const std::size_t burst = opened == 0 ? SessionLimits{}.first_streams_bidi : 2000;
    for (std::size_t i = 0; i < burst; ++i, ++opened) {
      const auto s = c.pair.a.layer.open_stream(c.pair.now, c.at_a);
      ASSERT_TRUE(s) << opened;
      c.pair.a.layer.write(c.pair.now, c.at_a, *s, bytes_of("ping"));
      c.pair.a.layer.finish(c.pair.now, c.at_a, *s);
    }
    ASSERT_TRUE(c.pair.run_until([&] { return closed == opened; }, 10s)) << closed;
  }
  EXPECT_EQ(served, opened);
  c.pair.run(200ms);  // the last acknowledgements
  EXPECT_EQ(c.pair.b.layer.info(c.at_b)->open_streams, 0u);
}

TEST(Streams, APeerBeginsWithFewStreamsAndEachThatIsTakenUpAllowsTwoMore) {
  Connected c({.delay = 1ms});
  std::vector<StreamId> waiting;
  c.pair.on_event = [&](End& end, const SessionEvent& event) {
    const auto* r = std::get_if<StreamReadable>(&event);
    if (r && &end == &c.pair.b) waiting.push_back(r->stream);
  };
  const auto open_all = [&] {
    std::size_t opened = 0;
    while (const auto s = c.pair.a.layer.open_stream(c.pair.now, c.at_a)) {
      c.pair.a.layer.write(c.pair.now, c.at_a, *s, bytes_of("hold"));
      ++opened;
    }
    c.pair.run(1s);
    return opened;
  };
  const SessionLimits limits;
  ASSERT_EQ(open_all(), limits.first_streams_bidi);
  EXPECT_EQ(open_all(), 0u);
  for (const std::size_t expected : {2048u, 4096u, 1024u}) {  // 8,192 in all
    for (const StreamId stream : std::exchange(waiting, {})) {
      c.pair.b.layer.accept(c.at_b, stream);
      c.pair.b.layer.accept(c.at_b, stream);  // once more is not twice as good
    }
    c.pair.run(1s);
    EXPECT_EQ(open_all(), expected);
    EXPECT_EQ(waiting.size(), expected);
  }
}

TEST(Streams, MessagesArriveWholeAndTooLargeOnesAreRefused) {
  Connected c;
  ASSERT_TRUE(c.pair.a.layer.send_message(c.pair.now, c.at_a, bytes_of("datagram")));
  const auto refused = c.pair.a.layer.send_message(c.pair.now, c.at_a, Bytes(9000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::TooLarge);
  c.pair.run(100ms);
  const auto got = Pair::of<MessageReceived>(c.pair.b);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(text_of(got[0].payload), "datagram");
}

TEST(Streams, AFullPathMtuIsFound) {
  Connected c({.mtu = 1452});
  std::size_t largest = 0;
  c.pair.tap = [&](int, Bytes& bytes) {
    if (bytes.size() <= 1452) largest = std::max(largest, bytes.size());
    return true;
  };
  const auto stream = c.open();
  c.pair.on_event = [&](End& end, const SessionEvent& event) {
    if (const auto* r = std::get_if<StreamReadable>(&event)) c.drain(end, r->stream);
  };
  for (int i = 0; i < 20; ++i) {
    c.pair.a.layer.write(c.pair.now, c.at_a, stream, Bytes(100'000, 1));
    c.pair.run(500ms);
  }
  EXPECT_EQ(largest, 1452u);
}

TEST(Session, TheDiallerMovesToAnotherEndpointWithoutLosingBytes) {
  Connected c;
  const auto stream = c.open();
  c.pair.a.layer.write(c.pair.now, c.at_a, stream, bytes_of("before "));
  c.pair.run(300ms);
  ASSERT_TRUE(c.pair.a.layer.migrate(c.pair.now, c.at_a, PathId{5}, c.pair.b.endpoint));
  c.pair.a.layer.write(c.pair.now, c.at_a, stream, bytes_of("after"));
  c.pair.run(1s);
  EXPECT_EQ(text_of(c.drain(c.pair.b, stream)), "before after");
  const auto moved_a = Pair::of<RemoteMoved>(c.pair.a);
  const auto moved_b = Pair::of<RemoteMoved>(c.pair.b);
  ASSERT_FALSE(moved_a.empty());
  ASSERT_FALSE(moved_b.empty());
  EXPECT_EQ(moved_b.back().path, PathId{5});
}

TEST(Session, TheResponderFollowsANatRebinding) {
  Connected c;
  const auto stream = c.open();
  c.pair.a.endpoint.port = 50000;
  c.pair.a.layer.write(c.pair.now, c.at_a, stream, bytes_of("from a new port"));
  c.pair.run(1s);
  EXPECT_EQ(text_of(c.drain(c.pair.b, stream)), "from a new port");
  const auto moved = Pair::of<RemoteMoved>(c.pair.b);
  ASSERT_EQ(moved.size(), 1u);
  EXPECT_EQ(moved[0].remote.port, 50000);
}

TEST(Session, KeysAreUpdatedOnALiveSession) {
  SessionLimits limits;
  limits.key_update_interval = 3s;
  Connected c({}, limits);
  const auto stream = c.open();
  Bytes got;
  for (int i = 0; i < 20; ++i) {
    c.pair.a.layer.write(c.pair.now, c.at_a, stream, bytes_of("x"));
    c.pair.run(1s);
    append(got, c.drain(c.pair.b, stream));
  }
  EXPECT_EQ(got.size(), 20u);
  EXPECT_GE(c.pair.a.layer.info(c.at_a)->key_updates, 5u);
}

TEST(Session, FreshKeysAreMixedInWhileStreamsLive) {
  SessionLimits limits;
  limits.rekey_interval = 20s;
  Connected c({.loss_permille = 10}, limits);
  const auto stream = c.open();
  c.pair.on_event = [&](End& end, const SessionEvent& event) {
    const auto* send = std::get_if<RekeySend>(&event);
    if (!send) return;
    End& other = &end == &c.pair.a ? c.pair.b : c.pair.a;
    const auto session = &other == &c.pair.a ? c.at_a : c.at_b;
    other.layer.handle_rekey(c.pair.now, session, send->message);
  };
  Bytes got;
  for (int i = 0; i < 120; ++i) {
    c.pair.a.layer.write(c.pair.now, c.at_a, stream, bytes_of("x"));
    c.pair.b.layer.write(c.pair.now, c.at_b, stream, bytes_of("y"));
    c.pair.run(1s);
    append(got, c.drain(c.pair.b, stream));
    c.drain(c.pair.a, stream);
  }
  c.pair.run(5s);
  append(got, c.drain(c.pair.b, stream));
  EXPECT_EQ(got.size(), 120u);
  const auto at_a = Pair::of<Rekeyed>(c.pair.a);
  const auto at_b = Pair::of<Rekeyed>(c.pair.b);
  ASSERT_GE(at_a.size(), 4u);
  EXPECT_NEAR(static_cast<double>(at_a.size()), static_cast<double>(at_b.size()), 1.0);
  EXPECT_EQ(at_a[0].generation, at_b[0].generation);
  EXPECT_TRUE(c.pair.a.layer.info(c.at_a)->up);
}

TEST(Session, AForgedRekeyMessageEndsTheSession) {
  Connected c;
  Bytes forged(1400, 9);
  forged[0] = 1;
  c.pair.b.layer.handle_rekey(c.pair.now, c.at_b, forged);
  c.pair.run(100ms);
  ASSERT_EQ(Pair::of<SessionDown>(c.pair.b).size(), 1u);
  EXPECT_EQ(Pair::of<SessionDown>(c.pair.b)[0].reason, CloseReason::ProtocolError);
  EXPECT_EQ(c.pair.b.layer.counters().noise_auth, 1u);
}

TEST(Session, AnIdleSessionIsKeptAliveAndADeafOneIsDropped) {
  Connected c;
  c.pair.run(120s);
  EXPECT_TRUE(Pair::of<SessionDown>(c.pair.a).empty());
  c.pair.b.mute = true;
  c.pair.run(60s);
  const auto downs = Pair::of<SessionDown>(c.pair.a);
  ASSERT_EQ(downs.size(), 1u);
  EXPECT_EQ(downs[0].reason, CloseReason::Idle);
}

TEST(Session, ARemovedPeerIsCutOffAtOnce) {
  Connected c;
  c.pair.trust.removed.insert(c.pair.b.identity.id);
  c.pair.a.layer.trust_changed(c.pair.now);
  c.pair.run(15ms);
  ASSERT_EQ(Pair::of<SessionDown>(c.pair.a).size(), 1u);
  EXPECT_EQ(Pair::of<SessionDown>(c.pair.a)[0].reason, CloseReason::Removed);
  ASSERT_EQ(Pair::of<SessionDown>(c.pair.b).size(), 1u);
  EXPECT_EQ(Pair::of<SessionDown>(c.pair.b)[0].reason, CloseReason::RemovedByPeer);
}

TEST(Session, AThirdSessionOfOneIdentityEndsTheFirst) {
  Connected c;
  const auto second = *c.pair.a.layer.dial(c.pair.now, c.pair.target());
  c.pair.run(500ms);
  EXPECT_TRUE(Pair::of<SessionDown>(c.pair.b).empty());  // which to keep is for others to say
  const auto third = *c.pair.a.layer.dial(c.pair.now, c.pair.target());
  c.pair.run(500ms);
  const auto downs = Pair::of<SessionDown>(c.pair.b);
  ASSERT_EQ(downs.size(), 1u);
  EXPECT_EQ(downs[0].session, c.at_b);
  EXPECT_EQ(downs[0].reason, CloseReason::Superseded);
  EXPECT_TRUE(c.pair.a.layer.info(second)->up);
  EXPECT_TRUE(c.pair.a.layer.info(third)->up);
}

TEST(Session, TwoThousandLiveInOneProcess) {
  SessionLimits limits;
  limits.max_half_open = 4096;
  limits.retry_above_half_open = 4096;
  limits.max_half_open_per_ip = 4096;
  Pair pair(11, {}, limits);
  // One identity may hold many sessions if they come from different identities; here each dial is
  // of a fresh node in the same process.
  std::vector<std::unique_ptr<End>> nodes;
  std::size_t up = 0;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    auto node =
        std::make_unique<End>(1000 + i, Endpoint::v4(0x0b000000 + i, 7), pair.trust, limits);
    node->join(pair.b.network.id, pair.b.network.secret);
    pair.trust.members.insert(node->identity.id);
    ASSERT_TRUE(node->layer.dial(pair.now, pair.target()));
    nodes.push_back(std::move(node));
  }
  Bytes buffer(kTransmitBufferSize);
  const auto pump = [&](End& from, const std::function<void(const Endpoint&, ByteView)>& to) {
    bool moved = false;
    while (auto t = from.layer.poll_transmit(pair.now, buffer)) {
      moved = true;
      const std::size_t step = t->segment_size ? t->segment_size : t->size;
      for (std::size_t at = 0; at < t->size; at += step)
        to(t->to, to_bytes(ByteView(buffer).subspan(at, std::min(step, t->size - at))));
    }
    return moved;
  };
  for (int round = 0; round < 40; ++round) {
    pair.now += 10ms;
    for (auto& node : nodes) {
      node->layer.handle_timeout(pair.now);
      pump(*node, [&](const Endpoint&, ByteView bytes) {
        pair.b.layer.handle_datagram(pair.now,
                                     {PathId::Udp, {}, node->endpoint, Ecn::NotEct, bytes});
      });
    }
    pair.b.layer.handle_timeout(pair.now);
    pump(pair.b, [&](const Endpoint& to, ByteView bytes) {
      const auto index = to.v4_address() - 0x0b000000;
      nodes[index]->layer.handle_datagram(pair.now,
                                          {PathId::Udp, {}, pair.b.endpoint, Ecn::NotEct, bytes});
    });
    while (auto event = pair.b.layer.poll_event()) up += std::holds_alternative<SessionUp>(*event);
    if (up == 2000) break;
  }
  EXPECT_EQ(up, 2000u);
  EXPECT_EQ(pair.b.layer.session_count(), 2000u);
}

}  // namespace
}  // namespace weft::session
