#include "dht/dht.hpp"

#include <gtest/gtest.h>

#include <set>

#include "dht/message.hpp"
#include "dht/routing_table.hpp"
#include "tests/dht/world.hpp"

namespace weft::dht {
namespace {

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

std::unique_ptr<World> grown(std::size_t count, const WorldOptions& options = {},
                             const Config& config = {}) {
  auto world = std::make_unique<World>(options, config);
  world->grow(count, 100ms);
  world->run(30s);
  return world;
}

Identity author_of(std::uint64_t seed) {
  SeededRng rng(seed);
  return Identity::generate(rng);
}

template <class E>
std::optional<E> run_put(World& world, std::size_t node, const Record& record,
                         const PutOptions& options = {.cas = std::nullopt, .keep = false}) {
  world.dht(node).put(world.now(), record, options);
  world.drain(node);
  return world.await<E>(node);
}

std::optional<GetDone> run_get(World& world, std::size_t node, const Key& key, RecordKind kind) {
  world.dht(node).get(world.now(), key, {.kind = kind});
  world.drain(node);
  return world.await<GetDone>(node);
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

// No amplification: to whom has not echoed a cookie, no reply is longer than its request.
TEST(Dht, NoReplyIsLongerThanAnUnprovenRequest) {
  World world;
  std::map<Nonce, std::size_t> asked;  // without cookie
  std::size_t replies = 0;
  world.on_packet = [&](const World::Packet& packet) {
    for (std::size_t i = 0; i < world.size(); ++i) {
      const auto opened = world.node(i).sealer->open(world.now(), packet.bytes);
      if (!opened) continue;
      if (!opened->answers) {
        const auto request = Request::decode(opened->body);
        ASSERT_TRUE(request);
        if (!request->cookie) asked[opened->nonce] = packet.bytes.size();
      } else if (const auto found = asked.find(*opened->answers); found != asked.end()) {
        ++replies;
        EXPECT_LE(packet.bytes.size(), found->second);
      }
    }
  };
  world.grow(40);
  EXPECT_GT(replies, 100U);
}

// Our answer has shown it our certificate: the ping that verifies it needs none, nor does its
// reply.
TEST(Dht, WhoSaidHelloIsVerifiedWithoutOne) {
  World world;
  std::set<std::pair<std::size_t, std::size_t>> greeted;  // who said hello to whom
  std::size_t plain = 0;
  world.on_packet = [&](const World::Packet& packet) {
    const std::size_t from = world.index_at(packet.from);
    const std::size_t to = world.index_at(packet.to);
    const auto opened = world.node(to).sealer->open(world.now(), packet.bytes);
    ASSERT_TRUE(opened);
    if (opened->answers) return;
    if (opened->hello) greeted.emplace(from, to);
    const auto request = Request::decode(opened->body);
    ASSERT_TRUE(request);
    if (opened->hello || request->cookie || world.dht(from).knows(world.id(to))) return;
    EXPECT_TRUE(greeted.contains({to, from})) << from << " " << to;
    if (request->type == MessageType::Ping) ++plain;
  };
  world.grow(60);
  EXPECT_GT(plain, 100U);
}

struct Probe {  // a node driven by hand, to send what no honest core would
  explicit Probe(World& world) : world_(world), index(world.add(std::nullopt, false)) {}
  // Sends `request` to node `to` from our address and returns its reply, if any.
  std::optional<Reply> ask(std::size_t to, const Request& request, std::size_t pad = 0,
                           std::optional<Endpoint> from = std::nullopt) {
    const Nonce nonce = world_.rng().bytes<24>();
    Bytes out(2048);
    const std::size_t size =
        world_.node(index).sealer->seal(world_.book().at(world_.node(to).handle),
                                        {request.encode(), nonce, std::nullopt, false, pad}, out);
    last = {from ? *from : world_.book().at(world_.node(index).handle).endpoint,
            world_.book().at(world_.node(to).handle).endpoint,
            Bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size))};
    return deliver();
  }
  std::optional<Reply> deliver() {
    std::optional<Reply> reply;
    world_.on_packet = [&](const World::Packet& packet) {
      if (packet.to != last.from || (packet.bytes[2] & 2) == 0) return;
      reply_bytes = packet.bytes;
      const auto opened = world_.node(index).sealer->open(world_.now(), reply_bytes);
      if (opened) {
        if (auto decoded = Reply::decode(opened->body)) reply = *decoded;
      }
    };
    world_.deliver(last);
    world_.on_packet = nullptr;
    return reply;
  }
  World& world_;
  std::size_t index;
  World::Packet last;
  Bytes reply_bytes;
};

TEST(Dht, WritesNeedTheReceiversCookieBoundToTheAddress) {
  const auto world = grown(10);
  Probe probe(*world);
  const Bytes record = Record::immutable(bytes_of("x")).encode();
  Request put;
  put.type = MessageType::Put;
  put.record = record;
  EXPECT_EQ(probe.ask(1, put, 512)->error, PutError::Protocol);
  EXPECT_FALSE(world->dht(1).holds(immutable_key(bytes_of("x"))));
  Request ping;
  put.cookie = probe.ask(1, ping, 512)->cookie;
  // The cookie from another address is worth nothing.
  const auto elsewhere = probe.ask(1, put, 512, Endpoint::v4(0x5a000001, 9));
  ASSERT_TRUE(elsewhere);
  EXPECT_EQ(elsewhere->error, PutError::Protocol);
  EXPECT_EQ(probe.ask(1, put)->error, PutError::None);
  EXPECT_TRUE(world->dht(1).holds(immutable_key(bytes_of("x"))));
  // A replay of the write changes nothing; after ten minutes it is refused.
  EXPECT_EQ(probe.deliver()->error, PutError::None);
  EXPECT_EQ(world->dht(1).record_count(), 1U);
  world->run(11min);
  probe.ask(1, put, 512);
  EXPECT_EQ(probe.ask(1, put, 512)->error, PutError::Protocol);
}

TEST(Dht, AReplayedOrUnaskedReplyIsCountedAndIgnored) {
  const auto world = grown(10);
  World::Packet reply;
  world->on_packet = [&](const World::Packet& packet) {
    if ((packet.bytes[2] & 2) != 0) reply = packet;
  };
  world->dht(3).find_node(world->now(), world->id(5));
  world->drain(3);
  world->run(2s);
  world->on_packet = nullptr;
  const std::size_t to = 3;
  ASSERT_EQ(reply.to, world->book().at(world->node(to).handle).endpoint);
  const auto before = world->dht(to).counters().stray_replies;
  world->deliver(reply);
  EXPECT_EQ(world->dht(to).counters().stray_replies, before + 1);
}

// N13: 10^4 requests in a second from one /24 get at most 20 answers.
TEST(Dht, N13OneSubnetGetsTwentyAnswersASecond) {
  const auto world = grown(5);
  world->run(1min);
  Probe probe(*world);
  const auto sent = world->dht(1).counters().datagrams_out;
  for (std::uint32_t i = 0; i < 10000; ++i) {
    world->run(100us);
    Request ping;
    probe.ask(1, ping, 128, Endpoint::v4(0x5b000000U + i % 250, static_cast<std::uint16_t>(i)));
  }
  const auto answered = world->dht(1).counters().datagrams_out - sent;
  EXPECT_GE(answered, 10U);
  EXPECT_LE(answered, 20U + 5U);  // five: its own upkeep in that second
  EXPECT_GE(world->dht(1).counters().rate_limited, 9900U);
}

// N20: a record under another target is discarded, and whoever sent it is marked.
TEST(Dht, N20AWrongRecordIsDiscardedAndItsSenderMarked) {
  World world({.seed = 4});
  const std::size_t victim = world.add();
  const std::size_t liar = world.add(std::nullopt, true);
  const Contact contact = world.book().at(world.node(liar).handle);
  world.dht(victim).bootstrap(world.now(), std::span(&contact, 1));
  world.drain(victim);
  ASSERT_TRUE(world.await<Bootstrapped>(victim)->ok);
  const Key wanted = immutable_key(bytes_of("truth"));
  const Bytes lie = Record::immutable(bytes_of("a lie")).encode();
  // The liar's core is not asked: we answer in its name.
  world.node(liar).dead = true;
  std::vector<World::Packet> questions;
  world.on_packet = [&](const World::Packet& p) { questions.push_back(p); };
  world.dht(victim).get(world.now(), wanted, {.kind = RecordKind::Immutable});
  world.drain(victim);
  world.on_packet = nullptr;
  ASSERT_FALSE(questions.empty());
  const auto asked = world.node(liar).sealer->open(world.now(), questions[0].bytes);
  ASSERT_TRUE(asked);
  Reply reply;
  reply.type = MessageType::Get;
  reply.flags = kFlagServer;
  reply.records = {lie};
  Bytes out(2048);
  out.resize(world.node(liar).sealer->seal(
      world.book().at(world.node(victim).handle),
      {reply.encode(), world.rng().bytes<24>(), asked->nonce, false, 0}, out));
  world.deliver({contact.endpoint, questions[0].from, out});
  EXPECT_EQ(world.dht(victim).counters().bad_records, 1U);
  const auto done = world.await<GetDone>(victim);
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->best);
  const Entry* entry = world.dht(victim).table().find(contact.id);
  EXPECT_TRUE(entry == nullptr || entry->fails > 0);
}

