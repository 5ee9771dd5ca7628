#include "overlay/service/stream_open.hpp"

#include <gtest/gtest.h>

#include "base/wire.hpp"
#include "tests/service/kit.hpp"

namespace weft::service {
namespace {

Bytes framed(const wire::Writer& body) {
  Bytes out;
  append_be(out, static_cast<std::uint16_t>(body.bytes().size()));
  append(out, body.bytes());
  return out;
}

TEST(StreamOpen, RequestReadsBackFromEveryPrefix) {
  const StreamRequest request{StreamKind::Service, "blog"};
  auto bytes = request.encode();
  const auto size = bytes.size();
  append(bytes, bytes_of("GET /"));  // the application speaks at once
  for (std::size_t i = 0; i <= bytes.size(); ++i) {
    const auto parsed = parse_request(ByteView(bytes).first(i));
    ASSERT_TRUE(parsed.has_value());
    ASSERT_EQ(parsed->has_value(), i >= size);
    if (!*parsed) continue;
    EXPECT_EQ((*parsed)->message, request);
    EXPECT_EQ((*parsed)->consumed, size);
  }
}

TEST(StreamOpen, EveryKindAndStatusReadsBack) {
  for (std::uint64_t kind : {0u, 1u, 5u, 6u, 99u}) {
    const StreamRequest request{static_cast<StreamKind>(kind), kind == 1 ? "blog" : ""};
    EXPECT_EQ((*parse_request(request.encode()))->message, request);
  }
  for (std::uint64_t status = 0; status <= 5; ++status) {
    const StreamResponse response{static_cast<OpenStatus>(status), "why"};
    EXPECT_EQ((*parse_response(response.encode()))->message, response);
    EXPECT_FALSE(name_of(response.status).empty());
  }
}

TEST(StreamOpen, LaterVersionsMayAddElements) {
  wire::Writer body;
  body.array(5).uint(1).uint(1).str("blog").map(1).str("x").uint(3).nil();
  EXPECT_EQ((*parse_request(framed(body)))->message.service, "blog");
  wire::Writer answer;
  answer.array(4).uint(1).uint(0).str("").array(2).nil().nil();
  EXPECT_EQ((*parse_response(framed(answer)))->message.status, OpenStatus::Ok);
}

// It becomes part of a command that people paste.
TEST(StreamOpen, ADenialNamesWhomItsRuleNamesAndNothingElse) {
  for (const auto* who : {"*", "laptop", "group:staff"}) {
    const StreamResponse response{OpenStatus::Denied, "no rule", who};
    EXPECT_EQ((*parse_response(response.encode()))->message, response);
  }
  const StreamResponse everybody{OpenStatus::Denied, "no rule", "*"};
  EXPECT_EQ(to_hex(everybody.encode()), "000d940101a76e6f2072756c65a12a");
  for (const auto* who : {"; rm -rf ~", "group:", "Group:x", "a b", "", "\x1b[2J"}) {
    wire::Writer body;
    body.array(4).uint(1).uint(1).str("no rule").str(who);
    EXPECT_EQ((*parse_response(framed(body)))->message.who, "") << who;
  }
}

TEST(StreamOpen, AnUnknownStatusReadsAsDenied) {
  wire::Writer body;
  body.array(3).uint(1).uint(600).str("");
  EXPECT_EQ((*parse_response(framed(body)))->message.status, OpenStatus::Denied);
}

TEST(StreamOpen, RefusesWhatItDoesNotSpeak) {
  wire::Writer version;
  version.array(3).uint(2).uint(1).str("blog");
  EXPECT_EQ(code_of(parse_request(framed(version))), Errc::Unsupported);
  wire::Writer control;
  control.array(3).uint(1).uint(0).str("Not A Label");
  EXPECT_EQ(code_of(parse_request(framed(control))), Errc::Malformed);
  wire::Writer name;
  name.array(3).uint(1).uint(1).str("Not A Label");
  EXPECT_EQ(code_of(parse_request(framed(name))), Errc::Malformed);
  wire::Writer few;
  few.array(2).uint(1).uint(1);
  EXPECT_EQ(code_of(parse_request(framed(few))), Errc::Malformed);
  EXPECT_EQ(code_of(parse_request(Bytes{0, 0})), Errc::Malformed);
  EXPECT_EQ(code_of(parse_request(Bytes{2, 1})), Errc::TooLarge);  // 513: said before it arrives
  auto trailing = StreamRequest{StreamKind::Service, "blog"}.encode();
  trailing.push_back(0xc0);
  ++trailing[1];
  EXPECT_FALSE(parse_request(trailing).has_value());
}

TEST(StreamOpen, ALongDetailIsCutBetweenCharacters) {
  StreamResponse response{OpenStatus::TargetRefused, std::string(255, 'a') + "\xc3\xa9tail"};
  const auto back = parse_response(response.encode());
  ASSERT_TRUE(back.has_value() && back->has_value());
  EXPECT_EQ((*back)->message.detail, std::string(255, 'a'));
}

}  // namespace
}  // namespace weft::service
