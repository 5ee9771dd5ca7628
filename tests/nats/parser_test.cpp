// The client side of the NATS protocol: bytes in, commands out.
#include <gtest/gtest.h>

#include "node/nats/parser.hpp"

namespace weft::nats {
namespace {

std::vector<Command> all(std::string_view text, std::size_t piece = 1 << 20) {
  Parser parser(1000);
  std::vector<Command> out;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    parser.feed(bytes_of(text.substr(at, piece)));
    for (;;) {
      auto command = parser.next();
      if (!command || !*command) break;
      out.push_back(std::move(**command));
    }
  }
  return out;
}

std::string error_of(std::string_view text) {
  Parser parser(1000);
  parser.feed(bytes_of(text));
  for (;;) {
    auto command = parser.next();
    if (!command) return command.error().detail;
    if (!*command) return {};
  }
}

TEST(NatsParser, ReadsEveryCommand) {
  constexpr std::string_view kTalk =
      "CONNECT {\"verbose\":false}\r\nPING\r\npong\r\nSUB app.> 1\r\nsub\tapp.q  workers\t2\r\n"
      "UNSUB 1\r\nUNSUB 2 5\r\nPUB app.n 2\r\nhi\r\nPUB app.n _INBOX.1 0\r\n\r\n"
      "HPUB app.h 16 18\r\nNATS/1.0\r\nA:\r\n\r\nhi\r\nHPUB app.h in 12 12\r\nNATS/1.0\r\n\r\n\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, kTalk.size()}) {
    const auto got = all(kTalk, piece);
    ASSERT_EQ(got.size(), 11u) << piece;
    EXPECT_EQ(std::get<Connect>(got[0]).json, "{\"verbose\":false}");
    EXPECT_TRUE(std::holds_alternative<Ping>(got[1]));
    EXPECT_TRUE(std::holds_alternative<Pong>(got[2]));
    EXPECT_EQ(std::get<Sub>(got[3]).sid, "1");
    EXPECT_EQ(std::get<Sub>(got[4]).queue, "workers");
    EXPECT_EQ(std::get<Unsub>(got[5]).max, 0u);
    EXPECT_EQ(std::get<Unsub>(got[6]).max, 5u);
    EXPECT_EQ(text_of(std::get<Pub>(got[7]).payload), "hi");
    EXPECT_EQ(std::get<Pub>(got[8]).reply, "_INBOX.1");
    EXPECT_EQ(text_of(std::get<Pub>(got[9]).headers), "NATS/1.0\r\nA:\r\n\r\n");
    EXPECT_EQ(text_of(std::get<Pub>(got[9]).payload), "hi");
    EXPECT_EQ(std::get<Pub>(got[10]).reply, "in");
  }
}

TEST(NatsParser, APayloadMayHoldAnything) {
  const std::string payload("PUB x 1\r\n\0\xff\r\n", 13);
  const auto got = all("PUB a " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n");
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(text_of(std::get<Pub>(got[0]).payload), payload);
}

TEST(NatsParser, WhatIsNoNatsEndsIt) {
  EXPECT_EQ(error_of("PING\r\n"), "");
  for (const auto* bad :
       {"GET / HTTP/1.1\r\n", "PUB a\r\n", "PUB a b c 1\r\n", "PUB a -1\r\n", "PUB a 1x\r\n",
        "SUB a\r\n", "SUB a b c d\r\n", "UNSUB\r\n", "UNSUB 1 x\r\n", "HPUB a 5 3\r\n", "\r\n",
        "PING x\r\n", "PUB a 2\r\nhix\n"})
    EXPECT_EQ(error_of(bad), "Unknown Protocol Operation") << bad;
  EXPECT_EQ(error_of("PUB a 1001\r\n"), "Maximum Payload Violation");
  EXPECT_EQ(error_of("PUB a 18446744073709551615\r\n"), "Maximum Payload Violation");
  EXPECT_EQ(error_of(std::string(kMaxLine + 1, 'x')), "Maximum Control Line Exceeded");
  EXPECT_EQ(error_of(std::string(kMaxLine + 1, 'x') + "\r\n"), "Maximum Control Line Exceeded");
}

TEST(NatsParser, NothingIsReadAfterAnError) {
  Parser parser(10);
  parser.feed(bytes_of("NO\r\nPING\r\n"));
  EXPECT_FALSE(parser.next());
  EXPECT_FALSE(parser.next());
  parser.feed(bytes_of("PING\r\n"));
  EXPECT_FALSE(parser.next());
}

}  // namespace
}  // namespace weft::nats
