#include "overlay/relay/circuits.hpp"

#include <gtest/gtest.h>

#include "tests/relay/relayed.hpp"

namespace weft::relay {
namespace {

using testing::frame_of;
using testing::kA;
using testing::kB;
using testing::kStranger;
using testing::kT;

struct Circled {
  Circled() {
    (void)paths.add({.kind = path::PathKind::Udp});
    circuits.set_way(1, {PathId::Udp, kA});
    path = *circuits.open({.session = 1, .id = 5, .label = 0x111111111111});
  }
  std::vector<std::string> unwrapped(const Endpoint& from, ByteView bytes,
                                     std::size_t segment = 0) {
    std::vector<std::string> out;
    Datagram in;
    in.from = from;
    in.payload = bytes;
    in.segment_size = segment;
    circuits.unwrap(kT, in, [&](Instant, const Datagram& inner) {
      EXPECT_EQ(inner.from, stand_in(inner.path));
      EXPECT_EQ(inner.segment_size, 0);
      last = inner.path;
      out.emplace_back(text_of(inner.payload));
    });
    return out;
  }
  Transmit batch(std::size_t size, std::size_t segment) const {
    Transmit out{path, stand_in(path), size, segment};
    out.headroom = kHeader;
    return out;
  }

  path::PathTable paths;
  Circuits circuits{paths};
  PathId path{};
  PathId last{};
};

TEST(Circuits, ABatchIsWrappedForTheRelay) {
  Circled our;
  Bytes bytes(3 * 108 - 50);
  auto transmit = our.batch(bytes.size(), 108);
  ASSERT_TRUE(our.circuits.wrap(kT, transmit, bytes));
  EXPECT_EQ(transmit.path, PathId::Udp);
  EXPECT_EQ(transmit.to, kA);
  EXPECT_EQ(transmit.headroom, 0);
  EXPECT_EQ(transmit.segment_size, 108);
  for (std::size_t at = 0; at < bytes.size(); at += 108)
    EXPECT_EQ(read_header(ByteView(bytes).subspan(at)), 0x111111111111);
}

TEST(Circuits, WhatComesFromTheRelayIsUnwrapped) {
  Circled our;
  Bytes run = frame_of(0x111111111111, "one");
  append(run, frame_of(0x111111111111, "two"));
  EXPECT_EQ(our.unwrapped(kA, run, 11), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(our.last, our.path);
}

TEST(Circuits, TheSameLabelFromElsewhereIsNothing) {
  Circled our;
  EXPECT_TRUE(our.unwrapped(kStranger, frame_of(0x111111111111, "forged")).empty());
  EXPECT_EQ(our.circuits.counters().wrong_way, 1);
  EXPECT_TRUE(our.unwrapped(kA, frame_of(0x222222222222, "guessed")).empty());
  EXPECT_EQ(our.unwrapped(kA, frame_of(0x111111111111, "true")).size(), 1u);
}

TEST(Circuits, TwoRelaysMayGiveTheSameLabel) {
  Circled our;
  our.circuits.set_way(2, {PathId::Udp, kB});
  const auto second = our.circuits.open({.session = 2, .id = 5, .label = 0x111111111111});
  ASSERT_TRUE(second);
  EXPECT_EQ(our.unwrapped(kB, frame_of(0x111111111111, "by b")).size(), 1u);
  EXPECT_EQ(our.last, *second);
  EXPECT_EQ(our.circuits.open({.session = 2, .id = 6, .label = 0x111111111111}).error().code,
            Errc::Conflict);
  our.circuits.check_invariants();
  our.circuits.close(*second);
  EXPECT_EQ(our.unwrapped(kA, frame_of(0x111111111111, "by a")).size(), 1u);
  our.circuits.check_invariants();
}

TEST(Circuits, EndWithTheSessionToTheirRelay) {
  Circled our;
  EXPECT_EQ(our.circuits.leave(1), std::vector{our.path});
  EXPECT_TRUE(our.paths.at(our.path).closed);
  Bytes bytes(108);
  auto transmit = our.batch(108, 0);
  EXPECT_FALSE(our.circuits.wrap(kT, transmit, bytes));
  EXPECT_TRUE(our.unwrapped(kA, frame_of(0x111111111111, "late")).empty());
  EXPECT_EQ(our.circuits.open({.session = 1, .id = 6, .label = 1}).error().code, Errc::NotFound);
  our.circuits.check_invariants();
}

TEST(Circuits, FollowTheSessionToTheirRelay) {
  Circled our;
  our.circuits.set_way(1, {PathId::Udp, kB});
  Bytes bytes(108);
  auto transmit = our.batch(108, 0);
  ASSERT_TRUE(our.circuits.wrap(kT, transmit, bytes));
  EXPECT_EQ(transmit.to, kB);
  EXPECT_TRUE(our.unwrapped(kA, frame_of(0x111111111111, "from where it was")).empty());
}

TEST(Circuits, AreDoubtedWhenWhatWasSentIsAnsweredWithNothing) {
  Circled our;
  EXPECT_FALSE(our.circuits.poll_timeout());
  Bytes bytes(108);
  auto transmit = our.batch(108, 0);
  ASSERT_TRUE(our.circuits.wrap(kT, transmit, bytes));
  ASSERT_EQ(our.circuits.poll_timeout(), kT + kSuspect);
  (void)our.unwrapped(kA, frame_of(0x111111111111, "answer"));
  our.circuits.handle_timeout(kT + kSuspect);
  EXPECT_FALSE(our.circuits.poll_suspect());
  EXPECT_FALSE(our.circuits.poll_timeout());  // idle: nobody wakes

  transmit = our.batch(108, 0);
  ASSERT_TRUE(our.circuits.wrap(kT + 2s, transmit, bytes));
  our.circuits.handle_timeout(kT + 3s);
  EXPECT_EQ(our.circuits.poll_suspect(), our.path);
  EXPECT_FALSE(our.circuits.poll_suspect());
}

TEST(Circuits, AreBounded) {
  Circled our;
  std::size_t made = 1;
  for (Label label = 1; our.circuits.open({.session = 1, .id = label, .label = label}); ++label)
    ++made;
  EXPECT_EQ(made, kMaxOwnCircuits);
  our.circuits.check_invariants();
}

TEST(Circuits, AStandInIsNeverDialledAndNeverTwice) {
  EXPECT_EQ(stand_in(PathId{7}).port, 0);
  EXPECT_FALSE(stand_in(PathId{7}).is_unspecified());
  EXPECT_FALSE(stand_in(PathId{7}).is_v4());
  EXPECT_NE(stand_in(PathId{7}), stand_in(PathId{8}));
}

}  // namespace
}  // namespace weft::relay
