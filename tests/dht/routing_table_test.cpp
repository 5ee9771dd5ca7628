#include "dht/routing_table.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"

namespace weft::dht {
namespace {

NodeId random_id(Rng& rng) { return NodeId{rng.bytes<32>()}; }

struct Fixture {
  explicit Fixture(std::uint64_t seed)
      : rng(seed), self(random_id(rng)), table(config, book, self) {}

  // The table does not look at keys, so ids can be chosen freely.
  ContactHandle contact(const NodeId& id, const Endpoint& endpoint) {
    Contact c;
    c.id = id;
    c.identity = id.bytes;
    c.endpoint = endpoint;
    return book.intern(c);
  }
  ContactHandle anywhere(const NodeId& id) {
    return contact(id, Endpoint::v4(0x50000000U + next++ * 256, 7));
  }
  NodeId sharing(int bits) {
    NodeId id = random_id(rng);
    for (int b = 0; b <= bits && b < 256; ++b) {
      const auto mask = static_cast<std::uint8_t>(0x80 >> b % 8);
      auto& byte = id.bytes[static_cast<std::size_t>(b / 8)];
      const bool own = (self.bytes[static_cast<std::size_t>(b / 8)] & mask) != 0;
      byte = static_cast<std::uint8_t>(own != (b == bits) ? byte | mask : byte & ~mask);
    }
    return id;
  }

  Config config;
  SeededRng rng;
  ContactBook book{ContactBook::Use::Shared, 1 << 20};
  NodeId self;
  RoutingTable table;
  std::uint32_t next = 0;
};

TEST(RoutingTable, WhoIsDoubtedMoreOftenThanBelievedIsNamed) {
  Fixture f(31);
  const NodeId id = f.sharing(3);
  EXPECT_FALSE(f.table.on_word(id, false));  // not in the table: nothing to remember it by
  f.table.on_reply(Instant{1s}, f.anywhere(id), 20ms);
  EXPECT_FALSE(f.table.on_word(id, false));
  EXPECT_FALSE(f.table.on_word(id, true));
  EXPECT_FALSE(f.table.on_word(id, false));
  EXPECT_TRUE(f.table.on_word(id, false));
  for (int i = 0; i < 20; ++i) f.table.on_word(id, false);
  EXPECT_TRUE(f.table.on_word(id, false));
  f.table.check_invariants();
}

TEST(XorMetric, IsAMetricAndUnidirectional) {
  SeededRng rng(7);
  for (int i = 0; i < 2000; ++i) {
    const NodeId a = random_id(rng), b = random_id(rng), c = random_id(rng);
    EXPECT_TRUE(distance(a, a).is_zero());
    EXPECT_EQ(distance(a, b), distance(b, a));
    EXPECT_EQ(distance(a, b) == distance(a, c), b == c);
    // d(a,c) = d(a,b) xor d(b,c) <= d(a,b) + d(b,c)
    const Distance ab = distance(a, b), bc = distance(b, c), ac = distance(a, c);
    for (std::size_t k = 0; k < 32; ++k) EXPECT_EQ(ac.bytes[k], ab.bytes[k] ^ bc.bytes[k]);
    EXPECT_EQ(distance(a, b) < distance(a, c),
              common_prefix(a, b) > common_prefix(a, c) ||
                  (common_prefix(a, b) == common_prefix(a, c) && ab < ac));
  }
}

TEST(RoutingTable, SplitsKeepTheInvariantsForAnySequence) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Fixture f(seed);
    Instant now{1s};
    for (int i = 0; i < 1500; ++i) {
      now += 1s;
      const NodeId id =
          f.rng.uniform(3) == 0 ? f.sharing(static_cast<int>(f.rng.uniform(40))) : random_id(f.rng);
      f.table.on_reply(now, f.anywhere(id), 50ms);
      if (f.rng.uniform(10) == 0 && f.table.on_failure(f.book.find(id))) f.table.remove(id);
      if (f.rng.uniform(50) == 0) f.table.remove(id);
      if (i % 100 == 0) f.table.check_invariants();
    }
    f.table.check_invariants();
    EXPECT_GT(f.table.bucket_count(), 3U) << "seed " << seed;
  }
}

TEST(RoutingTable, WideBucketsAreWideAndFullOnesKeepTheOld) {
  Fixture f(3);
  EXPECT_EQ(f.table.capacity(0), 320U);
  EXPECT_EQ(f.table.capacity(3), 40U);
  EXPECT_EQ(f.table.capacity(4), 20U);
  std::vector<NodeId> first;
  Instant now{1s};
  for (int i = 0; i < 1000; ++i) {
    const NodeId id = f.sharing(0);
    if (first.size() < 320) first.push_back(id);
    f.table.on_reply(now, f.anywhere(id), 50ms);
    f.table.on_reply(now, f.anywhere(f.sharing(1)), 50ms);
    now += 1s;
  }
  f.table.check_invariants();
  EXPECT_EQ(f.table.bucket(0).live.size(), 320U);
  // Of the 320 oldest at most those that fell out when the first bucket split are gone.
  std::size_t kept = 0;
  for (const NodeId& id : first) kept += f.table.find(id) != nullptr ? 1 : 0;
  EXPECT_EQ(kept, 320U);
}

