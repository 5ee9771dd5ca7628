#include "dht/dht.hpp"

#include <set>

#include <gtest/gtest.h>

#include "dht/message.hpp"
#include "dht/routing_table.hpp"
#include "tests/dht/world.hpp"

namespace weft::dht {
namespace {

using test::author_of;
using test::grown;
using test::run_get;
using test::run_put;
using test::World;
using test::WorldOptions;

TEST(Dht, FiveHundredNodesFindTheClosest) {
  World world;
  world.grow(500, 100ms);
  world.run(60s);
  std::size_t right = 0;
  std::size_t requests = 0;
  Duration slowest{};
  Duration total{};
  constexpr int kLookups = 200;
  for (int i = 0; i < kLookups; ++i) {
    const NodeId target{world.rng().bytes<32>()};
    const std::size_t from = world.rng().uniform(world.size());
    const LookupId id = world.dht(from).find_node(world.now(), target);
    world.drain(from);
    const auto found = world.await<NodesFound>(from);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, id);
    ASSERT_FALSE(found->closest.empty());
    // The searcher does not list itself.
    auto truth = world.truth(target, 2);
    if (truth.front() == from) truth.erase(truth.begin());
    right += world.book().id(found->closest.front()) == world.id(truth.front()) ? 1 : 0;
    requests += found->stats.requests;
    slowest = std::max(slowest, found->stats.took);
    total += found->stats.took;
  }
  for (std::size_t i = 0; i < world.size(); ++i) world.dht(i).check_invariants();
  std::size_t memory = 0;
  std::size_t table = 0;
  std::size_t directory = 0;
  for (std::size_t i = 0; i < world.size(); ++i) {
    memory += world.dht(i).memory();
    table += world.dht(i).table_size();
    directory += world.dht(i).directory_size();
  }
  std::printf(
      "right %zu of %d, %.1f requests, mean %.0f ms, slowest %.0f ms, %zu B/node, "
      "table %zu, directory %zu, estimate %llu\n",
      right, kLookups, static_cast<double>(requests) / kLookups,
      static_cast<double>(total.count()) / kLookups / 1e6,
      static_cast<double>(slowest.count()) / 1e6, memory / world.size(), table / world.size(),
      directory / world.size(), static_cast<unsigned long long>(world.dht(0).network_size()));
  EXPECT_EQ(right, static_cast<std::size_t>(kLookups));
}

// Ten names instead of two from a stranger where a walk may end: what they say decides that.
TEST(Dht, WhereALookupEndsStrangersAreAskedForWholeLists) {
  World world;
  world.grow(300);
  world.run(30s);
  NodeId target{};
  std::size_t whole = 0;
  world.on_packet = [&](const World::Packet& packet) {
    if (packet.from != world.book().at(world.node(7).handle).endpoint) return;
    if (packet.bytes.size() < world.config().max_datagram) return;
    const NodeId& to = world.id(world.index_at(packet.to));
    EXPECT_LT(distance(to, target), distance(world.id(world.truth(target, 60).back()), target));
    ++whole;
  };
  world.run(2min);
  EXPECT_EQ(whole, 0U);  // upkeep asks for little
  for (int i = 0; i < 5; ++i) {
    target = NodeId{world.rng().bytes<32>()};
    world.dht(7).find_node(world.now(), target);
    world.drain(7);
    ASSERT_TRUE(world.await<NodesFound>(7));
  }
  EXPECT_GT(whole, 5U);
}

TEST(Dht, StoresInTheRegionAndReadsFromAnywhere) {
  const auto world = grown(120);
  const Record value = Record::immutable(bytes_of("hello"));
  const auto put = run_put<PutDone>(*world, 7, value);
  ASSERT_TRUE(put);
  EXPECT_TRUE(put->ok);
  EXPECT_GE(put->stored, 15);
  world->run(5s);
  std::size_t holders = 0;
  const auto truth = world->truth(value.key(), 20);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const bool holds = world->dht(truth[i]).holds(value.key());
    EXPECT_TRUE(holds) << i;
    holders += holds ? 1 : 0;
  }
  EXPECT_EQ(holders, 20U);
  for (const std::size_t reader : {std::size_t{0}, std::size_t{50}, std::size_t{119}}) {
    const auto got = run_get(*world, reader, value.key(), RecordKind::Immutable);
    ASSERT_TRUE(got && got->best);
    EXPECT_EQ(got->best->value, value.value);
    EXPECT_LT(got->stats.took, 300ms);
  }
  const auto none = run_get(*world, 3, immutable_key(bytes_of("nobody")), RecordKind::Immutable);
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->best);
}

