#include "nat/responder.hpp"

#include <gtest/gtest.h>

namespace weft::nat {
namespace {

Endpoint at(const char* text) { return *endpoint_from_text(text); }
constexpr Instant kStart{1h};

TEST(Responder, SaysWhereItSeesWhoAsks) {
  Responder responder;
  StunMessage request;
  request.id = {9, 8, 7};
  request.fingerprint = true;
  const auto answer = responder.answer(kStart, at("192.0.2.7:4711"), request, true);
  ASSERT_TRUE(answer);
  const auto read = decode_stun(answer->bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->kind, StunClass::Success);
  EXPECT_EQ(read->id, request.id);
  EXPECT_EQ(read->mapped, at("192.0.2.7:4711"));
  EXPECT_TRUE(read->fingerprint);
  EXPECT_FALSE(answer->other_port);
  EXPECT_EQ(responder.counters().answered, 1u);
}

TEST(Responder, AStrangerHearsNothing) {
  Responder responder;
  EXPECT_FALSE(responder.answer(kStart, at("192.0.2.7:4711"), {}, false));
  EXPECT_EQ(responder.counters().not_allowed, 1u);
  EXPECT_TRUE(responder.answer(kStart, at("192.0.2.7:4711"), {}, true));  // the control
}

TEST(Responder, ResponsesAndIndicationsAreNotAnswered) {
  Responder responder;
  StunMessage message;
  for (const auto kind : {StunClass::Indication, StunClass::Success, StunClass::Error}) {
    message.kind = kind;
    EXPECT_FALSE(responder.answer(kStart, at("192.0.2.7:4711"), message, true));
  }
  EXPECT_EQ(responder.counters().stray, 3u);
}

TEST(Responder, WhatMustBeUnderstoodAndIsNotIsNamed) {
  Responder responder;
  StunMessage request;
  request.unknown = {0x55, 0x56, 0x57, 0x58};
  const auto answer = responder.answer(kStart, at("192.0.2.7:4711"), request, true);
  ASSERT_TRUE(answer);
  const auto read = decode_stun(answer->bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->error, 420);
  EXPECT_EQ(read->unknown, (std::vector<std::uint16_t>{0x55, 0x56}));
}

TEST(Responder, AnswersAreAtMostTwiceTheRequest) {
  Responder responder;
  StunMessage request;
  for (const bool fingerprint : {false, true}) {
    request.fingerprint = fingerprint;
    for (const char* from : {"192.0.2.7:1", "[2001:db8::7]:1"}) {
      const auto answer = responder.answer(kStart, at(from), request, true);
      ASSERT_TRUE(answer);
      EXPECT_LE(answer->bytes.size(), 2 * encode_stun(request).size() + 4) << from;
    }
  }
}

TEST(Responder, OneSourceDoesNotUseUpWhatOthersHave) {
  Responder responder;
  for (int i = 0; i < 1000; ++i)
    std::ignore = responder.answer(kStart, at("192.0.2.7:1"), {}, true);
  EXPECT_EQ(responder.counters().answered, 2u * Responder::kPerSource);
  EXPECT_EQ(responder.counters().limited, 1000u - 2u * Responder::kPerSource);
  EXPECT_TRUE(responder.answer(kStart, at("192.0.2.8:1"), {}, true));
  EXPECT_TRUE(responder.answer(kStart + 1s, at("192.0.2.7:1"), {}, true));
}

TEST(Responder, ManySourcesAreBoundedTogether) {
  Responder responder;
  for (std::uint32_t i = 0; i < 5000; ++i)
    std::ignore = responder.answer(kStart, Endpoint::v4(0xc0000000 + i, 1), {}, true);
  EXPECT_EQ(responder.counters().answered, static_cast<std::uint64_t>(Responder::kPerSecond));
}

}  // namespace
}  // namespace weft::nat
