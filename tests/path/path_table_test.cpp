#include "overlay/path/path_table.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/seeded_rng.hpp"

namespace weft::path {
namespace {

Path socket_at(const char* local, bool both_families = false) {
  return {.local = *endpoint_from_text(local), .both_families = both_families};
}
const Endpoint kFarV4 = *endpoint_from_text("192.0.2.1:7");
const Endpoint kFarV6 = *endpoint_from_text("[2001:db8::1]:7");
const Endpoint kHere = *endpoint_from_text("127.0.0.1:7");

TEST(PathTable, UdpStandsForTheOnlySocket) {
  PathTable table;
  EXPECT_FALSE(table.carrier_of(PathId::Udp, kFarV4));
  const PathId socket = *table.add(socket_at("[::]:1", true));
  EXPECT_NE(socket, PathId::Udp);
  for (const auto& to : {kFarV4, kFarV6, kHere}) {
    EXPECT_EQ(table.carrier_of(PathId::Udp, to), socket);
    EXPECT_EQ(table.arriving(socket, to), PathId::Udp);
  }
}

TEST(PathTable, UdpStandsForTheFirstSocketThatReaches) {
  PathTable table;
  const PathId here = *table.add(socket_at("127.0.0.1:1"));
  const PathId first = *table.add(socket_at("10.0.0.1:1"));
  const PathId second = *table.add(socket_at("10.0.0.2:1"));
  EXPECT_EQ(table.carrier_of(PathId::Udp, kHere), here);
  EXPECT_EQ(table.carrier_of(PathId::Udp, kFarV4), first);
  EXPECT_FALSE(table.carrier_of(PathId::Udp, kFarV6));
  EXPECT_EQ(table.arriving(first, kFarV4), PathId::Udp);
  EXPECT_EQ(table.arriving(second, kFarV4), second);  // the answer leaves where it was called
  EXPECT_EQ(table.carrier_of(second, kFarV4), second);
}

TEST(PathTable, ASocketWhoseAddressIsLostIsPassedOverUntilItIsBack) {
  PathTable table;
  const PathId first = *table.add(socket_at("10.0.0.1:1"));
  const PathId second = *table.add(socket_at("10.0.0.2:1"));
  table.set_lost(first, true);
  EXPECT_EQ(table.carrier_of(PathId::Udp, kFarV4), second);
  EXPECT_EQ(table.carrier_of(first, kFarV4), second);
  EXPECT_EQ(table.arriving(second, kFarV4), PathId::Udp);  // who dialled goes on
  table.set_lost(first, false);
  EXPECT_EQ(table.carrier_of(PathId::Udp, kFarV4), first);
}

TEST(PathTable, OneBlockedPathBlocksNoOther) {
  PathTable table;
  const PathId first = *table.add(socket_at("10.0.0.1:1"));
  const PathId second = *table.add(socket_at("10.0.0.2:1"));
  const PathId relayed = *table.add({.kind = PathKind::Circuit, .headroom = 8});
  table.set_blocked(second, true);
  EXPECT_TRUE(table.blocked(second, kFarV4));
  EXPECT_FALSE(table.blocked(PathId::Udp, kFarV4));
  EXPECT_FALSE(table.blocked(relayed, kFarV4));
  table.set_blocked(first, true);
  EXPECT_TRUE(table.blocked(PathId::Udp, kFarV4));
  EXPECT_FALSE(table.blocked(PathId::Udp, kFarV6));  // nobody reaches it: who sends is told so
}

TEST(PathTable, ItsKindIsNamedAndOnlyACircuitIsNotDirect) {
  for (const auto kind : {PathKind::Udp, PathKind::Ice}) EXPECT_EQ(name_of(kind), "direct");
  EXPECT_EQ(name_of(PathKind::Circuit), "relay");
  EXPECT_EQ(name_of(PathKind::Tcp), "tcp");
  EXPECT_EQ(name_of(PathKind::Wss), "wss");
  for (const auto kind : {PathKind::Udp, PathKind::Ice, PathKind::Tcp, PathKind::Wss})
    EXPECT_TRUE(is_direct(kind));
  EXPECT_FALSE(is_direct(PathKind::Circuit));
}

TEST(PathTable, SaysWhetherAnybodyHoldsAPath) {
  PathTable table;
  const PathId id = *table.add({.kind = PathKind::Tcp, .mtu = kLeastMtu});
  EXPECT_FALSE(table.held(id));
  {
    const PathHold hold(table, id);
    EXPECT_TRUE(table.held(id));
  }
  EXPECT_FALSE(table.held(id));
  EXPECT_FALSE(table.held(PathId{4711}));
}

TEST(PathTable, AClosedPathStaysWhileItIsHeld) {
  PathTable table;
  const PathId id = *table.add({.kind = PathKind::Tcp});
  {
    const PathHold hold(table, id);
    PathHold other(table, id);
    table.close(id);
    EXPECT_TRUE(table.at(id).closed);
    EXPECT_EQ(table.at(id).kind, PathKind::Tcp);
    EXPECT_FALSE(table.carrier_of(id, kFarV4));
    PathHold moved = std::move(other);
    moved = PathHold();
    EXPECT_EQ(table.size(), 2u);
    table.check_invariants();
  }
  EXPECT_EQ(table.size(), 1u);
  EXPECT_TRUE(table.at(id).closed);  // unknown now, and told as gone
  EXPECT_EQ(table.at(id).kind, PathKind::Udp);
}

TEST(PathTable, UdpIsNeverClosed) {
  PathTable table;
  table.close(PathId::Udp);
  EXPECT_FALSE(table.at(PathId::Udp).closed);
}

TEST(PathTable, IsBounded) {
  PathTable table;
  std::vector<PathId> ids;
  for (std::size_t i = 1; i < PathTable::kMost; ++i)
    ids.push_back(*table.add({.kind = PathKind::Circuit}));
  EXPECT_EQ(table.add({}).error().code, Errc::Limit);
  table.close(ids[7]);
  EXPECT_TRUE(table.add({}));
  EXPECT_EQ(table.add({.mtu = 1199}).error().code, Errc::Usage);
  EXPECT_EQ(table.add({.headroom = 9}).error().code, Errc::Usage);
}

TEST(PathTable, RemembersWhatWasMeasured) {
  PathTable table;
  const PathId id = *table.add(socket_at("[::]:1", true));
  EXPECT_FALSE(table.at(id).rtt);
  table.note(PathId::Udp, kFarV4, 8ms, 10, 0);
  EXPECT_EQ(table.at(id).rtt, Duration(8ms));
  table.note(PathId::Udp, kFarV4, 16ms, 10, 8);
  EXPECT_EQ(table.at(id).rtt, Duration(9ms));
  EXPECT_EQ(table.at(id).loss_permille, 100u);
  table.note(id, kFarV4, 9ms, 0, 0);  // nothing was measured
  EXPECT_EQ(table.at(id).loss_permille, 100u);
}

// Whatever is added, held, closed and let go: two paths alive never share an id.
TEST(PathTable, NoIdIsGivenTwiceWhileItIsHeld) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SeededRng rng(seed);
    PathTable table;
    std::vector<PathId> open;
    std::vector<std::pair<PathId, PathHold>> held;
    std::set<PathId> taken;
    for (int i = 0; i < 2000; ++i) {
      const auto pick = [&](std::size_t size) {
        return static_cast<std::ptrdiff_t>(rng.uniform(size));
      };
      switch (rng.uniform(4)) {
        case 0: {
          const auto id = *table.add({.kind = static_cast<PathKind>(rng.uniform(5))});
          ASSERT_FALSE(taken.contains(id));
          taken.insert(id);
          open.push_back(id);
          break;
        }
        case 1:
          if (!open.empty()) {
            const auto id = open[static_cast<std::size_t>(pick(open.size()))];
            held.emplace_back(id, PathHold(table, id));
          }
          break;
        case 2:
          if (!held.empty()) held.erase(held.begin() + pick(held.size()));
          break;
        default:
          if (!open.empty()) {
            const auto at = open.begin() + pick(open.size());
            table.close(*at);
            open.erase(at);
          }
      }
      table.check_invariants();
    }
    held.clear();
    EXPECT_EQ(table.size(), open.size() + 1);
  }
}

}  // namespace
}  // namespace weft::path