// One member stores far more than its share, everywhere: values of others, stored before and after,
// live on. (F12: after 4,297 puts by one, nobody could store anything.)
TEST(Dht, AFloodOfValuesByOneMemberCostsNobodyElseTheirs) {
  Config config;
  config.records = 128;
  World world({}, config);
  world.grow(8);
  world.run(30s);
  const Record before = Record::immutable(bytes_of("before"));
  ASSERT_TRUE(run_put<PutDone>(world, 2, before)->ok);
  SeededRng rng(5);
  for (int i = 0; i < 600; ++i) {
    world.dht(7).put(world.now(), Record::immutable(rng.bytes<8>()), {.cas = {}, .keep = false});
    world.drain(7);
    world.run(50ms);
  }
  EXPECT_EQ(world.dht(1).record_count(), 128u);
  const Record after = Record::immutable(bytes_of("after"));
  const auto put = run_put<PutDone>(world, 3, after);
  ASSERT_TRUE(put);
  EXPECT_TRUE(put->ok);
  for (const Record* record : {&before, &after}) {
    const auto got = run_get(world, 5, record->key(), RecordKind::Immutable);
    ASSERT_TRUE(got && got->best);
    EXPECT_EQ(got->best->value, record->value);
  }
}

// A caller's put goes to four more than the twenty of a region, so that no slow one of these holds
// it up, and to those at the rim as soon as the nearest have been asked.
TEST(Dht, APutWaitsForNoSlowHolder) {
  Config config;
  config.full_table = false;
  const auto world = grown(400, {}, config);
  Duration total{};
  std::size_t holders = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    const Record value = Record::immutable(world->rng().bytes<32>());
    const auto put = run_put<PutDone>(*world, i * 7, value);
    ASSERT_TRUE(put && put->ok);
    total += put->stats.took;
    world->run(2s);
    for (const std::size_t node : world->truth(value.key(), 24))
      holders += world->dht(node).holds(value.key()) ? 1 : 0;
  }
  std::printf("%.0f ms, %.1f holders of 24\n", static_cast<double>(total / 1ms) / 20,
              static_cast<double>(holders) / 20);
  EXPECT_GE(holders, 450U);      // without spares 438
  EXPECT_LT(total, 20 * 210ms);  // 231 where the rim waits for the walk's end
}

TEST(Dht, HighestSequenceWinsPathsAgreeAndStaleHoldersAreRepaired) {
  const auto world = grown(120);
  const Identity author = author_of(5);
  const auto make = [&](std::uint64_t seq, std::string_view text) {
    return Record::mutable_item(author, world->network(), {}, seq, bytes_of(text));
  };
  const Key key = make(1, "one").key();
  ASSERT_TRUE(run_put<PutDone>(*world, 4, make(1, "one"))->ok);
  world->run(2s);
  // A quarter of the holders sleeps through the second version.
  const auto holders = world->truth(key, 20);
  for (std::size_t i = 0; i < 4; ++i) world->node(holders[i]).dead = true;
  ASSERT_TRUE(run_put<PutDone>(*world, 4, make(2, "two"))->ok);
  world->run(2s);
  for (std::size_t i = 0; i < 4; ++i) world->node(holders[i]).dead = false;
  const auto got = run_get(*world, 90, key, RecordKind::Mutable);
  ASSERT_TRUE(got && got->best);
  EXPECT_EQ(got->best->seq, 2U);
  EXPECT_TRUE(got->agreed);
  const auto old = run_put<PutDone>(*world, 4, make(1, "one"));
  ASSERT_TRUE(old);
  EXPECT_FALSE(old->ok);
  EXPECT_EQ(old->error, PutError::OldSequence);
  const auto cas = run_put<PutDone>(*world, 4, make(3, "three"), {.cas = 1, .keep = false});
  ASSERT_TRUE(cas);
  EXPECT_EQ(cas->error, PutError::CasMismatch);
}

