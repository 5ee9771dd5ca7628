#include "overlay/service/doors.hpp"

#include <gtest/gtest.h>

#include "tests/service/fake_members.hpp"

namespace weft::service {
namespace {

const Instant kStart = Instant{} + 100s;

struct Fixture {
  FakeMembers members;
  Offers offers;
  Doors doors{members.roster.network, offers, members};

  NodeId offering(std::uint8_t number, const std::string& name, std::uint8_t owner = 0,
                  Health health = Health::Unknown) {
    const NodeId id = members.add(number, name, owner);
    offers.take(kStart, id, {{"web", "tcp", 80, health}}, true);
    members.here[id] = std::chrono::milliseconds(number);
    return id;
  }
  Mapping door(std::optional<NodeId> node) {
    Mapping mapping;
    mapping.service = "web";
    mapping.node = node;
    mapping.listen = Endpoint::v4(0x7f000001, 0);
    return mapping;
  }
};

TEST(Doors, ANameMeansTheOneNodeThatOffersIt) {
  Fixture t;
  EXPECT_EQ(code_of(t.doors.provider("web", {})), Errc::NotFound);
  const auto anna = t.offering(2, "anna");
  EXPECT_EQ(t.doors.provider("web", {}), anna);
  t.members.here.clear();  // away counts
  EXPECT_EQ(t.doors.provider("web", {}), anna);
  const auto bert = t.offering(3, "bert");
  const auto both = t.doors.provider("web", {});
  EXPECT_EQ(code_of(both), Errc::Conflict);
  EXPECT_EQ(both.error().detail, "\"web\" is offered by anna and bert");
  EXPECT_EQ(t.doors.provider("web", "bert"), bert);
  t.members.exposers.erase(bert);  // its lines count for nothing
  EXPECT_EQ(t.doors.provider("web", {}), anna);
}

TEST(Doors, AnOpenDoorSaysWhichNodeIsMeant) {
  Fixture t;
  t.offering(2, "anna");
  const auto bert = t.offering(3, "bert");
  ASSERT_TRUE(t.doors.add(t.door(bert)).has_value());
  EXPECT_EQ(t.doors.provider("web", {}), bert);
  t.members.roster.names.erase(bert);
  EXPECT_NE(t.doors.provider("web", {}), bert);
}

TEST(Doors, OneOwnersNodesAreAlikeIfAskedFor) {
  Fixture t;
  t.offering(9, "far", 50);
  const auto near = t.offering(2, "near", 50);
  EXPECT_EQ(code_of(t.doors.provider("web", {})), Errc::Conflict);
  EXPECT_EQ(t.doors.provider("web", {}, true), near);
  t.offering(1, "stranger");
  EXPECT_EQ(code_of(t.doors.provider("web", {}, true)), Errc::Conflict);
}

TEST(Doors, ReplicasAreOfTheOwnerOrNamed) {
  Fixture t;
  const auto first = t.offering(9, "first", 50);
  const auto same = t.offering(5, "same", 50);
  const auto other = t.offering(4, "other");
  Mapping door = t.door(first);
  EXPECT_EQ(t.doors.providers(door), std::vector{first});
  door.any = true;
  EXPECT_EQ(t.doors.providers(door), (std::vector{same, first}));
  door.also = {other};
  EXPECT_EQ(t.doors.providers(door), (std::vector{other, same, first}));
  // One whose target failed comes last, one without a session not at all.
  t.offers.answered(kStart, other, "web", OpenStatus::TargetRefused);
  EXPECT_EQ(t.doors.providers(door), (std::vector{same, first, other}));
  t.members.here.erase(same);
  EXPECT_EQ(t.doors.providers(door), (std::vector{first, other}));
  t.members.here.clear();
  EXPECT_EQ(t.doors.providers(door), (std::vector{first, other}));  // the named ones wait
}

TEST(Doors, ADoorOfOldIsPinnedToTheOnlyNode) {
  Fixture t;
  EXPECT_EQ(code_of(t.doors.pin(1)), Errc::NotFound);
  Row old{Table::Mapping, t.members.roster.network, {}, t.door(std::nullopt).encode()};
  append_be(old.key, std::uint64_t{0});
  ASSERT_TRUE(t.doors.load(old).has_value());
  EXPECT_EQ(code_of(t.doors.pin(0)), Errc::NotFound);
  const auto anna = t.offering(2, "anna");
  t.offering(3, "bert");
  EXPECT_EQ(code_of(t.doors.pin(0)), Errc::Conflict);
  EXPECT_EQ(t.doors.unpinned().size(), 1u);
  t.members.exposers.erase(NodeId{{3}});
  const auto pinned = t.doors.pin(0);
  ASSERT_TRUE(pinned.has_value() && pinned->has_value());
  EXPECT_EQ((*pinned)->node, anna);
  EXPECT_TRUE((*pinned)->row.has_value());
  EXPECT_TRUE(t.doors.unpinned().empty());
  EXPECT_EQ(t.doors.pinned(), std::set<std::uint64_t>{0});
  const auto again = t.doors.pin(0);
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(again->has_value());  // it has its node
  ASSERT_TRUE(t.doors.remove(0).has_value());
  EXPECT_TRUE(t.doors.pinned().empty());
}

}  // namespace
}  // namespace weft::service
