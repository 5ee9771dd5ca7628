#include "nat/candidate.hpp"

#include <gtest/gtest.h>

namespace weft::nat {
namespace {

Endpoint at(const char* text) { return *endpoint_from_text(text); }

TEST(Candidate, ThisMachineAndMulticastAreRefused) {
  const std::vector<Endpoint> own{at("192.0.2.1:7000"), at("192.168.1.5:7000")};
  EXPECT_TRUE(may_probe(at("198.51.100.7:7000"), own));
  EXPECT_TRUE(may_probe(at("[2001:db8::7]:7000"), own));
  for (const char* bad : {"127.0.0.1:7000",
                          "127.8.9.1:7000",
                          "[::1]:7000",
                          "[::ffff:127.0.0.1]:7000",
                          "[::127.0.0.1]:7000",
                          "[64:ff9b::7f00:1]:7000",
                          "[64:ff9b:1::7f00:1]:7000",
                          "[2002:7f00:1::1]:7000",
                          "[64:ff9b::c0a8:101]:7000",
                          "[2002:a9fe:a9fe::1]:7000",
                          "0.0.0.0:7000",
                          "[::]:7000",
                          "0.1.2.3:7000",
                          "224.0.0.1:7000",
                          "255.255.255.255:7000",
                          "[ff02::1]:7000",
                          "169.254.169.254:80",
                          "[fe80::1]:7000",
                          "198.51.100.7:0",
                          "192.0.2.1:7000"})
    EXPECT_FALSE(may_probe(at(bad), own)) << bad;
}

TEST(Candidate, OfOtherPeoplesNetworksOnlyThoseBesideOurs) {
  const std::vector<Endpoint> own{at("192.168.1.5:7000"), at("[fd00:1:2:3::5]:7000")};
  EXPECT_TRUE(may_probe(at("192.168.1.9:7000"), own));
  EXPECT_TRUE(may_probe(at("192.168.7.9:7000"), own));
  EXPECT_TRUE(may_probe(at("[fd00:1:2:9::5]:7000"), own));
  for (const char* bad :
       {"10.0.0.1:7000", "172.16.0.1:7000", "100.64.0.1:7000", "[fd00:1:9:3::5]:7000"})
    EXPECT_FALSE(may_probe(at(bad), own)) << bad;
  EXPECT_FALSE(may_probe(at("192.168.1.9:7000"), {at("192.0.2.1:7000")}));
}

}  // namespace
}  // namespace weft::nat
