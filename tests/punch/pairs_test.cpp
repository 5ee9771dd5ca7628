#include "overlay/punch/pairs.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "base/seeded_rng.hpp"

namespace weft::punch {
namespace {

Endpoint at(const char* text) { return *endpoint_from_text(text); }
constexpr Instant kStart{1h};
constexpr Duration kOneWay = 15ms;

NodeId member(std::uint8_t i) {
  NodeId id;
  id.bytes[0] = i;
  return id;
}

// Two members and the net between them: offers go by way of a third, probes by themselves.
struct World {
  struct Side {
    explicit Side(Rng& rng) : pairs(rng) {}
    NodeId id;
    Endpoint endpoint;
    bool reachable = true;  // what others send to it arrives
    bool opened = false;    // else what answers it
    Pairs pairs;
    std::optional<Pairs::Found> found{};
    std::vector<Offer> heard{};
  };
  struct Packet {
    Instant at{};
    std::size_t to = 0;
    Endpoint from;
    Bytes bytes;
    std::optional<Offer> offer{};
  };

  SeededRng rng{11};
  Instant now = kStart;
  Side a{rng}, b{rng};
  std::deque<Packet> wire;
  std::size_t lose_offers = 0;
  std::vector<Endpoint> probed;  // of all probes
  std::vector<std::uint8_t> ttls;

  World() {
    a.id = member(1);
    b.id = member(2);
    a.endpoint = at("198.51.100.1:7000");
    b.endpoint = at("203.0.113.2:7000");
    for (Side* side : {&a, &b}) {
      side->pairs.set_own({side->endpoint});
      side->pairs.set_candidates({side->endpoint});
    }
  }
  Side& side(std::size_t i) { return i == 0 ? a : b; }

