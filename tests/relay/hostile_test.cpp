// What members and strangers try against a relay. Each has its control: the honest one beside it is
// served.
#include <gtest/gtest.h>

#include "tests/relay/served.hpp"

namespace weft::relay {
namespace {

using testing::frame_of;
using testing::kA;
using testing::node;
using testing::Served;

TEST(RelayHostile, GuessedLabelsGoNowhere) {
  Served relay;
  relay.circuit(1, 2);
  SeededRng rng(3);
  for (int i = 0; i < 100'000; ++i) EXPECT_FALSE(relay.carries(1, rng.u64() & kLabelMask, 2));
  EXPECT_EQ(relay.server.forwarder().counters().forwarded, 0);
  EXPECT_TRUE(relay.carries(1, relay.label_of_asker, 2));
}

TEST(RelayHostile, AStolenLabelIsWorthNothingFromElsewhere) {
  Served relay;
  relay.circuit(1, 2);
  relay.circuit(3, 4);
  const auto before = relay.server.forwarder().counters().wrong_way;
  EXPECT_FALSE(relay.carries(3, relay.label_of_target, 3));
  EXPECT_FALSE(relay.carries(9, relay.label_of_asker, 4));  // no session at all
  EXPECT_EQ(relay.server.forwarder().counters().wrong_way, before + 2);
  EXPECT_TRUE(relay.carries(3, relay.label_of_asker, 4));
}

TEST(RelayHostile, AThousandReservationsAreOne) {
  Served relay;
  relay.enter(1, node(1));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(relay.reserve(1), Status::Ok);
  EXPECT_EQ(relay.server.reservations(), 1);
  relay.server.check_invariants();
}

TEST(RelayHostile, AFloodOfRequestsIsCutAndTheOthersAreServed) {
  Served relay;
  relay.enter(1, node(1));
  relay.enter(2, node(2));
  (void)relay.reserve(2);
  for (std::uint64_t i = 0; i < 1000; ++i) relay.server.handle(relay.now, 1, Connect{i, node(2)});
  relay.listen();
  EXPECT_EQ(relay.server.circuits(), kMaxOfPair);
  EXPECT_GT(relay.server.counters().asked_too_often, 900);
  std::size_t offers = 0;
  for (const auto& message : relay.heard[2]) offers += std::holds_alternative<Incoming>(message);
  EXPECT_EQ(offers, kMaxOfPair);
  relay.circuit(3, 2);
  EXPECT_TRUE(relay.carries(3, relay.label_of_asker, 2));
}

TEST(RelayHostile, CircuitsOfOneAreBounded) {
  Served relay;
  relay.enter(1, node(1));
  for (std::uint8_t n = 100; n < 200; ++n) {
    relay.enter(n, node(n));
    (void)relay.reserve(n);
  }
  for (std::uint8_t n = 100; n < 200; ++n) {
    relay.server.handle(relay.now, 1, Connect{n, node(n)});
    relay.now += 200ms;
  }
  EXPECT_LE(relay.server.circuits(), kMaxAsked);
  EXPECT_GT(relay.server.counters().refused_full, 0);
  relay.server.check_invariants();
}

TEST(RelayHostile, NobodySpeaksForAnothersCircuit) {
  Served relay;
  relay.enter(1, node(1));
  relay.enter(2, node(2));
  relay.enter(3, node(3));
  (void)relay.reserve(2);
  relay.server.handle(relay.now, 1, Connect{7, node(2)});
  const auto incoming = relay.said<Incoming>(2);
  ASSERT_TRUE(incoming);
  relay.server.handle(relay.now, 3, Accept{incoming->circuit});
  relay.server.handle(relay.now, 1, Accept{incoming->circuit});  // the asker in its place
  EXPECT_FALSE(relay.said<Connected>(1));
  for (CircuitId id = 0; id < 100; ++id) relay.server.handle(relay.now, 3, Close{id});
  EXPECT_EQ(relay.server.circuits(), 1);
  relay.server.handle(relay.now, 2, Accept{incoming->circuit});
  EXPECT_TRUE(relay.said<Connected>(1));
}

TEST(RelayHostile, BeyondTheBudgetNothingPasses) {
  Served relay;
  relay.circuit(1, 2);
  relay.server.forwarder().set_left(1000);
  std::size_t passed = 0;
  for (int i = 0; i < 100; ++i) passed += relay.carries(1, relay.label_of_asker, 2) ? 100 : 0;
  EXPECT_EQ(passed, 1000);
  EXPECT_EQ(relay.server.forwarder().counters().over_volume, 90);
}

TEST(RelayHostile, MangledFramesAreCountedAndDropped) {
  Served relay;
  relay.circuit(1, 2);
  const Bytes whole = frame_of(relay.label_of_asker, "x");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Datagram in;
    in.from = Served::at(1);
    in.payload = ByteView(whole).first(size);
    EXPECT_FALSE(relay.server.forwarder().handle_datagram(relay.now, in)) << size;
  }
  Bytes flags = whole;
  flags[1] = 1;  // of a later version
  Datagram in;
  in.from = Served::at(1);
  in.payload = flags;
  EXPECT_FALSE(relay.server.forwarder().handle_datagram(relay.now, in));
  // A run whose last piece is cut in the middle of its header.
  Bytes run = frame_of(relay.label_of_asker, "one");
  append(run, ByteView(frame_of(relay.label_of_asker, "two")).first(6));
  in.payload = run;
  in.segment_size = 11;
  EXPECT_TRUE(relay.server.forwarder().handle_datagram(relay.now, in));
  Bytes out(kTransmitBufferSize);
  const auto sent = relay.server.forwarder().poll_transmit(out);
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->size, 11);
  EXPECT_EQ(relay.server.forwarder().counters().unknown_label, 1);
}

CircuitId newest(const Served& relay) {
  CircuitId last = 4;
  for (const auto& [session, said] : relay.heard)
    for (const auto& message : said)
      if (const auto* incoming = std::get_if<Incoming>(&message))
        last = std::max(last, incoming->circuit);
  return last;
}

// Nothing that is said in any order breaks what must hold.
TEST(RelayHostile, AnyOrderOfWordsKeepsTheInvariants) {
  SeededRng rng(11);
  Served relay;
  Token token{};
  for (int step = 0; step < 20'000; ++step) {
    const Session from = 1 + rng.uniform(12);
    const auto target = node(static_cast<std::uint8_t>(1 + rng.uniform(8)));
    token[0] = static_cast<std::uint8_t>(rng.uniform(3));
    switch (rng.uniform(12)) {
      case 0:
        relay.enter(from, node(static_cast<std::uint8_t>(1 + from % 8)), from > 10);
        break;
      case 1:
        if (rng.uniform(4) == 0) relay.server.leave(relay.now, from);
        break;
      case 2:
        relay.server.handle(relay.now, from, Reserve{});
        break;
      case 3:
      case 4:
        relay.server.handle(
            relay.now, from,
            Connect{1, target, rng.uniform(2) == 0 ? std::optional(token) : std::nullopt});
        break;
      case 5:
      case 6:
        relay.server.handle(relay.now, from, Accept{newest(relay) - rng.uniform(4)});
        break;
      case 7:
        relay.server.handle(relay.now, from, Close{rng.uniform(400)});
        break;
      case 8:
        relay.server.handle(relay.now, from, Introduce{token, rng.uniform(100)});
        break;
      case 9:
        relay.pass(std::chrono::milliseconds(rng.uniform(2000)));
        break;
      case 10:
        relay.server.set_way(from, Served::way_of(1 + rng.uniform(12)));
        break;
      default:
        if (rng.uniform(200) == 0) relay.server.set_on(relay.now, rng.uniform(2) == 0);
    }
    relay.listen();
    if (step % 50 == 49) relay.heard.clear();
    relay.server.check_invariants();
  }
  EXPECT_GT(relay.server.counters().opened, 0);
  EXPECT_GT(relay.server.counters().introduced, 0);
}

}  // namespace
}  // namespace weft::relay
