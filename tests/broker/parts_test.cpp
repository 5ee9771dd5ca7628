// The rooms of the broker, each alone: topics, bytes, the cache, one publisher's order.
#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"
#include "overlay/broker/core.hpp"
#include "overlay/broker/topic.hpp"

namespace weft::broker {
namespace {

TEST(Topic, TokensArePartedByDots) {
  for (const auto* good : {"a", "app.door", "app.door.1", "app.tür", "a*b.c>d"})
    EXPECT_TRUE(is_topic(good)) << good;
  for (const auto* bad : {"", ".", "a.", ".a", "a..b", "a b", "a\tb", "app.*", "app.>", "\xff"})
    EXPECT_FALSE(is_topic(bad)) << bad;
  EXPECT_TRUE(is_topic(std::string(kMaxTopic, 'a')));
  EXPECT_FALSE(is_topic(std::string(kMaxTopic + 1, 'a')));
  for (const auto* good : {"*", ">", "a.*", "a.>", "*.a.*", "a"})
    EXPECT_TRUE(is_pattern(good)) << good;
  for (const auto* bad : {">.a", "a.>.b", "a..*", ""}) EXPECT_FALSE(is_pattern(bad)) << bad;
}

TEST(Topic, PatternsMatchAsNatsSubjectsDo) {
  const struct {
    const char* pattern;
    const char* topic;
    bool match;
  } cases[] = {{"a.b", "a.b", true},    {"a.b", "a.c", false},  {"a.b", "a", false},
               {"a", "a.b", false},     {"a.*", "a.b", true},   {"a.*", "a", false},
               {"a.*", "a.b.c", false}, {"*.b", "a.b", true},   {"*.b", "a.c", false},
               {"a.>", "a.b", true},    {"a.>", "a.b.c", true}, {"a.>", "a", false},
               {">", "a.b", true},      {"*", "a", true},       {"*", "a.b", false},
               {"a.*.c", "a.b.c", true}};
  for (const auto& one : cases)
    EXPECT_EQ(matches(one.pattern, one.topic), one.match) << one.pattern << " " << one.topic;
}

struct Maker {
  SeededRng rng{3};
  Identity identity = Identity::from_seed(rng.bytes<32>());
  NetworkId network{{7}};

