// Nodes that were cut off, slept or moved, and how they and the others find each other again.
#include <gtest/gtest.h>

#include "dht/message.hpp"
#include "dht/routing_table.hpp"
#include "tests/dht/world.hpp"

namespace weft::dht {
namespace {

using test::World;

std::unique_ptr<World> grown(std::size_t count) {
  auto world = std::make_unique<World>();
  world->grow(count);
  world->run(30s);
  return world;
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

// Closed and opened again: a server that slept tells its neighbours at once.
TEST(Return, WhoSleptLooksAroundItself) {
  const auto world = grown(60);
  world->run(30min);
  world->node(9).dead = true;
  world->run(20min);
  world->node(9).dead = false;
  const auto before = world->dht(9).counters().datagrams_out;
  world->dht(9).handle_timeout(world->now());
  world->drain(9);
  world->run(2s);
  EXPECT_GT(world->dht(9).counters().datagrams_out, before + 10);
}

}  // namespace
}  // namespace weft::dht
