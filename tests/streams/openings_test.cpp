#include "overlay/streams/openings.hpp"

#include <gtest/gtest.h>

#include "overlay/streams/codes.hpp"
#include "tests/streams/kit.hpp"

namespace weft::overlay {
namespace {

const Instant kNow = Instant{} + 100s;

TEST(Openings, TheRequestSaysTheKindAndStaysUnread) {
  FakeIo io;
  Openings openings(io);
  const StreamKey key{1, 4};
  ASSERT_TRUE(openings.opened(key, false));
  EXPECT_EQ(openings.readable(kNow, key), std::nullopt);  // nothing came yet
  io.ask(key, "web");
  const auto size = io.readable(key).size();
  EXPECT_EQ(openings.readable(kNow, key), 1u);
  EXPECT_EQ(io.readable(key).size(), size);
  EXPECT_FALSE(openings.contains(key));
}

TEST(Openings, KindsOfLaterVersionsAreTold) {
  FakeIo io;
  Openings openings(io);
  for (std::uint64_t kind : {5u, 6u, 77u}) {
    const StreamKey key{1, static_cast<session::StreamId>(4 * kind)};
    ASSERT_TRUE(openings.opened(key, false));
    append(io.coming[key],
           service::StreamRequest{static_cast<service::StreamKind>(kind), {}}.encode());
    EXPECT_EQ(openings.readable(kNow, key), kind);
  }
}

TEST(Openings, WhatIsNoRequestIsReset) {
  FakeIo io;
  Openings openings(io);
  ASSERT_TRUE(openings.opened({1, 4}, false));
  io.coming[{1, 4}] = {0, 0};
  EXPECT_EQ(openings.readable(kNow, {1, 4}), std::nullopt);
  EXPECT_EQ(io.resets.at({1, 4}), kCodeProtocol);
  ASSERT_TRUE(openings.opened({1, 8}, false));
  io.ended.insert({1, 8});  // ended before it asked
  EXPECT_EQ(openings.readable(kNow, {1, 8}), std::nullopt);
  EXPECT_EQ(io.resets.at({1, 8}), kCodeProtocol);
  EXPECT_TRUE(openings.ended({1, 8}));
  EXPECT_FALSE(openings.ended({1, 8}));
}

TEST(Openings, NobodyNeedsManyThatAskForNothing) {
  FakeIo io;
  Openings openings(io);
  for (std::size_t i = 0; i < kMaxUnasked; ++i)
    ASSERT_TRUE(openings.opened({1, static_cast<session::StreamId>(4 * i)}, false));
  EXPECT_FALSE(openings.opened({1, 4096}, false));
  EXPECT_TRUE(openings.opened({2, 0}, true));
  EXPECT_FALSE(openings.opened({2, 4}, true));  // a joiner has one
  openings.session_down(1);
  EXPECT_EQ(openings.count(1), 0u);
  EXPECT_EQ(openings.count(2), 1u);
}

}  // namespace
}  // namespace weft::overlay
