#include "overlay/service/dns_message.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace weft::service::dns {
namespace {

// blog.oak.weft, type A, class IN, recursion desired.
const Bytes kQuestion{4,   'b', 'L', 'o', 'g', 3, 'o', 'a', 'k', 4,
                      'w', 'e', 'f', 't', 0,   0, 1,   0,   1};

Bytes message(std::initializer_list<std::uint8_t> header, const Bytes& rest) {
  Bytes out(header);
  append(out, rest);
  return out;
}
const Bytes kQuery = message({0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, kQuestion);

Bytes with_edns(std::uint8_t version) {
  auto out = message({0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1}, kQuestion);
  append(out, Bytes{0, 0, 41, 0x10, 0, 0, version, 0, 0, 0, 0});
  return out;
}

TEST(DnsMessage, AQueryIsRead) {
  const auto query = parse(kQuery);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->id, 0x1234);
  EXPECT_EQ(query->name, "blog.oak.weft");
  EXPECT_EQ(query->type, kTypeA);
  EXPECT_EQ(query->qclass, kClassIn);
  EXPECT_TRUE(query->recursion_desired);
  EXPECT_FALSE(query->edns);
  EXPECT_EQ(query->question, kQuestion);
  const auto edns = parse(with_edns(0));
  ASSERT_TRUE(edns);
  EXPECT_TRUE(edns->edns);
  EXPECT_EQ(parse(with_edns(1))->edns_version, 1);
}

TEST(DnsMessage, AnAnswerToTheByte) {
  const auto bytes = encode(*parse(kQuery), {Code::Ok, 0x7f4d0102, false}, 5);
  auto wanted = message({0x12, 0x34, 0x85, 0, 0, 1, 0, 1, 0, 0, 0, 0}, kQuestion);
  append(wanted, Bytes{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 127, 77, 1, 2});
  EXPECT_EQ(bytes, wanted);
}

TEST(DnsMessage, ANoNamesTheZone) {
  const auto bytes = encode(*parse(with_edns(0)), {Code::NoSuchName, {}, true}, 5);
  EXPECT_EQ(bytes[3] & 0xf, 3);
  EXPECT_EQ(bytes[9], 1);   // one SOA
  EXPECT_EQ(bytes[11], 1);  // one OPT
  const Bytes opt{0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(Bytes(bytes.end() - static_cast<std::ptrdiff_t>(opt.size()), bytes.end()), opt);
  EXPECT_LE(bytes.size(), kMaxMessage);
}

TEST(DnsMessage, AVersionOfEdnsThatWeDoNotSpeak) {
  const auto bytes = encode(*parse(with_edns(1)), {Code::BadVersion, {}, false}, 5);
  EXPECT_EQ(bytes[3] & 0xf, 0);
  EXPECT_EQ(bytes[bytes.size() - 6], 1);  // the high bits of 16
}

TEST(DnsMessage, ARefusalEchoesTheQuestionAlone) {
  const auto bytes = encode(*parse(kQuery), {Code::Refused, {}, false}, 5);
  EXPECT_EQ(bytes, message({0x12, 0x34, 0x81, 5, 0, 1, 0, 0, 0, 0, 0, 0}, kQuestion));
}

TEST(DnsMessage, CutAnywhereItIsBroken) {
  const auto whole = with_edns(0);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto query = parse(ByteView(whole).first(size));
    ASSERT_FALSE(query) << size;
    EXPECT_EQ(query.error().drop, size < 12) << size;
  }
}

TEST(DnsMessage, WhatIsBrokenIsSaidSoAndAnswersAreDropped) {
  auto answer = kQuery;
  answer[2] |= 0x80;
  EXPECT_TRUE(parse(answer).error().drop);
  auto two = kQuery;
  two[5] = 2;
  EXPECT_FALSE(parse(two).error().drop);
  auto pointer = kQuery;
  pointer[12] = 0xc0;
  EXPECT_FALSE(parse(pointer).error().drop);
  auto dotted = kQuery;
  dotted[14] = '.';
  EXPECT_FALSE(parse(dotted));
  auto none = message({0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {});
  EXPECT_FALSE(parse(none).error().drop);
  Bytes large(kMaxMessage + 1);
  std::ranges::copy(kQuery, large.begin());
  EXPECT_FALSE(parse(large));
  auto many = kQuery;
  many[10] = 0xff;  // records that are not there
  EXPECT_FALSE(parse(many));
  const auto said = encode(parse(two).error().query, {Code::FormatError, {}, false}, 5);
  EXPECT_EQ(said, Bytes({0x12, 0x34, 0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(DnsMessage, ANameIsAtMost255Bytes) {
  const auto query_of = [](std::size_t labels, std::size_t last) {
    Bytes question;
    for (std::size_t i = 0; i < labels; ++i) {
      const auto size = i + 1 == labels ? last : 63;
      question.push_back(static_cast<std::uint8_t>(size));
      question.insert(question.end(), size, 'a');
    }
    append(question, Bytes{0, 0, 1, 0, 1});
    return message({0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, question);
  };
  EXPECT_TRUE(parse(query_of(4, 61)));
  EXPECT_FALSE(parse(query_of(4, 62)));
}

TEST(DnsMessage, AnotherOpcodeHasNoQuestion) {
  auto notify = kQuery;
  notify[2] = 4 << 3;
  const auto query = parse(notify);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->opcode, 4);
  EXPECT_EQ(encode(*query, {Code::NotImplemented, {}, false}, 5)[3] & 0xf, 4);
}

}  // namespace
}  // namespace weft::service::dns
