// What a node costs that has nothing to do: 1,000 members are known, 8 sessions are up, nobody asks
// for anything. Wake-ups are counted in virtual time, so the figure is the same on every machine.
#include <gtest/gtest.h>

#include "overlay/roster/roster.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

constexpr std::size_t kMembers = 1000;
constexpr int kSessions = 8;

// Lets that many more nodes into the network of a node that is down, as its disk has it.
void fill_roster(Node& node, std::size_t members) {
  std::vector<Row> rows;
  NetworkId network;
  for (const auto& [key, value] : node.disk) {
    rows.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), value});
    if (std::get<0>(key) == Table::Roster) network = std::get<1>(key);
  }
  std::erase_if(rows, [&](const Row& row) { return row.network != network; });
  auto roster = roster::Roster::from_rows(network, rows);
  ASSERT_TRUE(roster.has_value()) << roster.error().detail;
  SeededRng rng(4711);
  for (std::size_t i = 0; roster->members().size() < members; ++i) {
    const auto key = crypto::Ed25519KeyPair::from_seed(rng.bytes<32>());
    const auto entry = roster->propose(
        node.person,
        roster::NodeBody{key.public_key, "m" + std::to_string(i), node.person.public_key, 0},
        kEpoch);
    ASSERT_TRUE(entry.has_value()) << entry.error().detail;
    const auto appended = roster->append(*entry);
    ASSERT_TRUE(appended.has_value()) << appended.error().detail;
    for (const auto& row : appended->rows)
      if (row.value) node.disk[{row.table, row.network, row.key}] = *row.value;
  }
}

TEST(Idle, AThousandMembersAndEightSessionsCostFewWakeUps) {
  World world;
  Node& a = world.add("a");
  std::vector<Node*> others;
  for (int i = 0; i < kSessions; ++i) {
    others.push_back(&world.add("n" + std::to_string(i)));
    world.bring_in(a, *others.back());
  }
  world.run(1s);
  world.crash(a);
  fill_roster(a, kMembers);
  world.start(a);
  const auto up = [&] {
    return std::ranges::count(a.overlay->peers(), std::string("up"), &PeerView::state);
  };
  ASSERT_TRUE(world.run_until(
      [&] {
        return up() == kSessions && std::ranges::all_of(others, [](const Node* node) {
                 return node->overlay->members().size() == kMembers;
               });
      },
      180s));
  world.run(120s);  // what the start brought about is over
  ASSERT_EQ(up(), kSessions);
  ASSERT_EQ(a.overlay->members().size(), kMembers);
  const auto before = a.wakes;
  world.run(10min);
  const auto wakes = (a.wakes - before) / 10;
  RecordProperty("wake_ups_per_minute", static_cast<int>(wakes));
  EXPECT_EQ(up(), kSessions);
  // The aim is 120, two a second. 324 is what there is: 110 deadlines of sessions (keep-alives and
  // delayed acknowledgements), 47 of what peers send, two looks of discovery; 90 wake-ups at once
  // every four minutes, when the DHT looks around and publishes; and membership, which pings one
  // member a second, hears its answer, and answers another's ping.
  EXPECT_LE(wakes, 340u);
}

}  // namespace
}  // namespace weft::overlay::testing
