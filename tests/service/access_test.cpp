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
  Asked asked;
  bool may(const NodeId& who, const std::string& service = "blog") {
    return table.decide(trust, who, service, asked).allowed;
  }
};

TEST_F(Access, NothingIsAllowedByDefault) {
  EXPECT_FALSE(may(kAda));
  EXPECT_FALSE(table.decide(trust, kAda, "blog", {}).rule.has_value());
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
  EXPECT_EQ(table.decide(trust, kBob, "blog", {}).rule, deny->rule.id);
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

TEST_F(Access, AShareStandsBesideARuleAndEndsByItself) {
  const auto share = table.share(Subject::of(kAda), "blog", Terms{1000, {}, {}});
  ASSERT_TRUE(share);
  asked.now = 999;
  EXPECT_TRUE(may(kAda));
  EXPECT_FALSE(may(kBob));
  asked.now = 1000;
  const auto after = table.decide(trust, kAda, "blog", asked);
  EXPECT_FALSE(after.allowed);
  EXPECT_EQ(after.rule, share->rule.id);
  EXPECT_EQ(after.unmet, Unmet::Ended);
  ASSERT_TRUE(table.add(true, Subject::of(kAda), "blog"));
  EXPECT_EQ(table.list().size(), 2U);
  EXPECT_TRUE(may(kAda));
  ASSERT_TRUE(table.add(false, Subject::of(kAda), "blog"));
  asked.now = 999;
  EXPECT_FALSE(may(kAda));  // a deny comes first
}

TEST_F(Access, AShareOnTheDisk) {
  Rule rule{3, true, Subject::of(NodeId{{5}}), "blog", {}};
  const auto plain = to_hex(rule.encode());
  EXPECT_EQ(plain, "960103c300c42005" + std::string(62, '0') + "a4626c6f67");
  rule.terms = Terms{4'000'000'000, Hours{480, 1020}, *AddressRange::from_text("10.0.0.0/8")};
  EXPECT_EQ(to_hex(rule.encode()), "990203c300c42005" + std::string(62, '0') +
                                       "a4626c6f67ceee6b280092cd01e0cd03fc92c410" +
                                       std::string(20, '0') + "ffff0a00000068");
  EXPECT_EQ(Rule::decode(rule.encode()).value(), rule);
}

TEST_F(Access, AShareAgainMovesItsEnd) {
  const auto first = table.share(Subject::of(kAda), "blog", Terms{1000, {}, {}});
  EXPECT_EQ(table.share(Subject::of(kAda), "blog", Terms{2000, {}, {}})->rule.id, first->rule.id);
  const Terms hours{2000, Hours{480, 1020}, {}};
  EXPECT_NE(table.share(Subject::of(kAda), "blog", hours)->rule.id, first->rule.id);
  asked.now = 1500;
  EXPECT_TRUE(may(kAda));
  EXPECT_EQ(table.forget({Subject::of(kAda)}, "blog")->size(), 2U);
  EXPECT_FALSE(may(kAda));
}

TEST_F(Access, SharesReadBackAndAreForgottenInTheEnd) {
  AccessTable back(trust.network);
  const Terms terms{1000, Hours{480, 1020}, *AddressRange::from_text("10.0.0.0/8")};
  const auto share = table.share(Subject::of(kAda), "blog", terms);
  ASSERT_TRUE(share);
  for (const auto& row : share->rows) ASSERT_TRUE(back.load(row));
  EXPECT_EQ(back.list(), table.list());
  EXPECT_TRUE(table.forget_ended(1000 + kKeepEnded - 1).empty());
  EXPECT_EQ(table.forget_ended(1000 + kKeepEnded).size(), 1U);
  EXPECT_TRUE(table.list().empty());
}

}  // namespace
}  // namespace weft::service