TEST(RoutingTable, ClosestAgreesWithSortingEverything) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Fixture f(seed);
    std::vector<NodeId> all;
    for (int i = 0; i < 400; ++i) {
      const NodeId id =
          i % 4 == 0 ? f.sharing(static_cast<int>(f.rng.uniform(20))) : random_id(f.rng);
      if (f.table.on_reply(Instant{1s}, f.anywhere(id), 1ms) == RoutingTable::Inserted::New) {
      }
    }
    for (std::size_t b = 0; b < f.table.bucket_count(); ++b)
      for (const Entry& entry : f.table.bucket(b).live) all.push_back(f.book.id(entry.handle));
    for (int i = 0; i < 20; ++i) {
      const NodeId target = i % 2 == 0 ? random_id(f.rng) : f.sharing(i);
      std::ranges::sort(all, {}, [&](const NodeId& id) { return distance(id, target); });
      std::vector<ContactHandle> near;
      f.table.closest(target, 20, 0, ContactHandle::None, near);
      ASSERT_EQ(near.size(), 20U);
      for (std::size_t k = 0; k < near.size(); ++k) EXPECT_EQ(f.book.id(near[k]), all[k]);
    }
  }
}

// N21: a thousand Sybils in one /24, ids near ours: two per bucket, ten in all.
TEST(RoutingTable, N21OnePrefixGetsTwoPerBucketAndTenInAll) {
  Fixture f(9);
  for (int i = 0; i < 200; ++i) f.table.on_reply(Instant{1s}, f.anywhere(random_id(f.rng)), 1ms);
  const std::size_t honest = f.table.size();
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const NodeId id = f.sharing(static_cast<int>(i % 30));
    f.table.on_reply(Instant{1s}, f.contact(id, Endpoint::v4(0xcb007100U + i % 250, 7)), 1ms);
  }
  f.table.check_invariants();
  EXPECT_GT(f.table.size(), honest);  // positive control: some do get in
  EXPECT_LE(f.table.size(), honest + 10);
  // Private ranges are exempt: a LAN is one /24.
  Fixture lan(10);
  for (std::uint32_t i = 0; i < 100; ++i)
    lan.table.on_reply(Instant{1s},
                       lan.contact(random_id(lan.rng), Endpoint::v4(0x0a000000U + i, 7)), 1ms);
  EXPECT_EQ(lan.table.size(), 100U);
}

TEST(RoutingTable, EvictsOnlyAfterTwoFailuresAndAFailedPing) {
  Fixture f(11);
  const ContactHandle h = f.anywhere(random_id(f.rng));
  f.table.on_reply(Instant{1s}, h, 1ms);
  EXPECT_FALSE(f.table.on_failure(h));
  EXPECT_FALSE(f.table.on_failure(h));
  EXPECT_TRUE(f.table.on_failure(h));
  f.table.on_heard(Instant{2s}, h);
  EXPECT_FALSE(f.table.on_failure(h));
}

TEST(RoutingTable, AMovedContactObeysDiversityToo) {
  Fixture f(12);
  std::vector<NodeId> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(f.sharing(0));
    f.table.on_reply(Instant{1s}, f.anywhere(ids.back()), 1ms);
  }
  for (std::uint32_t i = 0; i < 5; ++i)
    f.table.on_reply(Instant{2s}, f.contact(ids[i], Endpoint::v4(0xcb007101U + i, 7)), 1ms);
  f.table.check_invariants();
  EXPECT_EQ(f.table.size(), 2U);
}

// How long a calm entry is left alone after `deaths` others died young.
Duration pause_after(std::size_t deaths, int shared_bits, bool directory, std::size_t beside = 25) {
  Fixture f(12);
  Instant now{1000s};
  for (std::size_t i = 0; i < deaths; ++i) {
    const ContactHandle mortal = f.anywhere(f.sharing(1));
    f.table.on_reply(now, mortal, 10ms);
    for (int k = 0; k < 3; ++k)
      if (f.table.on_failure(mortal)) f.table.remove(f.book.id(mortal));
  }
  for (int i = 0; i < 25; ++i) f.table.on_reply(now, f.anywhere(f.sharing(6)), 10ms);
  for (std::size_t i = 0; i < beside; ++i) f.table.on_reply(now, f.anywhere(f.sharing(1)), 10ms);
  now += 1s;
  const ContactHandle wanted = f.anywhere(f.sharing(shared_bits));
  f.table.on_reply(now, wanted, 10ms);
  // The others answer whenever asked; the first time this one is due tells its pause.
  for (Instant at = now; at < now + 3h; at += 1s) {
    Instant next{};
    while (const Entry* due = f.table.due(at, next, directory)) {
      if (due->handle == wanted) return at - now;
      f.table.on_reply(at, due->handle, 10ms);
    }
  }
  return 3h;
}

TEST(RoutingTable, ProbesFollowTheChurnSeen) {
  const Config config;
  EXPECT_NEAR(static_cast<double>(pause_after(0, 8, false) / 1s), 14 * 60, 10);
  EXPECT_LE(pause_after(60, 8, false), 60s);  // many died at once: near ones are watched closely
  EXPECT_GE(pause_after(60, 8, false), config.ping_min);
  EXPECT_GE(pause_after(0, 1, false), 55min);  // far ones: half a life,
  EXPECT_NEAR(static_cast<double>(pause_after(0, 1, false, 5) / 1s), 28 * 60, 10);  // unless few
  EXPECT_GE(pause_after(0, 1, true), 110min);  // with a directory a whole one
}

TEST(RoutingTable, EstimatesTheNetworkFromDensity) {
  Fixture f(13);
  for (int i = 0; i < 5000; ++i) f.table.on_reply(Instant{1s}, f.anywhere(random_id(f.rng)), 1ms);
  EXPECT_GT(f.table.network_size(), 2000U);
  EXPECT_LT(f.table.network_size(), 12000U);
}

}  // namespace
}  // namespace weft::dht
