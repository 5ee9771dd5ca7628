#include "nat/checks.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <set>

#include "base/seeded_rng.hpp"

namespace weft::nat {
namespace {

Endpoint at(const char* text) { return *endpoint_from_text(text); }
constexpr Instant kStart{1h};
constexpr Duration kOneWay = 20ms;

// A NAT as RFC 4787 has them: whom it lets in, and whether its port depends on the destination.
enum class Kind { Open, Independent, ByAddress, ByPort, Symmetric, Blocked };

struct Box {
  Kind kind = Kind::Open;
  Endpoint outside;  // with the port that it keeps
  std::uint16_t next_port = 40000;
  std::map<Endpoint, std::uint16_t> drawn{};  // Symmetric: by destination
  std::set<Endpoint> sent_to{};

  Endpoint leave(const Endpoint& to) {
    sent_to.insert(to);
    Endpoint from = outside;
    if (kind == Kind::Symmetric) {
      const auto [port, fresh] = drawn.try_emplace(to, next_port);
      if (fresh) next_port = static_cast<std::uint16_t>(next_port + 7);
      from.port = port->second;
    }
    return from;
  }
  bool lets_in(const Endpoint& from, const Endpoint& to) {
    if (kind == Kind::Blocked || to.address != outside.address) return false;
    if (kind == Kind::Symmetric) {
      const auto port = drawn.find(from);
      return port != drawn.end() && port->second == to.port;
    }
    if (to.port != outside.port) return false;
    if (kind == Kind::ByPort) return sent_to.contains(from);
    if (kind == Kind::ByAddress)
      return std::ranges::any_of(sent_to,
                                 [&](const Endpoint& e) { return e.address == from.address; });
    return true;
  }
};

struct Side {
  Box box;
  std::unique_ptr<Checks> checks;
  Meter mappings{100, 100};
  std::optional<Instant> proven_at{};
};

struct World {
  struct Packet {
    Instant at{};
    std::size_t to = 0;
    Endpoint from;
    Bytes bytes;
  };
  SeededRng rng{7};
  Instant now = kStart;
  Side sides[2];
  std::deque<Packet> wire;
  Bytes last_request;  // as it went

