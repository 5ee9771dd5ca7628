#include "node/failure_text.hpp"

#include <gtest/gtest.h>

namespace weft::node {
namespace {

TEST(FailureText, TakesWhyAndFixApart) {
  const auto text = take_apart("x.db is damaged: torn. Fix: weft restore FILE; or weft reset all",
                               "weft --home /h");
  EXPECT_EQ(text.why, "x.db is damaged: torn");
  EXPECT_EQ(text.fix, "weft --home /h restore FILE; or weft --home /h reset all");
}

TEST(FailureText, LeavesAHomeThatIsNamedAndOtherWordsAlone) {
  EXPECT_EQ(take_apart("taken. Fix: weft --home DIR up", "weft --home /h").fix,
            "weft --home DIR up");
  EXPECT_EQ(take_apart("a. Fix: chmod 600 /x/weft x", "w").fix, "chmod 600 /x/weft x");
  EXPECT_EQ(take_apart("no fix is known", "w").fix, "");
  EXPECT_EQ(take_apart("no fix is known", "w").why, "no fix is known");
  EXPECT_EQ(take_apart("", "w").why, "");
}

}  // namespace
}  // namespace weft::node