TEST(Dht, ANodeIsFoundByIdAloneAfterItMoved) {
  const auto world = grown(80);
  const Identity& moved = world->node(9).identity;
  const auto info = [&](std::uint64_t seq, std::string_view where) {
    return Record::node(moved, world->network(), seq, 0, bytes_of(where));
  };
  ASSERT_TRUE(run_put<PutDone>(*world, 9, info(1, "here"))->ok);
  ASSERT_TRUE(run_put<PutDone>(*world, 9, info(2, "there"))->ok);
  const auto got = run_get(*world, 70, moved.id, RecordKind::Node);
  ASSERT_TRUE(got && got->best);
  EXPECT_EQ(text_of(got->best->value), "there");
}

TEST(Dht, SurvivesLossAndTenPercentDead) {
  const auto world = grown(200, {.seed = 3, .loss_percent = 2});
  for (std::size_t i = 5; i < 200; i += 10) world->node(i).dead = true;
  std::size_t right = 0;
  for (int i = 0; i < 50; ++i) {
    const Record value = Record::immutable(world->rng().bytes<20>());
    const std::size_t writer = world->rng().uniform(20) * 10;
    const auto put = run_put<PutDone>(*world, writer, value);
    ASSERT_TRUE(put);
    const std::size_t reader = world->rng().uniform(20) * 10 + 1;
    const auto got = run_get(*world, reader, value.key(), RecordKind::Immutable);
    right += put->ok && got && got->best ? 1 : 0;
  }
  EXPECT_EQ(right, 50U);
}

TEST(Dht, RecordsAreHandedOverWhenEveryHolderLeaves) {
  const auto world = grown(60);
  const Record value = Record::immutable(bytes_of("keep me"));
  ASSERT_TRUE(run_put<PutDone>(*world, 2, value)->ok);
  world->run(1s);
  for (int round = 0; round < 3; ++round) {
    const auto holders = world->truth(value.key(), 8);
    for (const std::size_t i : holders) world->node(i).dead = true;
    world->grow(8, 500ms);
    world->run(150min);  // one repair by those who are left
  }
  std::size_t reader = 0;
  while (world->node(reader).dead) ++reader;
  const auto got = run_get(*world, reader, value.key(), RecordKind::Immutable);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->best);
}

TEST(Dht, OwnRecordsArePublishedAgain) {
  const auto world = grown(30);
  const Identity author = author_of(8);
  const Record provider = Record::provider(author, world->network(), author.id, 1, 0, {});
  ASSERT_TRUE(run_put<PutDone>(*world, 3, provider, {.cas = std::nullopt, .keep = true})->ok);
  world->run(70min);  // twice its life
  auto got = run_get(*world, 20, author.id, RecordKind::Provider);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->best);
  world->dht(3).forget_record(author.id, author.public_key());
  world->run(70min);
  got = run_get(*world, 20, author.id, RecordKind::Provider);
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->best);
}

// A reply holds two of them: it is not always the same ones that go unheard.
TEST(Dht, EachOfManyProvidersIsFoundInTheEnd) {
  const auto world = grown(60);
  const Key what{crypto::sha256(bytes_of("a service"))};
  for (std::uint8_t i = 0; i < 24; ++i) {
    const Record provider =
        Record::provider(author_of(i + 20), world->network(), what, 1, 0, Bytes(400, i));
    ASSERT_TRUE(run_put<PutDone>(*world, i, provider)->ok);
  }
  world->run(1s);
  std::set<IdentityKey> found;
  for (int round = 0; round < 6; ++round) {
    world->dht(50).get(world->now(), what, {.kind = RecordKind::Provider});
    world->drain(50);
    world->run(5s);
  }
  for (const auto& event : world->node(50).events)
    if (const auto* record = std::get_if<RecordFound>(&event)) found.insert(record->record.author);
  EXPECT_EQ(found.size(), 24U);
}