  World(Kind a, Kind b, bool opener = false) {
    sides[0].box = {a, at("198.51.100.1:7000")};
    sides[1].box = {b, at("203.0.113.2:7000")};
    for (auto& side : sides)
      side.checks = std::make_unique<Checks>(CheckKey::generate(rng), rng, opener);
  }
  // Each learns what a third party sees of the other: a mapping of its own behind Symmetric.
  void introduce() {
    for (std::size_t i = 0; i < 2; ++i) {
      const auto& other = sides[1 - i];
      sides[i].checks->set_peer(now, other.checks->own(), {other.box.outside});
    }
  }
  void flush() {
    for (std::size_t i = 0; i < 2; ++i) {
      while (auto out = sides[i].checks->poll(now, sides[i].mappings)) {
        const Endpoint from = sides[i].box.leave(out->to);
        last_request = out->bytes;
        if (sides[i].box.kind == Kind::Blocked || out->ttl != 0) continue;
        if (sides[1 - i].box.lets_in(from, out->to))
          wire.push_back({now + kOneWay, 1 - i, from, std::move(out->bytes)});
      }
      if (!sides[i].proven_at && sides[i].checks->proven(now)) sides[i].proven_at = now;
    }
  }
  void deliver(std::size_t to, const Endpoint& from, ByteView bytes) {
    Datagram in;
    in.from = from;
    in.payload = bytes;
    const auto message = decode_stun(bytes);
    ASSERT_TRUE(message);
    sides[to].checks->handle(now, in, *message);
  }
  bool run(Duration most = 12s) {
    const Instant end = now + most;
    for (; now < end; now += 1ms) {
      flush();
      while (!wire.empty() && wire.front().at <= now) {
        const Packet packet = std::move(wire.front());
        wire.pop_front();
        deliver(packet.to, packet.from, packet.bytes);
      }
      if (sides[0].proven_at && sides[1].proven_at) return true;
    }
    return false;
  }
};

TEST(Checks, APathIsFoundWhereTheoryHasOne) {
  constexpr Kind kKinds[] = {Kind::Open,   Kind::Independent, Kind::ByAddress,
                             Kind::ByPort, Kind::Symmetric,   Kind::Blocked};
  for (const Kind a : kKinds) {
    for (const Kind b : kKinds) {
      for (const bool opener : {false, true}) {
        World world(a, b, opener);
        world.introduce();
        const auto hard = [](Kind x, Kind y) {
          return x == Kind::Symmetric && (y == Kind::Symmetric || y == Kind::ByPort);
        };
        const bool possible =
            a != Kind::Blocked && b != Kind::Blocked && !hard(a, b) && !hard(b, a);
        EXPECT_EQ(world.run(), possible)
            << static_cast<int>(a) << " x " << static_cast<int>(b) << (opener ? " opener" : "");
        EXPECT_TRUE(!possible || world.now - kStart <= 800ms);
      }
    }
  }
}

TEST(Checks, WhereAPeerSeesUsIsTold) {
  World world(Kind::Symmetric, Kind::Open);
  world.introduce();
  ASSERT_TRUE(world.run());
  const auto proven = world.sides[1].checks->proven(world.now);
  ASSERT_TRUE(proven);
  EXPECT_EQ(proven->endpoint, at("198.51.100.1:40000"));  // not the one that was offered
  EXPECT_GE(proven->rtt, 2 * kOneWay);
}

TEST(Checks, AWrongPasswordProvesNothing) {
  World world(Kind::Open, Kind::Open);
  auto other = world.sides[1].checks->own();
  other.password[0] ^= 1;
  world.sides[0].checks->set_peer(world.now, other, {world.sides[1].box.outside});
  world.sides[1].checks->set_peer(world.now, world.sides[0].checks->own(), {});
  EXPECT_FALSE(world.run());
  EXPECT_GT(world.sides[1].checks->counters().refused, 0u);
  EXPECT_EQ(world.sides[1].checks->counters().answered, 0u);
}

TEST(Checks, ACopyFromElsewhereIsRefused) {
  World world(Kind::Open, Kind::Open);
  world.introduce();
  world.flush();
  ASSERT_FALSE(world.wire.empty());
  const auto packet = world.wire.front();
  world.deliver(packet.to, packet.from, packet.bytes);
  auto& checks = *world.sides[packet.to].checks;
  EXPECT_EQ(checks.counters().answered, 1u);
  const auto targets = checks.targets();
  world.deliver(packet.to, at("192.0.2.66:6666"), packet.bytes);
  EXPECT_EQ(checks.counters().replayed, 1u);
  EXPECT_EQ(checks.counters().answered, 1u);
  EXPECT_EQ(checks.targets(), targets);
}

TEST(Checks, OfAnotherAttemptNothingIsTaken) {
  World world(Kind::Open, Kind::Open), other(Kind::Open, Kind::Open);
  other.rng.u64();
  other.sides[0].checks = std::make_unique<Checks>(CheckKey::generate(other.rng), other.rng, false);
  world.introduce();
  world.flush();
  const auto packet = world.wire.front();
  Datagram in;
  in.from = packet.from;
  in.payload = packet.bytes;
  EXPECT_FALSE(other.sides[0].checks->handle(world.now, in, *decode_stun(packet.bytes)).ours);
  EXPECT_TRUE(
      world.sides[packet.to].checks->handle(world.now, in, *decode_stun(packet.bytes)).ours);
}

TEST(Checks, TheBudgetOfMappingsHolds) {
  World world(Kind::Open, Kind::Open);
  std::vector<Endpoint> many;
  for (std::uint32_t i = 1; i <= 40; ++i) many.push_back(Endpoint::v4(0xc6336400 + i, 7));
  world.sides[0].checks->set_peer(world.now, world.sides[1].checks->own(), many);
  EXPECT_EQ(world.sides[0].checks->targets(), Checks::kMostTargets);
  Meter few(1, 3);
  std::set<Endpoint> to;
  for (Instant now = kStart; now < kStart + 900ms; now += 5ms)
    while (const auto out = world.sides[0].checks->poll(now, few)) to.insert(out->to);
  EXPECT_EQ(to.size(), 3u);
}

TEST(Checks, ItEnds) {
  World world(Kind::Open, Kind::Blocked);
  world.introduce();
  EXPECT_FALSE(world.run(11s));
  EXPECT_TRUE(world.sides[0].checks->over(world.now));
  EXPECT_LE(world.sides[0].checks->counters().sent,
            static_cast<std::uint64_t>(Checks::kMostChecks));
}

TEST(Checks, TheNearestOfSeveralIsTaken) {
  World world(Kind::Open, Kind::Open);
  auto& mine = *world.sides[0].checks;
  const auto& theirs = world.sides[1].checks->own();
  const Endpoint four = at("203.0.113.2:7000"), six = at("[2001:db8::2]:7000");
  mine.set_peer(world.now, theirs, {four, six});
  std::vector<std::pair<Endpoint, TransactionId>> asked;
  for (Instant now = kStart; now < kStart + 200ms; now += 1ms)
    while (const auto out = mine.poll(now, world.sides[0].mappings))
      asked.emplace_back(out->to, decode_stun(out->bytes)->id);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].first, six);
  const auto answer = [&](const Endpoint& from, const TransactionId& id) {
    StunMessage reply;
    reply.kind = StunClass::Success;
    reply.id = id;
    reply.mapped = at("198.51.100.1:7000");
    world.deliver(0, from, encode_stun(reply, theirs.password));
  };
  world.now = kStart + 210ms;
  answer(four, asked[1].second);
  EXPECT_FALSE(mine.proven(world.now));  // something better may come
  answer(six, asked[0].second);
  world.now += Checks::kSettle;
  ASSERT_TRUE(mine.proven(world.now));
  EXPECT_EQ(mine.proven(world.now)->endpoint, six);
}

}  // namespace
}  // namespace weft::nat
