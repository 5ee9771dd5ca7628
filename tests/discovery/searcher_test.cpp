#include "overlay/discovery/searcher.hpp"

#include <gtest/gtest.h>

namespace weft::discovery {
namespace {

NodeId node(std::uint8_t n) {
  NodeId id;
  id.bytes.fill(n);
  return id;
}
constexpr dht::LookupId lookup(std::uint32_t n) { return static_cast<dht::LookupId>(n); }

TEST(Searcher, WaitsForTheAddressesThatAreKnownFirst) {
  Searcher searcher;
  searcher.set_sought(Instant{10s}, {node(1)});
  EXPECT_FALSE(searcher.due(Instant{10s}));
  EXPECT_EQ(searcher.poll_timeout(), Instant{11s});
  EXPECT_EQ(searcher.due(Instant{11s}), node(1));
}

TEST(Searcher, PausesDoubleUpToTheirLimit) {
  Searcher searcher;
  searcher.set_sought(Instant{0s}, {node(1)});
  Instant now{1s};
  Duration last{};
  for (std::uint32_t i = 1; i < 20; ++i) {
    ASSERT_EQ(searcher.due(now), node(1)) << i;
    searcher.started(now, node(1), lookup(i));
    EXPECT_FALSE(searcher.due(now + 1h));  // one lookup at a time
    EXPECT_TRUE(searcher.runs(lookup(i)));
    searcher.ended(lookup(i));
    EXPECT_FALSE(searcher.runs(lookup(i)));
    const Instant next = *searcher.poll_timeout();
    EXPECT_GE(next - now, last);
    EXPECT_LE(next - now, Searcher::kMaxPause);
    last = next - now;
    now = next;
  }
  EXPECT_EQ(last, Searcher::kMaxPause);
}

TEST(Searcher, FewRunAtOnce) {
  Searcher searcher;
  std::vector<NodeId> many;
  for (std::uint8_t i = 0; i < 50; ++i) many.push_back(node(i));
  searcher.set_sought(Instant{0s}, many);
  std::uint32_t started = 0;
  while (const auto next = searcher.due(Instant{1s}))
    searcher.started(Instant{1s}, *next, lookup(++started));
  EXPECT_EQ(started, Searcher::kAtOnce);
  searcher.ended(lookup(3));
  EXPECT_TRUE(searcher.due(Instant{1s}));
}

TEST(Searcher, WhoIsThereIsSoughtNoMoreAndBeginsAnewWhenItGoes) {
  Searcher searcher;
  searcher.set_sought(Instant{0s}, {node(1), node(2)});
  searcher.started(Instant{1s}, node(1), lookup(1));
  searcher.set_sought(Instant{1s}, {node(2)});
  EXPECT_EQ(searcher.size(), 1U);
  EXPECT_FALSE(searcher.runs(lookup(1)));
  searcher.started(Instant{1s}, node(1), lookup(2));  // nobody asked for that
  EXPECT_FALSE(searcher.runs(lookup(2)));
  searcher.set_sought(Instant{5s}, {node(1), node(2)});
  EXPECT_EQ(searcher.due(Instant{5s}), node(2));
  searcher.begin_anew();
  EXPECT_FALSE(searcher.due(Instant{1h}));
}

}  // namespace
}  // namespace weft::discovery