// N21 end to end: a crowd in one /24 joins; lookups stay right for everybody else.
TEST(Dht, N21ACrowdInOneSubnetDoesNotTakeOver) {
  const auto world = grown(60, {.seed = 6});
  for (std::uint32_t i = 0; i < 200; ++i) {
    const std::size_t sybil =
        world->add(Endpoint::v4(0xcb007100U + i % 250, static_cast<std::uint16_t>(5000 + i)));
    const Contact seed = world->book().at(world->node(i % 60).handle);
    world->dht(sybil).bootstrap(world->now(), std::span(&seed, 1));
    world->drain(sybil);
    world->run(50ms);
  }
  world->run(60s);
  for (std::size_t i = 0; i < 60; ++i) {
    world->dht(i).check_invariants();
    std::size_t sybils = 0;
    for (std::size_t k = 60; k < world->size(); ++k)
      sybils += world->dht(i).table().find(world->id(k)) != nullptr ? 1 : 0;
    EXPECT_LE(sybils, 10U);
  }
  const Record value = Record::immutable(bytes_of("still here"));
  ASSERT_TRUE(run_put<PutDone>(*world, 3, value));
  const auto got = run_get(*world, 40, value.key(), RecordKind::Immutable);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->best);
}

// N19 over the wire: each refusal has BEP 44's number, and the control beside it is taken.
TEST(Dht, N19PutsAreRefusedWithTheirNumbers) {
  const auto world = grown(10);
  Probe probe(*world);
  const Identity author = author_of(11);
  const auto item = [&](std::uint64_t seq, std::size_t size, std::size_t salt) {
    Record record;
    record.kind = RecordKind::Mutable;
    record.author = author.public_key();
    record.label = Bytes(salt, 's');
    record.seq = seq;
    record.value = Bytes(size, static_cast<std::uint8_t>('a' + seq));
    if (size <= kMaxValue && salt <= kMaxSalt)
      record = Record::mutable_item(author, world->network(), record.label, seq, record.value);
    return record;
  };
  const auto put = [&](const Record& record, std::optional<std::uint64_t> cas = std::nullopt) {
    Request ping;
    const auto cookie = probe.ask(1, ping, 512);
    Request request;
    request.type = MessageType::Put;
    request.cookie = cookie->cookie;
    const Bytes encoded = record.encode();
    request.record = encoded;
    request.cas = cas;
    world->run(100ms);
    const auto reply = probe.ask(1, request);
    return reply ? reply->error : PutError::Refused;
  };
  EXPECT_EQ(put(item(5, 1000, 64)), PutError::None);
  EXPECT_EQ(put(item(5, 1001, 64)), PutError::TooBig);
  EXPECT_EQ(put(item(5, 1000, 65)), PutError::SaltTooBig);
  EXPECT_EQ(put(item(4, 1000, 64)), PutError::OldSequence);
  EXPECT_EQ(put(item(5, 999, 64)), PutError::OldSequence);
  EXPECT_EQ(put(item(6, 1000, 64), 4), PutError::CasMismatch);
  EXPECT_EQ(put(item(6, 1000, 64), 5), PutError::None);
  Record forged = item(7, 100, 64);
  forged.signature[3] ^= 1;
  EXPECT_EQ(put(forged), PutError::BadSignature);
  EXPECT_EQ(put(item(7, 100, 64)), PutError::None);
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
