// Whoever was removed, and whom only they let in, is out on every node; the founder is in; all
// nodes agree: whatever was cut off from what, whoever kept an old copy, in whatever order it came.
#include <gtest/gtest.h>

#include "overlay/roster/export.hpp"
#include "tests/roster/random_network.hpp"

namespace weft::roster {
namespace {

void check(RandomNetwork& net) {
  ASSERT_TRUE(net.settle()) << "authors sign again for ever";
  const auto& one = net.nodes().front().roster;
  for (const auto& node : net.nodes()) {
    node.roster.check_invariants();
    ASSERT_EQ(node.roster.head(), one.head());
    ASSERT_EQ(node.roster.state(), one.state());
  }
  const auto other = net.copy_in_another_order();
  ASSERT_EQ(other.head(), one.head());
  ASSERT_EQ(other.state(), one.state());
  const auto stored = Roster::from_rows(one.network(), one.rows());
  ASSERT_TRUE(stored) << stored.error().detail;
  ASSERT_EQ(stored->state(), one.state());

  ASSERT_NE(one.member(id_of(net.kit().a)), nullptr) << "the founder is out";
  ASSERT_TRUE(one.may_sign(net.kit().person.public_key));
  const auto& state = one.state();
  for (const auto& [target, by] : net.removed()) {
    const bool signer_in =
        !state.is_removed(by) &&
        (by == node_id_of(net.kit().person.public_key) || one.member(by) != nullptr);
    if (!signer_in) continue;
    ASSERT_EQ(one.member(id_of(target)), nullptr) << "who was removed is in";
  }
  // Who came in by the old copy of one that is out is out: nobody else ever let it in.
  for (const auto& [smuggled, by] : net.smuggled()) {
    if (one.member(by) != nullptr) continue;
    ASSERT_EQ(one.member(smuggled), nullptr) << "somebody was smuggled in";
  }
}

TEST(RosterProperty, WhoWasRemovedIsOutAndAllAgree) {
  std::size_t removed = 0;
  std::size_t smuggled = 0;
  const char* wanted = std::getenv("WEFT_ROSTER_SEEDS");  // a longer run, by hand
  const auto last = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 300;
  for (std::uint64_t seed = 1; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomNetwork net(seed);
    net.live(40);
    check(net);
    removed += net.removed().size();
    smuggled += net.smuggled().size();
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(removed, last);  // else it proves nothing
  EXPECT_GT(smuggled, last);
}

}  // namespace
}  // namespace weft::roster
