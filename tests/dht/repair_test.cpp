// How holders keep a record: one repairs for all, no longer than the record lives.
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "tests/dht/world.hpp"

namespace weft::dht::test {
namespace {

constexpr std::string_view kValue = "a value that nothing else on the wire says";

// Datagrams that carry the record; with no reader about each is a store.
struct StoreCount {
  explicit StoreCount(World& world) {
    world.on_packet = [this](const World::Packet& packet) {
      if (!std::ranges::search(packet.bytes, kValue).empty()) ++stores;
    };
  }
  std::size_t stores = 0;
};

std::size_t holders(World& world, const Key& key) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < world.size(); ++i)
    if (!world.node(i).dead && world.dht(i).holds(key)) ++count;
  return count;
}

// Forty nodes of whom about half hold the record, then eighty more: most of the first holders lie
// outside its region now.
struct Outgrown {
  explicit Outgrown(const Config& config) : world(grown(40, {}, config)) {
    EXPECT_TRUE(run_put<PutDone>(*world, 2, value)->ok);
    world->run(1s);
    world->grow(80, 300ms);
    world->run(3h);  // whatever is handed over
  }
  Record value = Record::immutable(bytes_of(kValue));
  std::unique_ptr<World> world;
};

TEST(Repair, OneHolderRepairsForAllAndNobodyOutsideTheRegionForItself) {
  Config config;
  config.full_table = false;
  Outgrown outgrown(config);
  EXPECT_GT(holders(*outgrown.world, outgrown.value.key()), config.k);
  StoreCount count(*outgrown.world);
  outgrown.world->run(24h);
  // Between 60 and 128 minutes after the last one, with about 20 stores each.
  const std::size_t repairs = count.stores / config.k;
  EXPECT_GE(repairs, 24U / 3);
  EXPECT_LE(repairs, 48U);
  EXPECT_GE(holders(*outgrown.world, outgrown.value.key()), config.k * 9 / 10);
}

TEST(Repair, WhoIsLeftOutsideTakesOverWhenTheRegionIsGone) {
  Config config;
  config.full_table = false;
  Outgrown outgrown(config);
  World& world = *outgrown.world;
  const auto nearest = world.truth(outgrown.value.key(), 20);
  for (const std::size_t i : nearest) world.node(i).dead = true;
  ASSERT_GT(holders(world, outgrown.value.key()), 0U);
  world.run(6h);
  const auto now_nearest = world.truth(outgrown.value.key(), 20);
  const auto held = std::ranges::count_if(
      now_nearest, [&](std::size_t i) { return world.dht(i).holds(outgrown.value.key()); });
  EXPECT_GE(held, 15);
}

TEST(Repair, ARecordLivesAsLongAsItsAuthorLetItHoweverOftenItIsRepaired) {
  Config config;
  config.full_table = false;
  config.record_life = 12h;
  const auto world = grown(60, {}, config);
  const Record value = Record::immutable(bytes_of(kValue));
  ASSERT_TRUE(run_put<PutDone>(*world, 2, value)->ok);
  const Instant put = world->now();
  StoreCount count(*world);
  world->run(4h);
  world->grow(60, 300ms);  // newcomers get it with what is left of its life
  world->run(put + 11h - world->now());
  EXPECT_GT(count.stores, 60U);
  EXPECT_GE(holders(*world, value.key()), 18U);
  const auto got = run_get(*world, 7, value.key(), RecordKind::Immutable);
  ASSERT_TRUE(got && got->best);
  world->run(put + 12h + 5min - world->now());
  EXPECT_EQ(holders(*world, value.key()), 0U);
}

}  // namespace
}  // namespace weft::dht::test
