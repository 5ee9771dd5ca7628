#include "node/adapter/connect_head.hpp"

#include <gtest/gtest.h>

namespace weft::adapter {
namespace {

Result<std::optional<ConnectHead>> parse(const std::string& text) {
  return parse_connect_head(bytes_of(text));
}

TEST(ConnectHead, NamesAndAddresses) {
  const std::string text = "CONNECT blog.oak.weft:80 HTTP/1.1\r\nHost: blog.oak.weft:80\r\n\r\n";
  const auto head = parse(text + "rest");
  ASSERT_TRUE(head.has_value() && head->has_value());
  EXPECT_EQ((*head)->host, "blog.oak.weft");
  EXPECT_EQ((*head)->port, 80);
  EXPECT_EQ((*head)->consumed, text.size());
  const auto v6 = parse("CONNECT [2001:db8::7]:443 HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(v6.has_value() && v6->has_value());
  EXPECT_EQ((*v6)->host, "2001:db8::7");
}

TEST(ConnectHead, ComesInPieces) {
  const std::string text = "CONNECT a.weft:80 HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto head = parse(text.substr(0, size));
    ASSERT_TRUE(head.has_value()) << size;
    EXPECT_FALSE(head->has_value()) << size;
  }
}

TEST(ConnectHead, WhatIsRefused) {
  const std::string end = " HTTP/1.1\r\n\r\n";
  EXPECT_EQ(parse("GET http://a.weft/" + end).error().code, Errc::Unsupported);
  for (const char* target :
       {"a", "a:", "a:0", "a:65536", "a:x", ":80", "::1:80", "[a]:80", "[]:80"})
    EXPECT_FALSE(parse(std::string("CONNECT ") + target + end).has_value()) << target;
  EXPECT_FALSE(parse("CONNECT a:80 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello").has_value());
  EXPECT_FALSE(parse("CONNECT a:80 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").has_value());
  EXPECT_FALSE(parse("CONNECT a:80 HTTP/1.1\nHost: a\n\n").has_value());
  EXPECT_FALSE(parse("CONNECT a:80 HTTP/1.1\r\nX: " + std::string(9000, 'x')).has_value());
  std::string many = "CONNECT a:80 HTTP/1.1\r\n";
  for (int i = 0; i < 65; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(parse(many + "\r\n").error().code, Errc::TooLarge);
}

}  // namespace
}  // namespace weft::adapter
