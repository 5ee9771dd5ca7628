#include "node/http_proxy.hpp"

#include <gtest/gtest.h>

namespace weft::node {
namespace {

TEST(ProxyAddress, FormsAndTheirMeaning) {
  const struct {
    const char* text;
    const char* host;
    std::uint16_t port;
    const char* user;
    const char* password;
  } cases[] = {
      {"http://proxy.example:3128", "proxy.example", 3128, "", ""},
      {"http://proxy.example:3128/", "proxy.example", 3128, "", ""},
      {"proxy.example", "proxy.example", 80, "", ""},
      {"10.0.0.1:8080", "10.0.0.1", 8080, "", ""},
      {"http://[2001:db8::1]:3128", "2001:db8::1", 3128, "", ""},
      {"http://[2001:db8::1]", "2001:db8::1", 80, "", ""},
      {"http://me:secret@proxy:1", "proxy", 1, "me", "secret"},
      {"http://me@proxy:1", "proxy", 1, "me", ""},
      {"http://a%40b:c%3ad%25@proxy:1", "proxy", 1, "a@b", "c:d%"},
      {"http://a@b:c@proxy:1", "proxy", 1, "a@b", "c"},
  };
  for (const auto& one : cases) {
    const auto proxy = ProxyAddress::parse(one.text);
    ASSERT_TRUE(proxy) << one.text << ": " << proxy.error().detail;
    EXPECT_EQ(proxy->host, one.host) << one.text;
    EXPECT_EQ(proxy->port, one.port) << one.text;
    EXPECT_EQ(proxy->user, one.user) << one.text;
    EXPECT_EQ(proxy->password, one.password) << one.text;
  }
}

TEST(ProxyAddress, WhatIsNoneIsSaidWithoutItsPassword) {
  for (const char* text :
       {"", "http://", "https://proxy:1", "socks5://proxy:1", "http://proxy:0",
        "http://proxy:70000", "http://proxy:x", "http://proxy:", "http://me:hush%@proxy:1",
        "http://me:hush%0d%0a@proxy:1", "http://[::1:3", "http://me:hush@/", "http://a b:1",
        "http://proxy/path:1"}) {
    const auto proxy = ProxyAddress::parse(text);
    ASSERT_FALSE(proxy) << text;
    EXPECT_EQ(proxy.error().code, Errc::Usage);
    EXPECT_EQ(proxy.error().detail.find("hush"), std::string::npos) << text;
  }
}

TEST(NoProxy, NamesAndWhatLiesBelowThem) {
  EXPECT_TRUE(goes_around_proxy("localhost, example.org", "example.org"));
  EXPECT_TRUE(goes_around_proxy(".example.org", "a.example.org"));
  EXPECT_TRUE(goes_around_proxy("example.org", "a.example.org"));
  EXPECT_TRUE(goes_around_proxy("*", "anything"));
  EXPECT_TRUE(goes_around_proxy("10.0.0.1", "10.0.0.1"));
  EXPECT_FALSE(goes_around_proxy("example.org", "badexample.org"));
  EXPECT_FALSE(goes_around_proxy("example.org", "example.com"));
  EXPECT_FALSE(goes_around_proxy("", "example.org"));
  EXPECT_FALSE(goes_around_proxy(" , ,", "example.org"));
}

}  // namespace
}  // namespace weft::node