  BatchPtr make(std::uint64_t epoch, std::uint64_t first, std::size_t count = 1,
                std::size_t size = 1) {
    auto batch = std::make_shared<Batch>();
    batch->epoch = epoch;
    batch->first = first;
    batch->stamp = first;
    for (std::size_t i = 0; i < count; ++i) batch->messages.push_back({"app.n", Bytes(size, 'x')});
    batch->sign(identity, network);
    return batch;
  }
};

TEST(BatchOf, ReadsBackAsItself) {
  Maker make;
  Batch batch;
  batch.epoch = 5;
  batch.first = 9;
  batch.stamp = 1ULL << 60;
  batch.messages = {{"a", {}}, {"b.c", {1, 2}, "in.box"}, {"d", {}, "", {3}}};
  batch.sign(make.identity, make.network);
  const auto read = Batch::decode(batch.raw);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->messages, batch.messages);
  EXPECT_EQ(read->last(), 11u);
  EXPECT_EQ(read->publisher, make.identity.id);
  EXPECT_EQ(read->encode(), batch.raw);
  EXPECT_TRUE(read->verify(make.network));
  EXPECT_FALSE(read->verify(NetworkId{{8}}));
  for (std::size_t i = 0; i < batch.raw.size(); ++i) {
    auto changed = batch.raw;
    changed[i] ^= 1;
    const auto other = Batch::decode(changed);
    EXPECT_FALSE(other && other->verify(make.network)) << i;
  }
  EXPECT_FALSE(Batch::decode(ByteView(batch.raw).first(batch.raw.size() - 1)));
}

TEST(BatchOf, WhatBreaksAnInvariantIsRefused) {
  Maker make;
  const auto refused = [&](auto change) {
    Batch batch;
    batch.epoch = 1;
    batch.first = 1;
    batch.messages = {{"a", {}}};
    change(batch);
    batch.sign(make.identity, make.network);
    return !Batch::decode(batch.raw);
  };
  EXPECT_FALSE(refused([](Batch&) {}));
  EXPECT_TRUE(refused([](Batch& b) { b.first = 0; }));
  EXPECT_TRUE(refused([](Batch& b) { b.first = kMaxNumber + 1; }));
  EXPECT_TRUE(refused([](Batch& b) { b.epoch = kMaxNumber + 1; }));
  EXPECT_TRUE(refused([](Batch& b) { b.messages.clear(); }));
  EXPECT_TRUE(refused([](Batch& b) { b.messages.assign(257, {"a", {}}); }));
  EXPECT_TRUE(refused([](Batch& b) { b.messages[0].topic = "a.*"; }));
  EXPECT_TRUE(refused([](Batch& b) { b.messages[0].reply = "a b"; }));
  EXPECT_TRUE(refused([](Batch& b) {
    b.retain = true;
    b.messages.assign(2, {"a", {}});
  }));
}

TEST(FrameOf, EveryKindReadsBackAsItself) {
  const NodeId node{{4}};
  const Frame frames[] = {Push{{1, 2}, Level::Durable, 3},
                          Have{{{node, 1, 2}, {node, 3, 4}}, 77},
                          Pull{node, 1, 2, 3, true},
                          Gone{node, 1, 2},
                          Prune{node},
                          Confirm{node, 1, 2, Level::Held, NodeId{{5}}, 8},
                          Kept{1, 9, {{2, 3}, {4, 5}}},
                          Value{{6}},
                          Given{{7}, true},
                          Withheld{node, 1, 2, 256}};
  for (const auto& frame : frames) {
    const Bytes bytes = encode(frame);
    EXPECT_EQ(read_be<std::uint16_t>(bytes), bytes.size() - 2);
    const auto read = decode_frame(ByteView(bytes).subspan(2));
    ASSERT_TRUE(read) << frame.index();
    EXPECT_EQ(*read, frame) << frame.index();
    EXPECT_FALSE(decode_frame(ByteView(bytes).subspan(2, bytes.size() - 3))) << frame.index();
  }
  EXPECT_FALSE(decode_frame({}));
}

// As docs/wire/broker.md shows them.
TEST(FrameOf, BytesAreThese) {
  NodeId sevens;
  sevens.bytes.fill(7);
  EXPECT_EQ(to_hex(encode(Prune{sevens})), "00249205c420" + std::string(to_hex(sevens.view())));
  EXPECT_EQ(to_hex(encode(Have{})), "000493029000");
  EXPECT_EQ(to_hex(encode(Withheld{sevens, 1, 2, 2})),
            "0027950ac420" + std::string(to_hex(sevens.view())) + "010202");
  Batch batch;
  for (std::size_t i = 0; i < batch.key.size(); ++i) batch.key[i] = static_cast<std::uint8_t>(i);
  batch.epoch = 1'800'000'000;
  batch.first = 1;
  batch.stamp = 1'800'000'000'000ULL << 16;
  batch.messages = {{"app.n", {'h', 'i'}}};
  EXPECT_EQ(to_hex(batch.encode()),
            "9801c420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
            "ce6b49d20001cf01a3185c50000000009192a56170702e6ec4026869c440" +
                std::string(128, '0'));
}

TEST(CacheOf, GivesWhatWasAskedAndForgetsTheOldest) {
  Maker make;
  Cache cache(100'000, 1000);
  for (std::uint64_t i = 0; i < 10; ++i) cache.add(make.make(1, 1 + i * 10, 10));
  const auto& who = make.identity.id;
  EXPECT_EQ(cache.range(who, 1, 15, 34, 1 << 20).size(), 3u);
  EXPECT_EQ(cache.range(who, 1, 15, 34, 1).size(), 1u);
  EXPECT_EQ(cache.range(who, 2, 1, 100, 1 << 20).size(), 0u);
  EXPECT_EQ(cache.range(who, 1, 101, 200, 1 << 20).size(), 0u);
  for (std::uint64_t i = 0; i < 40; ++i) cache.add(make.make(1, 1000 + i, 1, 10'000));
  EXPECT_LE(cache.bytes(), 100'000u);
  EXPECT_TRUE(cache.range(who, 1, 1, 100, 1 << 20).empty());
  EXPECT_EQ(cache.range(who, 1, 1039, 1039, 1).size(), 1u);
  EXPECT_EQ(cache.last({"app.>"}, 3).size(), 3u);
  EXPECT_EQ(cache.last({"app.>"}, 3).back().sequence(), 1039u);
  EXPECT_TRUE(cache.last({"other"}, 3).empty());
}

TEST(SourceOf, GivesInOrderWhatComesInAny) {
  Maker make;
  Source source;
  const Instant now{};
  const auto take = [&](std::uint64_t first, std::size_t count) {
    return source.offer(now, make.make(1, first, count), true, 1);
  };
  EXPECT_EQ(take(4, 2), Source::Take::Fresh);
  EXPECT_FALSE(source.deliver(now));
  EXPECT_EQ(take(4, 2), Source::Take::Duplicate);
  EXPECT_EQ(take(1, 2), Source::Take::Fresh);
  EXPECT_EQ(source.deliver(now)->batch->first, 1u);
  EXPECT_FALSE(source.deliver(now));
  EXPECT_EQ(take(2, 3), Source::Take::Fresh);  // overlaps both
  const auto out = source.deliver(now);
  EXPECT_EQ(out->begin, 1u);
  EXPECT_EQ(source.deliver(now)->begin, 1u);
  EXPECT_EQ(source.highs().at(0).high, 5u);
  EXPECT_EQ(take(kMaxAhead + 10, 1), Source::Take::Full);
}

TEST(SourceOf, AGapIsAskedForAndPassedOverInTheEnd) {
  Maker make;
  Source source;
  Instant now{};
  std::ignore = source.offer(now, make.make(1, 1), true, 1);
  std::ignore = source.deliver(now);
  std::ignore = source.offer(now, make.make(1, 5), true, 1);
  EXPECT_FALSE(source.ask(now, 150ms));
  now += 150ms;
  const auto ask = source.ask(now, 150ms);
  ASSERT_TRUE(ask);
  EXPECT_EQ(ask->from, 2u);
  EXPECT_EQ(ask->to, 4u);
  EXPECT_EQ(ask->link, 1u);
  EXPECT_FALSE(source.deliver(now));
  now += kGapPatience;
  const auto out = source.deliver(now);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->missed, 3u);
  EXPECT_EQ(source.offer(now, make.make(1, 3), true, 1), Source::Take::Duplicate);
  EXPECT_FALSE(source.poll_timeout(150ms));
}

}  // namespace
}  // namespace weft::broker
