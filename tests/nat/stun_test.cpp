#include "nat/stun.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace weft::nat {
namespace {

Bytes hex(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != ' ' && c != '\n') digits.push_back(c);
  return *from_hex(digits);
}

// RFC 5769 section 2.1 to 2.3: a request with short-term credentials, and answers over both
// families. Padding there is of spaces, as old RFCs allowed; ours is zero.
constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";
constexpr std::string_view kRequest = R"(
  00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74
  00 24 00 04 6e 00 01 ff
  80 29 00 08 93 2f f9 b1 51 26 3b 36
  00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20
  00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2
  80 28 00 04 e5 7a 3b cf)";
constexpr std::string_view kAnswer4 = R"(
  01 01 00 3c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 08 00 01 a1 47 e1 12 a6 43
  00 08 00 14 2b 91 f5 99 fd 9e 90 c3 8c 74 89 f9 2a f9 ba 53 f0 6b e7 d7
  80 28 00 04 c0 7d 4c 96)";
constexpr std::string_view kAnswer6 = R"(
  01 01 00 48 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9
  00 08 00 14 a3 82 95 4e 4b e6 7b f1 17 84 c9 7c 82 92 c2 75 bf e3 ed 41
  80 28 00 04 c8 fb 0b 4c)";

TEST(Stun, ReadsTheRequestOfRfc5769) {
  const Bytes bytes = hex(kRequest);
  const auto message = decode_stun(bytes);
  ASSERT_TRUE(message) << message.error().detail;
  EXPECT_EQ(message->kind, StunClass::Request);
  EXPECT_EQ(message->method, kBinding);
  EXPECT_EQ(message->username, "evtj:h6vY");
  EXPECT_EQ(message->priority, 0x6e0001ffu);
  EXPECT_TRUE(message->fingerprint);
  EXPECT_TRUE(authentic(bytes, *message, bytes_of(kPassword)));
  EXPECT_FALSE(authentic(bytes, *message, bytes_of("another")));
  EXPECT_FALSE(authentic(bytes, *message, {}));
  EXPECT_TRUE(message->unknown.empty());
}

TEST(Stun, ReadsTheAnswersOfRfc5769) {
  for (const auto& [text, address] :
       {std::pair{kAnswer4, "192.0.2.1:32853"},
        std::pair{kAnswer6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"}}) {
    const Bytes bytes = hex(text);
    const auto message = decode_stun(bytes);
    ASSERT_TRUE(message) << message.error().detail;
    EXPECT_EQ(message->kind, StunClass::Success);
    ASSERT_TRUE(message->mapped);
    EXPECT_EQ(to_text(*message->mapped), address);
    EXPECT_TRUE(message->fingerprint);
    EXPECT_TRUE(authentic(bytes, *message, bytes_of(kPassword)));
  }
}

TEST(Stun, AChangedByteIsNoticed) {
  const Bytes bytes = hex(kAnswer4);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes other = bytes;
    other[i] ^= 1;
    const auto message = decode_stun(other);
    EXPECT_TRUE(!message || !message->fingerprint ||
                !authentic(other, *message, bytes_of(kPassword)))
        << "byte " << i;
  }
}

TEST(Stun, WritesWhatItReads) {
  StunMessage message;
  message.kind = StunClass::Success;
  message.id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  message.username = "them:us";
  message.priority = 7;
  message.change_port = true;
  message.fingerprint = true;
  for (const char* place : {"192.0.2.7:4711", "[2001:db8::7]:4711"}) {
    message.mapped = *endpoint_from_text(place);
    const Bytes bytes = encode_stun(message, bytes_of("secret"));
    const auto back = decode_stun(bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->id, message.id);
    EXPECT_EQ(back->username, message.username);
    EXPECT_EQ(back->priority, message.priority);
    EXPECT_EQ(back->mapped, message.mapped);
    EXPECT_TRUE(back->change_port);
    EXPECT_FALSE(back->change_host);
    EXPECT_TRUE(back->fingerprint);
    EXPECT_TRUE(authentic(bytes, *back, bytes_of("secret")));
  }
}

TEST(Stun, NamesWhatItDoesNotUnderstand) {
  StunMessage message;
  Bytes bytes = encode_stun(message);
  const Bytes more = hex("0055 0002 abab 0000  8055 0000");  // must be understood; need not be
  append(bytes, more);
  bytes[3] = static_cast<std::uint8_t>(more.size());
  const auto read = decode_stun(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->unknown, std::vector<std::uint16_t>{0x55});
}

TEST(Stun, RefusesWhatIsNone) {
  const Bytes good = encode_stun(StunMessage{});
  ASSERT_TRUE(decode_stun(good));
  Bytes cookie = good, length = good, first = good, cut = good;
  cookie[4] ^= 1;
  length[3] = 4;
  first[0] = 0x40;
  cut.pop_back();
  for (const Bytes& bad : {cookie, length, first, cut, Bytes{}, hex("00")})
    EXPECT_FALSE(decode_stun(bad));
  // An attribute that announces more than there is, and addresses of a wrong length.
  for (const auto* attribute :
       {"0006 00ff 61626364", "0020 0004 0001 0000", "0020 0008 0003 0000 00000000",
        "0024 0002 0000 0000", "8028 0002 0000 0000"}) {
    Bytes bad = good;
    const Bytes more = hex(attribute);
    append(bad, more);
    bad[3] = static_cast<std::uint8_t>(more.size());
    EXPECT_FALSE(decode_stun(bad)) << attribute;
  }
}

// What follows MESSAGE-INTEGRITY was not signed with it.
TEST(Stun, WhatFollowsTheIntegrityDoesNotCount) {
  StunMessage message;
  message.kind = StunClass::Success;
  message.mapped = *endpoint_from_text("192.0.2.7:1");
  Bytes bytes = encode_stun(message, bytes_of("secret"));
  StunMessage liar;
  liar.username = "liar";
  const Bytes forged = encode_stun(liar);
  append(bytes, ByteView(forged).subspan(kStunHeader));
  bytes[3] = static_cast<std::uint8_t>(bytes.size() - kStunHeader);
  const auto read = decode_stun(bytes);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->username.empty());
  EXPECT_TRUE(authentic(bytes, *read, bytes_of("secret")));
}

}  // namespace
}  // namespace weft::nat
