#include "overlay/punch/nat_watch.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"

namespace weft::punch {
namespace {

Endpoint at(const char* text) { return *endpoint_from_text(text); }
constexpr Instant kStart{1h};

struct Kit {
  SeededRng rng{3};
  NatWatch watch{rng};
  NodeId member;
  Endpoint place = at("203.0.113.10:7000");
  Endpoint seen = at("198.51.100.1:7000");

  Kit() { watch.set_own({at("192.168.1.5:7000")}); }
  // What a member at `from` answers to this request.
  bool answer(Instant now, const NatWatch::Out& out, const Endpoint& from, const Endpoint& mapped) {
    nat::StunMessage reply;
    reply.kind = nat::StunClass::Success;
    reply.id = nat::decode_stun(out.bytes)->id;
    reply.mapped = mapped;
    return give(now, from, nat::encode_stun(reply));
  }
  bool give(Instant now, const Endpoint& from, const Bytes& bytes) {
    Datagram in;
    in.from = from;
    in.payload = bytes;
    return watch.handle(now, in, *nat::decode_stun(bytes));
  }
};

TEST(NatWatch, AsksWhereItIsSeenThenFromAnotherPortThenItself) {
  Kit kit;
  kit.watch.ask(kStart, kit.member, kit.place);
  const auto plain = kit.watch.poll(kStart);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->to, kit.place);
  EXPECT_FALSE(nat::decode_stun(plain->bytes)->change_port);
  EXPECT_TRUE(kit.answer(kStart, *plain, kit.place, kit.seen));
  EXPECT_EQ(kit.watch.outside(kStart), std::vector{kit.seen});

  const auto other = kit.watch.poll(kStart);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->to, kit.place);
  EXPECT_TRUE(nat::decode_stun(other->bytes)->change_port);
  EXPECT_TRUE(kit.answer(kStart, *other, at("203.0.113.10:9999"), kit.seen));
  EXPECT_EQ(kit.watch.verdict(kStart, nat::Family::V4).filtering, nat::Filtering::ByAddressAtMost);

  const auto itself = kit.watch.poll(kStart);
  ASSERT_TRUE(itself);
  EXPECT_EQ(itself->to, kit.seen);
  EXPECT_TRUE(kit.give(kStart, kit.seen, itself->bytes));
  EXPECT_EQ(kit.watch.verdict(kStart, nat::Family::V4).hairpin, true);
  EXPECT_FALSE(kit.watch.poll_timeout());
}

TEST(NatWatch, WhatStaysAwaySaysSo) {
  Kit kit;
  kit.watch.ask(kStart, kit.member, kit.place);
  kit.answer(kStart, *kit.watch.poll(kStart), kit.place, kit.seen);
  int sent = 0;
  for (Instant now = kStart; now < kStart + 5s; now += 10ms)
    while (kit.watch.poll(now)) ++sent;
  EXPECT_EQ(sent, 2 * NatWatch::kTries);
  const auto verdict = kit.watch.verdict(kStart, nat::Family::V4);
  EXPECT_EQ(verdict.filtering, nat::Filtering::ByAddressAndPort);
  EXPECT_EQ(verdict.hairpin, false);
}

TEST(NatWatch, AnAnswerFromElsewhereIsNone) {
  Kit kit;
  kit.watch.ask(kStart, kit.member, kit.place);
  const auto out = kit.watch.poll(kStart);
  EXPECT_TRUE(kit.answer(kStart, *out, at("192.0.2.66:7000"), at("192.0.2.66:1")));
  EXPECT_EQ(kit.watch.counters().misfits, 1u);
  EXPECT_TRUE(kit.watch.outside(kStart).empty());
  NatWatch::Out forged = *out;  // another transaction
  forged.bytes[10] ^= 1;
  EXPECT_FALSE(kit.answer(kStart, forged, kit.place, at("192.0.2.66:1")));
  EXPECT_TRUE(kit.answer(kStart, *out, kit.place, kit.seen));
  EXPECT_EQ(kit.watch.outside(kStart), std::vector{kit.seen});
  EXPECT_FALSE(kit.answer(kStart, *out, kit.place, at("192.0.2.66:1")));  // once is enough
}

TEST(NatWatch, APlaceIsAskedOnceInAWhile) {
  Kit kit;
  for (int i = 0; i < 10; ++i) kit.watch.ask(kStart, kit.member, kit.place);
  ASSERT_TRUE(kit.watch.poll(kStart));
  EXPECT_FALSE(kit.watch.poll(kStart));
  for (Instant now = kStart; now < kStart + 5s; now += 100ms) std::ignore = kit.watch.poll(now);
  EXPECT_EQ(kit.watch.counters().unanswered, 1u);
  kit.watch.ask(kStart + NatWatch::kAgain, kit.member, kit.place);
  EXPECT_TRUE(kit.watch.poll(kStart + NatWatch::kAgain));
}

TEST(NatWatch, WhoIsBesideUsIsNotAsked) {
  Kit kit;
  kit.watch.ask(kStart, kit.member, at("192.168.1.9:7000"));
  kit.watch.ask(kStart, kit.member, at("127.0.0.1:7000"));
  EXPECT_FALSE(kit.watch.poll(kStart));
}

TEST(NatWatch, QuestionsAreBounded) {
  Kit kit;
  for (std::uint32_t i = 0; i < 500; ++i)
    kit.watch.ask(kStart, kit.member, Endpoint::v4(0xcb007100 + i, 7));
  std::size_t sent = 0;
  while (kit.watch.poll(kStart)) ++sent;
  EXPECT_EQ(sent, NatWatch::kMostAsked);
}

}  // namespace
}  // namespace weft::punch
