// Nodes that were cut off, slept or moved, and how they and the others find each other again.
#include <gtest/gtest.h>

#include <set>

#include "dht/message.hpp"
#include "dht/routing_table.hpp"
#include "tests/dht/world.hpp"

namespace weft::dht {
namespace {

using test::grown;
using test::World;

// Without full-table mode.
Config plain() {
  Config config;
  config.full_table = false;
  return config;
}

// How many of a node's twenty nearest it asks about its surroundings within five seconds.
std::size_t neighbours_asked(World& world, std::size_t node) {
  const auto nearest = world.truth(world.id(node), 21);  // itself too
  std::set<std::size_t> asked;
  world.on_packet = [&](const World::Packet& packet) {
    if (packet.from != world.dht(node).self().endpoint) return;
    const std::size_t to = world.index_at(packet.to);
    const auto in = world.node(to).sealer->open(world.now(), packet.bytes);
    if (!in || in->answers || std::ranges::find(nearest, to) == nearest.end()) return;
    const auto request = Request::decode(in->body);
    if (request && request->type == MessageType::FindNode && request->target == world.id(node))
      asked.insert(to);
  };
  world.drain(node);
  world.run(5s);
  world.on_packet = nullptr;
  return asked.size();
}

// Both halves have dropped each other from their tables; the cut heals.
TEST(Return, WhoWasLostIsFoundAgain) {
  const auto world = grown(40);
  world->run(2min);
  const auto known = [&] {
    std::size_t count = 0;
    for (std::size_t i = 20; i < 40; ++i)
      count += world->dht(0).table().find(world->id(i)) != nullptr ? 1 : 0;
    return count;
  };
  const std::size_t before = known();
  EXPECT_GE(before, 5U);
  for (std::size_t i = 20; i < 40; ++i) world->node(i).dead = true;
  world->run(90min);
  EXPECT_EQ(known(), 0U);
  for (std::size_t i = 20; i < 40; ++i) world->node(i).dead = false;
  world->run(8min);  // nobody of the other half says anything: their timers were lost
  EXPECT_GE(known(), before * 3 / 4);
}

// A translator gives it another port: its cookies count for nothing, and answers to one without
// proof are no longer than its questions. So it asks once more, with the cookie that came along.
TEST(Return, ACookieNoLongerAcceptedCostsOneQuestionMore) {
  const auto world = grown(60);
  const auto before = world->book().at(world->node(7).handle);
  const auto lookup = [&] {
    world->dht(7).find_node(world->now(), NodeId{world->rng().bytes<32>()});
    world->drain(7);
    const auto found = world->await<NodesFound>(7);
    return found ? found->closest.size() : 0;
  };
  ASSERT_GT(lookup(), 10U);
  Contact moved = before;
  moved.endpoint.port = 4999;
  world->move(7, moved);
  std::size_t empty = 0, full = 0;
  world->on_packet = [&](const World::Packet& packet) {
    if (packet.to != moved.endpoint) return;
    const auto in = world->node(7).sealer->open(world->now(), packet.bytes);
    if (!in || !in->answers) return;
    const auto reply = Reply::decode(in->body);
    if (!reply || reply->type != MessageType::FindNode) return;
    ++(reply->contacts.empty() ? empty : full);
  };
  EXPECT_GT(lookup(), 10U);
  EXPECT_GT(empty, 0U);
  EXPECT_GE(full, empty);
}

// Closed and opened again: a server that is told it slept tells its neighbours at once.
TEST(Return, WhoSleptLooksAroundItself) {
  const auto world = grown(60, {}, plain());
  world->run(30min);
  EXPECT_LT(neighbours_asked(*world, 9), 10U);
  world->node(9).dead = true;
  world->run(5min);
  world->node(9).dead = false;
  world->dht(9).set_self(world->now(), world->dht(9).self());
  EXPECT_GE(neighbours_asked(*world, 9), 15U);
}

// Nobody finds it at the old address.
TEST(Return, WhoMovedLooksAroundItself) {
  const auto world = grown(60, {}, plain());
  world->run(30min);
  Contact moved = world->dht(9).self();
  moved.endpoint.port = 4999;
  world->move(9, moved);
  world->dht(9).set_self(world->now(), moved);
  EXPECT_GE(neighbours_asked(*world, 9), 15U);
}

}  // namespace
}  // namespace weft::dht