TEST(Dht, FullTableModeKnowsMostOfTheNetwork) {
  Config config;
  const auto world = grown(150, {}, config);
  world->run(5min);
  std::size_t known = 0;
  for (std::size_t i = 0; i < world->size(); ++i) {
    EXPECT_TRUE(world->dht(i).full_table());
    EXPECT_GE(world->dht(i).directory_size(), 100U);
    known += world->dht(i).directory_size();
  }
  EXPECT_GE(known, world->size() * 149U * 95U / 100U);  // a flash crowd: fifteen seconds for all
  // Who comes later is told to nearly everybody, by rumour alone.
  const std::size_t late = world->add();
  const Contact seed = world->book().at(world->node(7).handle);
  world->dht(late).bootstrap(world->now(), std::span(&seed, 1));
  world->drain(late);
  std::size_t told = 0;
  std::set<std::size_t> tellers;
  world->on_packet = [&](const World::Packet& packet) {
    const std::size_t to = world->index_at(packet.to);
    const auto opened = world->node(to).sealer->open(world->now(), packet.bytes);
    if (!opened || opened->answers) return;
    const auto request = Request::decode(opened->body);
    if (request && request->type == MessageType::Ping && !request->contacts.empty()) {
      ++told;
      tellers.insert(world->index_at(packet.from));
    }
  };
  world->run(5min);
  world->on_packet = nullptr;
  std::size_t heard = 0;
  for (std::size_t i = 0; i < late; ++i) heard += world->dht(i).knows(world->id(late)) ? 1 : 0;
  std::printf("directories: %zu of %zu in all, the late one in %zu of %zu, %zu pings with news\n",
              known, world->size() * 149U, heard, late, told);
  EXPECT_GE(heard, late * 90 / 100);
  EXPECT_GE(tellers.size(), late / 2);  // it went from node to node
  EXPECT_LE(told, late * 8);
  config.full_table = false;
  const auto plain = grown(150, {}, config);
  EXPECT_FALSE(plain->dht(5).full_table());
  EXPECT_EQ(plain->dht(5).directory_size(), 0U);
}

TEST(Dht, WhoKnowsEverybodyAsksTheNearestAtOnce) {
  const auto world = grown(150);
  world->run(10min);
  const std::size_t asker = 9;
  ASSERT_TRUE(world->dht(asker).full_table());
  std::size_t nearest = 0;
  for (int round = 0; round < 10; ++round) {
    const NodeId target{world->rng().bytes<32>()};
    std::set<std::size_t> asked;
    world->on_packet = [&](const World::Packet& packet) {
      asked.insert(world->index_at(packet.to));
    };
    world->dht(asker).find_node(world->now(), target);
    world->drain(asker);
    world->on_packet = nullptr;
    EXPECT_EQ(asked.size(), world->config().alpha);
    for (const std::size_t i : world->truth(target, world->config().alpha))
      nearest += asked.count(i);
    ASSERT_TRUE(world->await<NodesFound>(asker));
  }
  EXPECT_GE(nearest, 36U);  // of 40: rumours reach nearly everybody
}

// Nobody has it, so the first four paths cannot agree: then eight are walked.
TEST(Dht, AReadThatFailedIsTriedOnceMoreOverEightPaths) {
  const auto world = grown(120);
  const Record record = Record::mutable_item(author_of(11), world->network(), {}, 1, bytes_of("x"));
  const std::size_t reader = 40;
  std::vector<std::pair<Instant, std::size_t>> bursts;  // gets that left at one moment
  world->on_packet = [&](const World::Packet& packet) {
    if (world->index_at(packet.from) != reader) return;
    const std::size_t to = world->index_at(packet.to);
    const auto opened = world->node(to).sealer->open(world->now(), packet.bytes);
    const auto request = opened && !opened->answers ? Request::decode(opened->body)
                                                    : Result<Request>(fail(Errc::Malformed, ""));
    if (!request || request->type != MessageType::Get) return;
    if (bursts.empty() || bursts.back().first != world->now()) bursts.emplace_back(world->now(), 0);
    ++bursts.back().second;
  };
  const auto got = run_get(*world, reader, record.key(), RecordKind::Mutable);
  world->on_packet = nullptr;
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->best);
  ASSERT_GE(bursts.size(), 2U);
  EXPECT_EQ(bursts.front().second, world->config().paths);
  const auto largest = std::ranges::max_element(bursts, {}, [](const auto& b) { return b.second; });
  EXPECT_EQ(largest->second, world->config().paths_after_fail);
}

