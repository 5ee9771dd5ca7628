#include "node/accounts.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"

namespace weft::node {
namespace {

using adapter::Direction;

constexpr NodeId kAda{{1}};
constexpr NodeId kEve{{2}};

TEST(Accounts, CountPeersAndServicesApart) {
  Accounts accounts;
  accounts.on_flow(kAda, "blog");
  accounts.on_bytes(kAda, "blog", 100, Direction::ToPeer);
  accounts.on_bytes(kAda, "blog", 7, Direction::FromPeer);
  accounts.on_bytes(kAda, "ssh", 5, Direction::FromPeer);
  accounts.on_bytes(kEve, "blog", 3, Direction::ToPeer);
  EXPECT_EQ(accounts.of_peer(kAda), (Traffic{100, 12, 1}));
  EXPECT_EQ(accounts.of_peer(kEve), (Traffic{3, 0, 0}));
  EXPECT_EQ(accounts.of_service("blog"), (Traffic{103, 7, 1}));
  EXPECT_EQ(accounts.of_service("none"), Traffic{});
  const auto list = accounts.list();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[1].service, "ssh");
  EXPECT_EQ(list[2].peer, kEve);
}

TEST(Accounts, TheQuietestOfTooManyGoesIntoTheRest) {
  Accounts accounts(2);
  accounts.on_bytes(kAda, "a", 1, Direction::ToPeer);
  accounts.on_bytes(kAda, "b", 2, Direction::ToPeer);
  accounts.on_bytes(kAda, "a", 4, Direction::ToPeer);
  accounts.on_bytes(kAda, "c", 8, Direction::ToPeer);
  EXPECT_EQ(accounts.rest().to_peer, 2U);
  EXPECT_EQ(accounts.of_peer(kAda).to_peer, 13U);
}

TEST(Accounts, NothingIsLostHoweverManyCome) {
  Accounts accounts(16);
  SeededRng rng(1);
  Traffic all;
  for (int i = 0; i < 5000; ++i) {
    const NodeId peer{{static_cast<std::uint8_t>(rng.uniform(50))}};
    const auto service = std::to_string(rng.uniform(3));
    const auto size = static_cast<std::size_t>(rng.uniform(1000));
    const bool out = rng.uniform(2) == 0;
    accounts.on_bytes(peer, service, size, out ? Direction::ToPeer : Direction::FromPeer);
    (out ? all.to_peer : all.from_peer) += size;
    ASSERT_LE(accounts.size(), 16U);
  }
  Traffic sum = accounts.rest();
  for (const auto& account : accounts.list()) sum += account.traffic;
  EXPECT_EQ(sum, all);
}

}  // namespace
}  // namespace weft::node
