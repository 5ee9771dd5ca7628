#include "overlay/service/terms.hpp"

#include <gtest/gtest.h>

#include "tests/service/kit.hpp"

namespace weft::service {
namespace {

constexpr UnixTime kDay = 24 * 3600;
constexpr UnixTime kMidnight = 20'000 * kDay;

Asked at(int hour, int minute = 0, std::int32_t east_s = 0) {
  return {kMidnight + hour * 3600 + minute * 60, east_s, std::nullopt};
}

TEST(Terms, EndAtTheirTime) {
  const Terms terms{1000, {}, {}};
  EXPECT_EQ(terms.unmet({999, 0, {}}), Unmet::None);
  EXPECT_EQ(terms.unmet({1000, 0, {}}), Unmet::Ended);
  EXPECT_EQ(terms.next_turn({999, 0, {}}), 1000);
  EXPECT_EQ(terms.next_turn({1000, 0, {}}), std::nullopt);
  EXPECT_EQ(terms.refusal(Unmet::Ended, 1000 + 720),
            "the access that it was given ended 12 min ago");
}

TEST(Terms, HoursAreLocal) {
  Terms terms;
  terms.hours = *Hours::from_text("08:00-17:00");
  EXPECT_EQ(terms.unmet(at(7, 59)), Unmet::Hours);
  EXPECT_EQ(terms.unmet(at(8)), Unmet::None);
  EXPECT_EQ(terms.unmet(at(16, 59)), Unmet::None);
  EXPECT_EQ(terms.unmet(at(17)), Unmet::Hours);
  EXPECT_EQ(terms.unmet(at(6, 0, 2 * 3600)), Unmet::None);    // eight there
  EXPECT_EQ(terms.unmet(at(8, 0, -3 * 3600)), Unmet::Hours);  // five there
  EXPECT_EQ(terms.next_turn(at(7, 59)), at(8).now);
  EXPECT_EQ(terms.next_turn(at(8)), at(17).now);
  EXPECT_EQ(terms.next_turn(at(17)), at(8).now + kDay);
  EXPECT_EQ(terms.hours->to_text(), "08:00-17:00");
}

TEST(Terms, HoursGoOverMidnight) {
  Terms terms;
  terms.hours = *Hours::from_text("22:00-06:00");
  EXPECT_EQ(terms.unmet(at(23)), Unmet::None);
  EXPECT_EQ(terms.unmet(at(5, 59)), Unmet::None);
  EXPECT_EQ(terms.unmet(at(6)), Unmet::Hours);
  EXPECT_EQ(terms.unmet(at(12)), Unmet::Hours);
  EXPECT_EQ(terms.unmet({-3600, 0, {}}), Unmet::None);  // an hour before 1970
}

TEST(Terms, HoursThatAreNone) {
  for (const auto* text : {"", "8-17", "08:00", "08:00-08:00", "24:00-06:00", "08:60-09:00",
                           "08:00-25:00", "08:00-17:000", "aa:00-17:00", "08:00 17:00"})
    EXPECT_EQ(code_of(Hours::from_text(text)), Errc::Usage) << text;
  EXPECT_TRUE(Hours::from_text("00:00-24:00"));
}

TEST(Terms, APlaceCountsOnDirectConnectionsOnly) {
  Terms terms;
  terms.from = *AddressRange::from_text("192.168.7.0/24");
  Asked asked{};
  EXPECT_EQ(terms.unmet(asked), Unmet::Place);
  asked.at = Endpoint::v4(0xc0a80709, 4000);
  EXPECT_EQ(terms.unmet(asked), Unmet::None);
  asked.at = Endpoint::v4(0xc0a80809, 4000);
  EXPECT_EQ(terms.unmet(asked), Unmet::Place);
  EXPECT_EQ(terms.next_turn(asked), std::nullopt);
}

TEST(Terms, ReadBack) {
  Terms terms{4'000'000'000, Hours{480, 1020}, *AddressRange::from_text("2001:db8::/32")};
  wire::Writer out;
  terms.encode(out);
  const auto bytes = out.take();
  auto in = wire::Reader::canonical(bytes);
  EXPECT_EQ(Terms::decode(in).value(), terms);
  EXPECT_TRUE(in.finish());
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    auto less = wire::Reader::canonical(ByteView(bytes).first(cut));
    EXPECT_FALSE(Terms::decode(less) && less.finish()) << cut;
  }
}

}  // namespace
}  // namespace weft::service
