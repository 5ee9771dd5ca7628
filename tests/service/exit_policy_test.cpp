#include "overlay/service/exit_policy.hpp"

#include <gtest/gtest.h>

namespace weft::service {
namespace {

Endpoint at(std::string_view address) {
  const bool v6 = address.find(':') != std::string_view::npos;
  return *endpoint_from_text((v6 ? "[" + std::string(address) + "]" : std::string(address)) +
                             ":443");
}
bool lets(std::string_view rules, std::string_view host, std::string_view address) {
  const auto policy = ExitPolicy::from_text(rules);
  EXPECT_TRUE(policy.has_value()) << rules;
  return !policy->refuses_name(host) && !policy->refuses(host, at(address));
}

// N27: with everything allowed that can be.
TEST(ExitPolicy, SomeAddressesAreNeverLedTo) {
  for (const char* address :
       {"127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1",
        "255.255.255.255", "240.0.0.1", "192.0.0.1", "::", "::1", "fe80::1", "febf::1", "ff02::1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "fec0::1", "::7f00:1"}) {
    EXPECT_TRUE(never_an_exit(at(address)).has_value()) << address;
    EXPECT_FALSE(lets("any,0.0.0.0/0,::/0", address, address)) << address;
  }
  for (const char* address : {"192.0.2.1", "8.8.8.8", "2001:db8::1", "2606:4700::1"}) {
    EXPECT_FALSE(never_an_exit(at(address)).has_value()) << address;
    EXPECT_TRUE(lets("any", address, address)) << address;
  }
}

TEST(ExitPolicy, PrivateOnesOnlyWhereARangeNamesThem) {
  for (const char* address :
       {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.7.9", "100.64.0.1", "fd00::7"}) {
    EXPECT_FALSE(lets("any", address, address)) << address;
    EXPECT_FALSE(lets("any,intern.example", "intern.example", address)) << address;
  }
  EXPECT_TRUE(lets("192.168.7.0/24", "192.168.7.9", "192.168.7.9"));
  EXPECT_FALSE(lets("192.168.7.0/24", "192.168.8.9", "192.168.8.9"));
  EXPECT_TRUE(lets("192.168.7.9", "nas.example", "192.168.7.9"));
  EXPECT_FALSE(lets("192.168.7.9", "nas.example", "192.168.7.10"));
  EXPECT_TRUE(lets("fd00::/8", "fd00::7", "fd00::7"));
  EXPECT_FALSE(lets("::/0", "10.1.2.3", "10.1.2.3"));  // IPv6 ranges mean IPv6
}

TEST(ExitPolicy, NamesLeadToPublicAddressesOnly) {
  EXPECT_TRUE(lets("example.org", "Example.ORG.", "192.0.2.1"));
  EXPECT_FALSE(lets("example.org", "www.example.org", "192.0.2.1"));
  EXPECT_TRUE(lets(".example.org", "www.example.org", "192.0.2.1"));
  EXPECT_FALSE(lets(".example.org", "example.org", "192.0.2.1"));
  EXPECT_FALSE(lets(".example.org", "notexample.org", "192.0.2.1"));
  EXPECT_FALSE(lets("example.org", "other.org", "192.0.2.1"));
}

TEST(ExitPolicy, ReadsBackAsItWasWritten) {
  for (const char* text : {"any", "192.168.7.0/24", "2001:db8::/32", "example.org,.example.net",
                           "any,10.0.0.0/8,fd00::/8,a.example"}) {
    const auto policy = ExitPolicy::from_text(text);
    ASSERT_TRUE(policy.has_value()) << text;
    EXPECT_EQ(policy->to_text(), text);
    EXPECT_EQ(*ExitPolicy::from_text(policy->to_text()), *policy);
  }
  EXPECT_EQ(ExitPolicy::from_text("10.0.0.1")->to_text(), "10.0.0.1/32");
  for (const char* text : {"", ",", "10.0.0.0/33", "10.0.0.0/x", "a b", "all of it",
                           "::ffff:1.2.3.4", "example.org/8", "2001:db8::/129", "any,"})
    EXPECT_FALSE(ExitPolicy::from_text(text).has_value()) << text;
}

}  // namespace
}  // namespace weft::service
