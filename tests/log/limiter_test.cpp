#include "node/log/limiter.hpp"

#include <gtest/gtest.h>

namespace weft::log {
namespace {

constexpr Instant kStart{};
const std::string kFailed = "event=target_failed service=blog peer=b err=\"127.0.0.1:80: refused\"";

TEST(LogLimiter, FiveThousandEqualFailuresAreFiveLinesAndACount) {
  Limiter limiter;
  int written = 0;
  for (int i = 0; i < 5000; ++i) written += limiter.admit(kStart + i * 1ms, kFailed) ? 1 : 0;
  EXPECT_EQ(written, 5);
  EXPECT_TRUE(limiter.due(kStart + 59s).empty());
  const auto told = limiter.due(kStart + 60s);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].line(),
            "event=repeated of=target_failed service=blog peer=b count=4995 "
            "msg=\"4995 more in the last minute\"");
  EXPECT_TRUE(limiter.admit(kStart + 61s, kFailed));  // the next minute has lines of its own
  EXPECT_TRUE(limiter.due(kStart + 200s).empty());    // one line is no repetition
}

TEST(LogLimiter, WhoFloodsHidesNobodyElse) {
  Limiter limiter;
  for (int i = 0; i < 100; ++i) static_cast<void>(limiter.admit(kStart, kFailed));
  EXPECT_TRUE(limiter.admit(kStart, "event=target_failed service=blog peer=c err=\"refused\""));
  EXPECT_TRUE(limiter.admit(kStart, "event=target_failed service=db peer=b err=\"refused\""));
  EXPECT_TRUE(limiter.admit(kStart, "event=peer_up peer=b path=direct"));
}

TEST(LogLimiter, EverNewTextsOfOneEventTakeTheirShareOfTheTableOnly) {
  Limiter limiter;
  int written = 0;
  for (int i = 0; i < 100'000; ++i)
    written +=
        limiter.admit(kStart, "event=notice msg=\"who is " + std::to_string(i) + "\"") ? 1 : 0;
  EXPECT_LE(written, static_cast<int>(Limiter::kMaxKinds / 4 + Limiter::kOtherBurst));
  EXPECT_TRUE(limiter.admit(kStart, kFailed));
  const auto told = limiter.due(kStart + 60s);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].line().starts_with("event=repeated of=other count=")) << told[0].line();
}

TEST(LogLimiter, WhatOperatorsDoIsAlwaysWritten) {
  Limiter limiter;
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(limiter.admit(kStart, "event=audit action=allow service=blog who=c result=ok"));
  EXPECT_TRUE(limiter.due(kStart + 90s).empty());
}

TEST(LogLimiter, TheRestIsToldAtTheEnd) {
  Limiter limiter;
  for (int i = 0; i < 8; ++i) static_cast<void>(limiter.admit(kStart, kFailed));
  EXPECT_EQ(limiter.rest().size(), 1u);
  EXPECT_TRUE(limiter.rest().empty());
}

TEST(LogLimiter, FieldsAreFoundOutsideQuotesOnly) {
  const std::string_view line = R"(event=x msg="peer=evil \" service=evil" peer=b last)";
  EXPECT_EQ(field_of(line, "event"), "x");
  EXPECT_EQ(field_of(line, "peer"), "b");
  EXPECT_EQ(field_of(line, "service"), "");
  EXPECT_EQ(field_of(line, "msg"), R"("peer=evil \" service=evil")");
  EXPECT_EQ(field_of("", "event"), "");
  EXPECT_EQ(field_of("a=\"", "a"), "\"");
}

}  // namespace
}  // namespace weft::log
