// The handshake of SOCKS5, byte by byte; RFC 1928 shows the layouts.
#include "overlay/service/socks5.hpp"

#include <gtest/gtest.h>

namespace weft::service::socks5 {
namespace {

Bytes with(Bytes begin, std::string_view text, Bytes end) {
  append(begin, bytes_of(text));
  append(begin, end);
  return begin;
}

TEST(Socks5, AGreetingIsTakenWhenAPasswordIsNotNeeded) {
  const auto curl = parse_greeting(Bytes{5, 2, 2, 0, 9});
  ASSERT_TRUE(curl.has_value() && curl->has_value());
  EXPECT_TRUE((*curl)->message.without_password);
  EXPECT_EQ((*curl)->consumed, 4U);
  const auto strict = parse_greeting(Bytes{5, 1, 2});
  ASSERT_TRUE(strict.has_value() && strict->has_value());
  EXPECT_FALSE((*strict)->message.without_password);
}

TEST(Socks5, AGreetingMayComeInPieces) {
  for (const auto& piece : {Bytes{}, Bytes{5}, Bytes{5, 2}, Bytes{5, 2, 0}}) {
    const auto parsed = parse_greeting(piece);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_FALSE(parsed->has_value());
  }
  EXPECT_FALSE(parse_greeting(Bytes{4, 1, 0}).has_value());  // SOCKS4
  EXPECT_FALSE(parse_greeting(Bytes{5, 0}).has_value());
}

TEST(Socks5, RequestsByNameAndByAddress) {
  struct Row {
    Bytes bytes;
    Request want;
  };
  const Row rows[] = {
      {with({5, 1, 0, 3, 11}, "example.org", {0, 80}), {Command::Connect, "example.org", true, 80}},
      {{5, 1, 0, 1, 192, 0, 2, 7, 1, 0xbb}, {Command::Connect, "192.0.2.7", false, 443}},
      {{5, 3, 0, 1, 0, 0, 0, 0, 0, 0}, {Command::UdpAssociate, "0.0.0.0", false, 0}},
      {{5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 22},
       {Command::Connect, "2001:db8::7", false, 22}},
      {with({5, 1, 0, 3, 9}, "192.0.2.7", {0, 80}), {Command::Connect, "192.0.2.7", false, 80}},
      {with({5, 1, 0, 3, 9}, "0::0:0:0b", {0, 80}), {Command::Connect, "::b", false, 80}},
  };
  for (const auto& row : rows) {
    const auto parsed = parse_request(row.bytes);
    ASSERT_TRUE(parsed.has_value() && parsed->has_value()) << row.want.host;
    EXPECT_EQ((*parsed)->message, row.want) << (*parsed)->message.host;
    EXPECT_EQ((*parsed)->consumed, row.bytes.size());
    for (std::size_t size = 0; size < row.bytes.size(); ++size) {
      const auto part = parse_request(ByteView(row.bytes).first(size));
      ASSERT_TRUE(part.has_value());
      EXPECT_FALSE(part->has_value());
    }
  }
}

TEST(Socks5, RequestsThatMakeNoSense) {
  EXPECT_FALSE(parse_request(Bytes{4, 1, 0}).has_value());
  EXPECT_FALSE(parse_request(Bytes{5, 0, 0}).has_value());
  EXPECT_FALSE(parse_request(Bytes{5, 4, 0}).has_value());
  EXPECT_FALSE(parse_request(Bytes{5, 1, 1}).has_value());
  EXPECT_EQ(parse_request(Bytes{5, 1, 0, 2, 0}).error().code, Errc::Unsupported);
  EXPECT_FALSE(parse_request(with({5, 1, 0, 3, 11}, "example.org", {0, 0})).has_value());
  for (const std::string name : {"", "a b", "a..b", ".a", "127.1", "2130706433", "0x7f.0x1", "a\n",
                                 "::ffff:127.0.0.1", "evil.example/.weft"}) {
    Bytes bytes{5, 1, 0, 3, static_cast<std::uint8_t>(name.size())};
    EXPECT_FALSE(parse_request(with(bytes, name, {0, 80})).has_value()) << name;
  }
  Bytes mapped{5, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1, 0, 80};
  EXPECT_FALSE(parse_request(mapped).has_value());
}

TEST(Socks5, WhatAClientSaysAServerReads) {
  for (const std::string host : {"example.org", "192.0.2.7", "2001:db8::7"}) {
    const auto said = encode_connect(host, 8080);
    const auto greeting = parse_greeting(said);
    ASSERT_TRUE(greeting.has_value() && greeting->has_value());
    EXPECT_TRUE((*greeting)->message.without_password);
    const auto request = parse_request(ByteView(said).subspan((*greeting)->consumed));
    ASSERT_TRUE(request.has_value() && request->has_value());
    EXPECT_EQ((*request)->message.host, host);
    EXPECT_EQ((*request)->message.port, 8080);
  }
}

TEST(Socks5, WhatAServerAnswersAClientReads) {
  auto said = encode_method(true);
  append(said, encode_reply(Code::Refused));
  append(said, bytes_of("hello"));
  const auto answers = parse_answers(said);
  ASSERT_TRUE(answers.has_value() && answers->has_value());
  EXPECT_EQ((*answers)->message, Code::Refused);
  EXPECT_EQ((*answers)->consumed, said.size() - 5);
  for (std::size_t size = 0; size < (*answers)->consumed; ++size) {
    const auto part = parse_answers(ByteView(said).first(size));
    ASSERT_TRUE(part.has_value());
    EXPECT_FALSE(part->has_value());
  }
  EXPECT_EQ(parse_answers(encode_method(false)).error().code, Errc::Denied);
}

}  // namespace
}  // namespace weft::service::socks5
