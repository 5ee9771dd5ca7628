// What others may send: strangers, replays, crowds, wrong records. N13, N19 to N21 of the threat
// model.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "dht/dht.hpp"
#include "dht/message.hpp"
#include "dht/news_budget.hpp"
#include "dht/routing_table.hpp"
#include "tests/dht/world.hpp"

namespace weft::dht {
namespace {

using test::author_of;
using test::grown;
using test::run_get;
using test::run_put;
using test::World;

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

// It answers pings as it should, and names only the farthest nodes there are.
TEST(Dht, WhoNamesOnlyFarNodesLeavesTheTable) {
  Config config;
  config.full_table = false;
  const auto world = grown(300, {}, config);
  const std::size_t victim = 11;
  const auto liar = world->truth(world->id(victim), 2).back();
  ASSERT_NE(world->dht(victim).table().find(world->id(liar)), nullptr);
  const NodeId target = world->id(liar);
  auto far = world->truth(target, world->size());
  std::ranges::reverse(far);
  Bytes named;
  for (std::size_t i = 0; i < 2; ++i)
    append_wire(named, world->book().at(world->node(far[i]).handle));
  const Endpoint at = world->book().at(world->node(liar).handle).endpoint;
  std::size_t lies = 0;
  world->on_packet = [&](const World::Packet& packet) {
    if (packet.to != at) return;
    const auto in = world->node(liar).sealer->open(world->now(), packet.bytes);
    if (!in || in->answers) return;
    const auto request = Request::decode(in->body);
    if (!request || request->type == MessageType::Ping) return;
    Reply lie;
    lie.type = request->type;
    lie.flags = kFlagServer;
    lie.contacts = named;
    Bytes out(2048);
    const auto& to = world->book().at(world->node(world->index_at(packet.from)).handle);
    const std::size_t size = world->node(liar).sealer->seal(
        to, {lie.encode(), world->rng().bytes<24>(), in->nonce, in->hello, 0}, out);
    out.resize(size);
    world->post({at, packet.from, out});
    ++lies;
  };
  world->node(liar).dead = true;  // its own core is not heard
  for (int i = 0; i < 4; ++i) {
    world->dht(victim).find_node(world->now(), target);
    world->drain(victim);
    ASSERT_TRUE(world->await<NodesFound>(victim));
  }
  EXPECT_GE(lies, 1U);
  EXPECT_EQ(world->dht(victim).table().find(world->id(liar)), nullptr);
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

// Nodes that are not there, their ids mined next to `target`.
Bytes invented_near(World& world, const NodeId& target, std::size_t count) {
  Bytes out;
  for (std::uint32_t i = 0; contact_count(out) < count;) {
    const auto identity = world.rng().bytes<32>();
    if (distance(node_id_of(identity), target).bytes[0] != 0) continue;
    append_wire(out, {NodeId{}, identity, identity, Endpoint::v4(0x60000000U + ++i * 256, 9)});
  }
  return out;
}

// Hearsay fills the directory: who invents nodes finds a limit of its own, and all of them together
// another; and where a lookup begins among those it still ends with the truth.
TEST(Dht, InventedNodesNeitherFillTheDirectoryNorHideTheReal) {
  const auto world = grown(120);
  world->run(5min);
  const std::size_t victim = 7;
  const std::size_t before = world->dht(victim).directory_size();
  const NodeId target{world->rng().bytes<32>()};
  const auto flood = [&] {
    Probe liar(*world);
    Request ping;
    const auto first = liar.ask(victim, ping, 400);
    ASSERT_TRUE(first);
    ping.cookie = first->cookie;
    for (int i = 0; i < 10; ++i) {
      const Bytes contacts = invented_near(*world, target, 12);
      ping.contacts = contacts;
      liar.ask(victim, ping);
      world->run(100ms);
    }
  };
  flood();
  EXPECT_GT(world->dht(victim).directory_size(), before);  // control: it is believed at first
  EXPECT_LE(world->dht(victim).directory_size(), before + NewsBudget::kAtOnce + 2);
  for (int i = 0; i < 10; ++i) flood();
  EXPECT_LE(world->dht(victim).directory_size(), 2 * world->dht(victim).network_size() + 66);
  world->dht(victim).check_invariants();
  world->dht(victim).find_node(world->now(), target);
  world->drain(victim);
  const auto found = world->await<NodesFound>(victim);
  ASSERT_TRUE(found);
  auto truth = world->truth(target, 2);
  if (truth.front() == victim) truth.erase(truth.begin());
  std::vector<NodeId> ids;
  for (const ContactHandle handle : found->closest) ids.push_back(world->book().id(handle));
  EXPECT_NE(std::ranges::find(ids, world->id(truth.front())), ids.end());
  std::printf("took %.0f ms with %u requests\n", static_cast<double>(found->stats.took / 1us) / 1e3,
              found->stats.requests);
}

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
  const auto sent = world->dht(1).counters().messages_out;
  for (std::uint32_t i = 0; i < 10000; ++i) {
    world->run(100us);
    Request ping;
    probe.ask(1, ping, 128, Endpoint::v4(0x5b000000U + i % 250, static_cast<std::uint16_t>(i)));
  }
  const auto answered = world->dht(1).counters().messages_out - sent;
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

}  // namespace
}  // namespace weft::dht
