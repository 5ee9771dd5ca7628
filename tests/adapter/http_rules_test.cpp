// What becomes of the heads of requests and answers on their way. Beast parses; what it takes and
// we refuse is here, what it refuses itself is in the network cases.
#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "node/adapter/http_rules_asio.hpp"

namespace weft::adapter {
namespace {

namespace http = boost::beast::http;

HttpRequestHead head_of(const std::string& text) {
  http::request_parser<http::empty_body> parser;
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(text), error);
  EXPECT_TRUE(parser.is_header_done()) << text << error.message();
  return parser.get().base();
}
std::string text_of(const HttpRequestHead& head, const char* name) {
  const auto value = head[name];
  return {value.data(), value.size()};
}
unsigned refused(const std::string& text) {
  const auto refusal = http_refusal(head_of(text));
  return refusal ? refusal->status : 0;
}

TEST(HttpRules, WhatIsPlainPasses) {
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0U);
  EXPECT_EQ(refused("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 0U);
  EXPECT_EQ(refused("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 0U);
  EXPECT_EQ(refused("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"), 0U);
}

TEST(HttpRules, WhatTwoProgramsMayReadDifferentlyIsRefused) {
  EXPECT_EQ(refused("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400U);
  EXPECT_EQ(refused("CONNECT b:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 400U);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), 400U);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400U);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
            400U);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"), 400U);
  EXPECT_EQ(refused("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400U);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 63; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(refused(many + "\r\n"), 0U);
  EXPECT_EQ(refused(many + "X-63: 1\r\n\r\n"), 431U);
}

TEST(HttpRules, TheCallerIsWhoWeSayAndNobodyElse) {
  auto head = head_of(
      "GET / HTTP/1.1\r\nHost: a\r\nWeft-Caller: root\r\nweft-caller: x\r\nWEFT-Admin: 1\r\n"
      "Weft-Network: work\r\nX-Weft: kept\r\n\r\n");
  rewrite_request(head, {"laptop wf1x", "home"}, true);
  EXPECT_EQ(text_of(head, "Weft-Caller"), "laptop wf1x");
  EXPECT_EQ(text_of(head, "Weft-Network"), "home");
  EXPECT_EQ(head.count("Weft-Caller"), 1U);
  EXPECT_EQ(head.count("Weft-Admin"), 0U);
  EXPECT_EQ(text_of(head, "X-Weft"), "kept");
  rewrite_request(head, {}, true);
  EXPECT_EQ(head.count("Weft-Caller"), 0U);
  EXPECT_EQ(head.count("Weft-Network"), 0U);
}

TEST(HttpRules, HeadersOfOneHopEndThere) {
  auto head = head_of(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine, Transfer-Encoding\r\nX-Mine: 1\r\n"
      "Keep-Alive: 1\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"
      "Transfer-Encoding: chunked\r\nX-Other: 1\r\n\r\n");
  EXPECT_FALSE(is_websocket(head));
  rewrite_request(head, {}, true);
  for (const char* gone : {"Connection", "X-Mine", "Keep-Alive", "TE", "Upgrade", "HTTP2-Settings"})
    EXPECT_EQ(head.count(gone), 0U) << gone;
  EXPECT_EQ(head.count("X-Other"), 1U);
  EXPECT_EQ(text_of(head, "Transfer-Encoding"), "chunked");  // the body's length is no header's
}

TEST(HttpRules, AWebSocketIsAskedForOn) {
  auto head = head_of(
      "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
      "Sec-WebSocket-Key: x\r\n\r\n");
  EXPECT_TRUE(is_websocket(head));
  rewrite_request(head, {"laptop", "home"}, false);
  EXPECT_EQ(text_of(head, "Connection"), "Upgrade");
  EXPECT_EQ(text_of(head, "Upgrade"), "websocket");
  EXPECT_EQ(head.count("Sec-WebSocket-Key"), 1U);
}

TEST(HttpRules, HostsAreReadWithoutPortAndCase) {
  EXPECT_EQ(http_host(head_of("GET / HTTP/1.1\r\nHost: Blog.Oak:8080\r\n\r\n")), "blog.oak");
  EXPECT_EQ(http_host(head_of("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n")), "[::1]");
  EXPECT_EQ(http_host(head_of("GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n")), "[::1]");
}

TEST(HttpRules, WhatAPageQuotesIsNoMarkup) {
  const auto page = error_page(404, "<script>alert(1)</script>", "a & b");
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_NE(page.find("a &amp; b"), std::string::npos);
}

}  // namespace
}  // namespace weft::adapter