TEST(Dht, AForgottenNodeIsInNoTable) {
  const auto world = grown(60);
  const NodeId gone = world->id(20);
  ASSERT_TRUE(world->dht(5).knows(gone));
  EXPECT_TRUE(std::ranges::binary_search(world->dht(5).known_nodes(), gone));
  world->dht(5).forget_node(gone);
  EXPECT_FALSE(world->dht(5).knows(gone));
  EXPECT_FALSE(std::ranges::binary_search(world->dht(5).known_nodes(), gone));
  EXPECT_TRUE(world->dht(5).knows(world->id(21)));
  world->dht(5).check_invariants();
}

TEST(Dht, ColdStartWithDeadSeedsWorksFromThePeerCache) {
  const auto world = grown(60);
  world->run(11min);
  const auto kept = world->await<PeersToPersist>(30);
  ASSERT_TRUE(kept);
  EXPECT_GE(kept->peers.size(), 20U);
  world->node(0).dead = true;
  const std::size_t fresh = world->add();
  const Contact dead_seed = world->book().at(world->node(0).handle);
  world->dht(fresh).bootstrap(world->now(), std::span(&dead_seed, 1));
  world->drain(fresh);
  EXPECT_FALSE(world->await<Bootstrapped>(fresh)->ok);  // control: the seed alone is not enough
  world->dht(fresh).bootstrap(world->now(), kept->peers);
  world->drain(fresh);
  EXPECT_TRUE(world->await<Bootstrapped>(fresh)->ok);
}

TEST(Dht, AClientIsNobodysContact) {
  const auto world = grown(30);
  const std::size_t client = world->add(std::nullopt, false);
  const Contact seed = world->book().at(world->node(0).handle);
  world->dht(client).bootstrap(world->now(), std::span(&seed, 1));
  world->drain(client);
  world->run(60s);
  EXPECT_GT(world->dht(client).table_size(), 5U);
  for (std::size_t i = 0; i < 30; ++i)
    EXPECT_EQ(world->dht(i).table().find(world->id(client)), nullptr);
  world->dht(client).set_reachable(world->now(), true);
  world->run(40min);
  EXPECT_TRUE(world->dht(client).is_server());
}

TEST(Dht, TheSameSeedGivesTheSameBytes) {
  const auto digest = [](std::uint64_t seed) {
    World world({.seed = seed, .loss_percent = 5});
    std::uint64_t hash = 14695981039346656037ULL;
    world.on_packet = [&](const World::Packet& packet) {
      for (const std::uint8_t byte : packet.bytes) hash = (hash ^ byte) * 1099511628211ULL;
    };
    world.grow(40, 50ms);
    world.run(30s);
    return hash;
  };
  EXPECT_EQ(digest(1), digest(1));
  EXPECT_NE(digest(1), digest(2));
}

TEST(Dht, IdleNodesAreQuietAndSmall) {
  const auto world = grown(200);
  world->run(60min);
  const auto before = world->sent_bytes();
  const auto packets = world->sent();
  world->run(30min);
  const double bytes = static_cast<double>(world->sent_bytes() - before) / 200 / 1800;
  std::size_t memory = 0;
  for (std::size_t i = 0; i < world->size(); ++i) memory += world->dht(i).memory();
  std::printf("idle: %.1f B/s and %.3f packets/s per node, %zu bytes of memory per node\n", bytes,
              static_cast<double>(world->sent() - packets) / 200 / 1800, memory / world->size());
  EXPECT_LT(bytes, 10);
  EXPECT_LT(memory / world->size(), 16384U);
}

}  // namespace
}  // namespace weft::dht
