#include "overlay/service/access.hpp"

#include <gtest/gtest.h>

#include "tests/service/kit.hpp"

namespace weft::service {
namespace {

const NodeId kAda{{1}};
const NodeId kBob{{2}};
const NodeId kStranger{{3}};
const NodeId kRemoved{{4}};

struct Access : testing::Test {
  FakeTrust trust;
  AccessTable table{trust.network};

  Access() {
    trust.names = {{kAda, "ada"}, {kBob, "bob"}};
    trust.removed = {kRemoved};
    trust.groups = {{"friends", kAda}, {"friends", kBob}, {"friends", kStranger}};
  }
  bool may(const NodeId& who, const std::string& service = "blog") {
    return table.decide(trust, who, service, 0).allowed;
  }
};

TEST_F(Access, NothingIsAllowedByDefault) {
  EXPECT_FALSE(may(kAda));
  EXPECT_FALSE(table.decide(trust, kAda, "blog", 0).rule.has_value());
}

TEST_F(Access, ByNode) {
  ASSERT_TRUE(table.add(true, Subject::of(kAda), "blog").has_value());
  EXPECT_TRUE(may(kAda));
  EXPECT_FALSE(may(kBob));
  EXPECT_FALSE(may(kAda, "wiki"));
}

TEST_F(Access, ByGroup) {
  ASSERT_TRUE(table.add(true, Subject::of_group("friends"), "blog").has_value());
  EXPECT_TRUE(may(kBob));
  trust.groups.erase({"friends", kBob});
  EXPECT_FALSE(may(kBob));
  EXPECT_TRUE(may(kAda));
}

TEST_F(Access, DenyBeatsAllowWhateverTheOrder) {
  const auto deny = table.add(false, Subject::of(kBob), "*");
  ASSERT_TRUE(table.add(true, Subject::everyone(), "blog").has_value());
  ASSERT_TRUE(table.add(true, Subject::of(kBob), "blog").has_value());
  EXPECT_FALSE(may(kBob));
  EXPECT_EQ(table.decide(trust, kBob, "blog", 0).rule, deny->rule.id);
  EXPECT_TRUE(may(kAda));
  ASSERT_TRUE(table.remove(deny->rule.id).has_value());
  EXPECT_TRUE(may(kBob));
}

TEST_F(Access, EveryoneMeansMembers) {
  ASSERT_TRUE(table.add(true, Subject::everyone(), "*").has_value());
  ASSERT_TRUE(table.add(true, Subject::of(kStranger), "*").has_value());
  EXPECT_TRUE(may(kAda));
  EXPECT_FALSE(may(kStranger));
  EXPECT_FALSE(may(kRemoved));
}

TEST_F(Access, AnOppositeRuleReplaces) {
  const auto allow = table.add(true, Subject::of(kAda), "blog");
  EXPECT_EQ(table.add(true, Subject::of(kAda), "blog")->rows.size(), 1U);  // written anew
  const auto deny = table.add(false, Subject::of(kAda), "blog");
  ASSERT_TRUE(deny.has_value());
  EXPECT_EQ(deny->rule.id, allow->rule.id);
  EXPECT_EQ(deny->rows.size(), 1U);
  EXPECT_EQ(table.list().size(), 1U);
  EXPECT_FALSE(may(kAda));
}

TEST_F(Access, RowsReadBack) {
  AccessTable back(trust.network);
  for (const auto& subject :
       {Subject::of(kAda), Subject::of_group("friends"), Subject::everyone()}) {
    const auto change = table.add(subject.kind != Subject::Kind::Group, subject, "blog");
    ASSERT_TRUE(change.has_value());
    for (const auto& row : change->rows) ASSERT_TRUE(back.load(row).has_value());
  }
  EXPECT_EQ(back.list(), table.list());
  // Ids go on where they were.
  EXPECT_EQ(back.add(true, Subject::of(kBob), "*")->rule.id,
            table.add(true, Subject::of(kBob), "*")->rule.id);
  EXPECT_EQ(table.remove_service("blog").size(), 3U);
  EXPECT_EQ(table.list().size(), 1U);
  EXPECT_EQ(code_of(table.remove(1)), Errc::NotFound);
  EXPECT_EQ(code_of(table.add(true, Subject::of_group("Bad"), "x")), Errc::Usage);
  EXPECT_EQ(code_of(table.add(true, Subject::everyone(), "b*")), Errc::Usage);
}

}  // namespace
}  // namespace weft::service
