#include "overlay/path/admission.hpp"

#include <gtest/gtest.h>

namespace weft::path {
namespace {

Endpoint v4(std::uint32_t host) { return Endpoint::v4(0x0a000000u + host, 7); }

TEST(Admission, OneAddressHoldsItsShareAndNoMore) {
  Admission admission;
  for (std::size_t i = 0; i < Admission::kMostOfPlace; ++i) ASSERT_TRUE(admission.enter(v4(1)));
  EXPECT_FALSE(admission.enter(v4(1)));
  EXPECT_TRUE(admission.enter(v4(2)));
  admission.leave(v4(1), false);
  EXPECT_TRUE(admission.enter(v4(1)));
}

TEST(Admission, AnIpv6NetworkIsOnePlace) {
  Admission admission;
  for (std::size_t i = 0; i < Admission::kMostOfPlace; ++i)
    ASSERT_TRUE(
        admission.enter(*endpoint_from_text("[2001:db8:1:2:" + std::to_string(i + 1) + "::1]:7")));
  EXPECT_FALSE(admission.enter(*endpoint_from_text("[2001:db8:1:3::1]:7")));
  EXPECT_TRUE(admission.enter(*endpoint_from_text("[2001:db8:2::1]:7")));
}

TEST(Admission, StrangersLeaveRoomForMembers) {
  Admission admission;
  std::uint32_t host = 0;
  for (; host < Admission::kMostUnproven; ++host) ASSERT_TRUE(admission.enter(v4(host)));
  EXPECT_FALSE(admission.enter(v4(host)));
  admission.proven();
  EXPECT_TRUE(admission.enter(v4(host)));
  EXPECT_FALSE(admission.enter(v4(host + 1)));
}

TEST(Admission, AllTogetherAreBounded) {
  Admission admission;
  for (std::uint32_t host = 0; host < Admission::kMost; ++host) {
    ASSERT_TRUE(admission.enter(v4(host)));
    admission.proven();
  }
  EXPECT_FALSE(admission.enter(v4(5000)));
  EXPECT_EQ(admission.size(), Admission::kMost);
  admission.leave(v4(1), true);
  EXPECT_TRUE(admission.enter(v4(5000)));
}

}  // namespace
}  // namespace weft::path