  void flush() {
    for (std::size_t i = 0; i < 2; ++i) {
      Side& me = side(i);
      while (auto letter = me.pairs.poll_offer()) {
        if (lose_offers > 0)
          --lose_offers;
        else
          wire.push_back({now + 2 * kOneWay, 1 - i, {}, {}, letter->offer});
      }
      while (auto out = me.pairs.poll_datagram(now)) {
        probed.push_back(out->to);
        ttls.push_back(out->ttl);
        me.opened = true;
        Side& other = side(1 - i);
        if (out->to == other.endpoint && out->ttl == 0 && (other.reachable || other.opened))
          wire.push_back({now + kOneWay, 1 - i, me.endpoint, std::move(out->bytes), {}});
      }
      if (const auto found = me.pairs.poll_found()) me.found = found;
    }
  }
  void deliver(Side& me, const Packet& packet) {
    if (packet.offer) {
      me.heard.push_back(*packet.offer);
      me.pairs.handle_offer(now, side(&me == &a ? 1 : 0).id, *packet.offer);
      return;
    }
    Datagram in;
    in.from = packet.from;
    in.payload = packet.bytes;
    me.pairs.handle_stun(now, in, *nat::decode_stun(packet.bytes));
  }
  template <class Until>
  bool run(Duration most, Until until) {
    for (const Instant end = now + most; now < end; now += 1ms) {
      a.pairs.handle_timeout(now);
      b.pairs.handle_timeout(now);
      flush();
      while (!wire.empty() && wire.front().at <= now) {
        const Packet packet = std::move(wire.front());
        wire.pop_front();
        deliver(side(packet.to), packet);
      }
      if (until()) return true;
    }
    return false;
  }
  bool both(Duration most = 5s) {
    return run(most, [&] { return a.found && b.found; });
  }
};

TEST(Pairs, WhoIsInNeedFindsAWayAndSoDoesTheOther) {
  World world;
  world.a.pairs.need(world.now, world.b.id, 0ms);
  ASSERT_TRUE(world.both());
  EXPECT_EQ(world.a.found->endpoint, world.b.endpoint);
  EXPECT_EQ(world.b.found->endpoint, world.a.endpoint);
  EXPECT_EQ(world.a.found->member, world.b.id);
  EXPECT_LT(world.now - kStart, 400ms);
  EXPECT_EQ(world.a.pairs.counters().offers_out, 1u);
  EXPECT_EQ(world.b.pairs.counters().offers_out, 1u);
  EXPECT_EQ(world.a.pairs.view(world.b.id)->last, "found");
}

TEST(Pairs, BothMayAskAtOnce) {
  World world;
  world.a.pairs.need(world.now, world.b.id, 0ms);
  world.b.pairs.need(world.now, world.a.id, 0ms);
  ASSERT_TRUE(world.both());
  EXPECT_LT(world.now - kStart, 400ms);
  EXPECT_EQ(world.a.pairs.counters().offers_stale, 0u);
}

TEST(Pairs, AnOfferThatIsLostIsSentAgain) {
  World world;
  world.lose_offers = 1;
  world.a.pairs.need(world.now, world.b.id, 0ms);
  ASSERT_TRUE(world.both());
  EXPECT_GE(world.now - kStart, Pairs::kAskAgain);
  World answer_lost;  // the second of all
  answer_lost.a.pairs.need(answer_lost.now, answer_lost.b.id, 0ms);
  answer_lost.run(40ms, [] { return false; });
  answer_lost.lose_offers = 1;
  ASSERT_TRUE(answer_lost.both());
  EXPECT_EQ(answer_lost.b.pairs.counters().attempts, 1u);
}

TEST(Pairs, WithoutAWayItIsTriedAgainOtherwiseAndEverMoreRarely) {
  World world;
  world.a.reachable = world.b.reachable = false;
  const auto blocked = at("192.0.2.9:1");  // both name addresses where they are not
  world.a.pairs.set_candidates({blocked});
  world.b.pairs.set_candidates({blocked});
  world.a.pairs.need(world.now, world.b.id, 0ms);
  std::vector<Instant> began;
  std::uint64_t attempts = 0;
  world.run(300s, [&] {
    if (world.a.pairs.counters().attempts > attempts) began.push_back(world.now);
    attempts = world.a.pairs.counters().attempts;
    return began.size() == 5;
  });
  ASSERT_EQ(began.size(), 5u);
  for (std::size_t i = 2; i < began.size(); ++i)
    EXPECT_GT(began[i] - began[i - 1], began[i - 1] - began[i - 2]);
  EXPECT_EQ(world.a.pairs.view(world.b.id)->last, "no probe came through");
  std::set<Opener> openers;
  for (const Offer& offer : world.b.heard) openers.insert(offer.opener);
  EXPECT_EQ(openers.size(), 3u);
  EXPECT_TRUE(std::ranges::find(world.ttls, nat::Checks::kOpenerTtl) != world.ttls.end());
  world.a.pairs.settled(world.b.id);
  const auto before = world.a.pairs.counters().attempts;
  world.run(60s, [] { return false; });
  EXPECT_EQ(world.a.pairs.counters().attempts, before);
}

TEST(Pairs, AChangeOfNetworkBeginsAnew) {
  World world;
  world.a.reachable = world.b.reachable = false;
  world.a.pairs.set_candidates({at("192.0.2.9:1")});
  world.b.pairs.set_candidates({at("192.0.2.9:1")});
  world.a.pairs.need(world.now, world.b.id, 0ms);
  world.run(100s, [] { return false; });
  ASSERT_FALSE(world.a.found);
  const auto attempts = world.a.pairs.counters().attempts;
  world.a.pairs.set_candidates({world.a.endpoint});
  world.b.pairs.set_candidates({world.b.endpoint});
  world.a.reachable = world.b.reachable = true;
  world.a.pairs.network_changed(world.now);
  ASSERT_TRUE(world.both(3s));
  EXPECT_EQ(world.a.pairs.counters().attempts, attempts + 1);
}

TEST(Pairs, ACopyOfAnOfferBeginsNothing) {
  World world;
  world.a.pairs.need(world.now, world.b.id, 0ms);
  ASSERT_TRUE(world.both());
  world.run(Pairs::kLinger + 10s, [] { return false; });
  const Offer old = world.b.heard.front();
  const auto attempts = world.b.pairs.counters().attempts;
  world.b.pairs.handle_offer(world.now, world.a.id, old);
  EXPECT_EQ(world.b.pairs.counters().offers_replayed, 1u);
  EXPECT_EQ(world.b.pairs.counters().attempts, attempts);
  Offer fresh = old;  // the control
  fresh.attempt[0] ^= 1;
  world.b.pairs.handle_offer(world.now, world.a.id, fresh);
  EXPECT_EQ(world.b.pairs.counters().attempts, attempts + 1);
}

TEST(Pairs, AnAnswerThatNobodyAskedForIsStale) {
  World world;
  Offer answer;
  answer.answer = true;
  world.a.pairs.handle_offer(world.now, world.b.id, answer);
  EXPECT_EQ(world.a.pairs.counters().offers_stale, 1u);
  EXPECT_EQ(world.a.pairs.attempts(), 0u);
}

TEST(Pairs, OffersOfOneMemberAreMetered) {
  World world;
  Offer offer;
  for (std::uint8_t i = 0; i < 100; ++i) {
    offer.attempt[0] = i;
    world.a.pairs.handle_offer(world.now, world.b.id, offer);
  }
  EXPECT_EQ(world.a.pairs.counters().offers_limited, 95u);
  EXPECT_EQ(world.a.pairs.attempts(), 1u);
}

TEST(Pairs, AttemptsAreBounded) {
  World world;
  Offer offer;
  for (std::uint8_t i = 0; i < 200; ++i) {
    offer.attempt[0] = i;
    world.a.pairs.handle_offer(world.now, member(static_cast<std::uint8_t>(i + 2)), offer);
  }
  EXPECT_EQ(world.a.pairs.attempts(), Pairs::kMostAttempts);
  world.run(20s, [] { return false; });
  EXPECT_EQ(world.a.pairs.attempts(), 0u);
}

TEST(Pairs, NoProbeGoesWhereAMemberMayNotSendIt) {
  World world;
  Offer offer;
  offer.addresses = udp_addresses({at("127.0.0.1:7000"), at("[::1]:7000"), at("[::127.0.0.1]:7000"),
                                   at("169.254.169.254:80"), at("224.0.0.1:7000"),
                                   at("10.0.0.1:7000"), at("192.0.2.7:7000")});
  world.a.pairs.handle_offer(world.now, world.b.id, offer);
  world.run(3s, [] { return false; });
  EXPECT_EQ(world.a.pairs.counters().candidates_refused, 6u);
  ASSERT_FALSE(world.probed.empty());
  for (const auto& endpoint : world.probed) EXPECT_EQ(endpoint, at("192.0.2.7:7000"));
}

TEST(Pairs, NewMappingsOfAllMembersTogetherAreBounded) {
  World world;
  for (std::uint8_t i = 0; i < 30; ++i) {
    Offer offer;
    offer.attempt[0] = i;
    std::vector<Endpoint> many;
    for (std::uint32_t k = 0; k < 8; ++k) many.push_back(Endpoint::v4(0xc0000200 + i * 8 + k, 7));
    offer.addresses = udp_addresses(many);
    world.a.pairs.handle_offer(world.now, member(static_cast<std::uint8_t>(i + 2)), offer);
  }
  world.run(9s, [] { return false; });
  const std::set<Endpoint> places(world.probed.begin(), world.probed.end());
  EXPECT_GE(places.size(), static_cast<std::size_t>(Pairs::kMappingsAtOnce));
  EXPECT_LE(places.size(), static_cast<std::size_t>(Pairs::kMappingsAtOnce + 9 * 2));
}

TEST(Pairs, WhoIsForgottenIsNotTried) {
  World world;
  world.a.pairs.need(world.now, world.b.id, 0ms);
  world.run(10ms, [] { return false; });
  EXPECT_EQ(world.a.pairs.attempts(), 1u);
  world.a.pairs.forget(world.b.id);
  EXPECT_EQ(world.a.pairs.attempts(), 0u);
  EXPECT_FALSE(world.both(3s));
}

}  // namespace
}  // namespace weft::punch
