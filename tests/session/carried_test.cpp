// What the carrier of a path asks of a session: headroom, a largest size, silence while it is
// blocked, no trains where they are mangled.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "tests/session/bulk.hpp"

namespace weft::session {
namespace {

constexpr std::uint8_t kFree = 0xa5;

const path::Path kCircuit{.kind = path::PathKind::Circuit, .headroom = 8};

TEST(Carried, EightBytesAreLeftBeforeEachDatagramWhereThePathAsks) {
  Bulk bulk(0, {.delay = 10ms, .bits_per_second = kHundredMegabit}, 5, kCircuit);
  std::size_t trains = 0;
  std::size_t bytes = 0;
  bulk.pair.batch_tap = [&](int from, const Transmit& batch) {
    EXPECT_EQ(batch.headroom, from == 0 ? 8u : 0u);
    if (from == 1) return true;
    EXPECT_EQ(batch.path, bulk.carrier);
    trains += batch.segment_size > 0 ? 1 : 0;
    bytes += batch.size;
    return true;
  };
  const auto before = bulk.pair.a.layer.info(bulk.at_a)->tx_bytes;
  bulk.send(4 << 20);  // what arrives is cut from behind the headroom
  EXPECT_TRUE(bulk.finish(30s));
  EXPECT_GT(trains, 50u);
  // Headroom is not counted as sent.
  EXPECT_LT(bulk.pair.a.layer.info(bulk.at_a)->tx_bytes - before, bytes - trains * 16);
}

TEST(Carried, HeadroomIsNotWrittenTo) {
  Pair pair;
  auto target = pair.target();
  target.path = *pair.a.paths.add(kCircuit);
  ASSERT_TRUE(pair.a.layer.dial(pair.now, target));
  Bytes out(kTransmitBufferSize, kFree);
  std::size_t datagrams = 0;
  while (const auto batch = pair.a.layer.poll_transmit(pair.now, out)) {
    const std::size_t segment = batch->segment_size ? batch->segment_size : batch->size;
    for (std::size_t at = 0; at < batch->size; at += segment, ++datagrams) {
      EXPECT_TRUE(std::ranges::all_of(ByteView(out).subspan(at, 8),
                                      [](std::uint8_t byte) { return byte == kFree; }));
      EXPECT_EQ(out[at + 8] & 0xc0, 0xc0);  // a long header
    }
    std::ranges::fill(out, kFree);
  }
  EXPECT_GE(datagrams, 1u);
}

TEST(Carried, NoDatagramIsLargerThanThePathTakes) {
  for (const std::size_t mtu : {std::size_t{1200}, std::size_t{1300}, path::kUdpMtu}) {
    Bulk bulk(0, {.delay = 10ms, .mtu = 20000, .bits_per_second = kHundredMegabit}, 5,
              path::Path{.mtu = mtu});
    std::size_t largest = 0;
    bulk.pair.tap = [&](int from, Bytes& bytes) {
      if (from == 0) largest = std::max(largest, bytes.size());
      return true;
    };
    bulk.send(4 << 20);
    EXPECT_TRUE(bulk.finish(30s)) << mtu;
    EXPECT_LE(largest, mtu);
    EXPECT_GT(largest, mtu == path::kUdpMtu ? 8000u : 1190u);
  }
}

TEST(Carried, ABlockedPathIsNotWrittenForAndGoesOnWhenItIsFree) {
  Bulk bulk(4 << 20, {.delay = 10ms, .bits_per_second = kHundredMegabit}, 5, path::Path{});
  bulk.pair.run(50ms);
  ASSERT_FALSE(bulk.whole());
  bulk.pair.a.paths.set_blocked(bulk.carrier, true);
  std::size_t sent = 0;
  bulk.pair.batch_tap = [&](int from, const Transmit&) {
    sent += from == 0 ? 1 : 0;
    return true;
  };
  bulk.pair.run(500ms);
  EXPECT_EQ(sent, 0u);
  bulk.pair.a.paths.set_blocked(bulk.carrier, false);
  bulk.pair.a.layer.paths_changed();
  EXPECT_TRUE(bulk.finish(30s));
  EXPECT_GT(sent, 0u);
}

TEST(Carried, ASessionBehindAPathThatStaysBlockedEndsByTheIdleLimit) {
  Bulk bulk(4 << 20, {.delay = 10ms, .bits_per_second = kHundredMegabit}, 5, path::Path{});
  bulk.pair.run(50ms);
  bulk.pair.a.paths.set_blocked(bulk.carrier, true);
  EXPECT_TRUE(
      bulk.pair.run_until([&] { return !Pair::of<SessionDown>(bulk.pair.a).empty(); }, 60s));
}

TEST(Carried, ARunIsTakenAsIfEachDatagramHadComeAlone) {
  Bulk bulk(0, {.delay = 10ms});
  bulk.pair.joins_runs = true;
  bulk.send(2 << 20);
  EXPECT_TRUE(bulk.finish(30s));
  EXPECT_GT(bulk.pair.runs, 20u);
}

// Whole trains vanish, as where a driver mangles them; what was not left to the kernel passes.
void mangle_trains(Bulk& bulk) {
  bulk.pair.batch_tap = [](int, const Transmit& batch) {
    return batch.segment_size == 0 || !batch.gso;
  };
}

TEST(Carried, WhereTrainsAreMangledTheKernelIsNotAskedToCut) {
  Bulk bulk(0);
  mangle_trains(bulk);
  const Instant begin = bulk.pair.now;
  bulk.send(20 << 20);
  EXPECT_TRUE(bulk.finish(60s));
  EXPECT_LT(bulk.pair.now - begin, 15s);  // 1.7 s without any trouble
  const auto off = bulk.pair.a.paths.gso().off();
  ASSERT_EQ(off.size(), 1u);
  EXPECT_EQ(off[0].local.address, bulk.pair.a.endpoint.address);
  const auto told = bulk.pair.a.paths.gso().poll_change();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->state, path::GsoGuard::State::Off);
}

TEST(Carried, WithTheGuardForcedOnTheSameIsMuchSlower) {
  Bulk bulk(0);
  bulk.pair.a.paths.gso().set(path::GsoSetting::On);
  mangle_trains(bulk);
  bulk.send(20 << 20);
  EXPECT_FALSE(bulk.pair.run_until([&] { return bulk.whole(); }, 15s));
  EXPECT_TRUE(bulk.pair.a.paths.gso().off().empty());
}

TEST(Carried, LossAndShortQueuesDoNotTurnTheKernelsHelpOff) {
  for (const std::uint32_t permille : {10u, 100u, 300u}) {
    Bulk bulk(4 << 20, {.delay = 5ms, .loss_permille = permille}, permille);
    EXPECT_TRUE(bulk.finish(120s)) << permille;
    EXPECT_FALSE(bulk.pair.a.paths.gso().poll_change()) << permille;
    EXPECT_FALSE(bulk.pair.b.paths.gso().poll_change()) << permille;
  }
  Bulk bulk(4 << 20);
  std::size_t room = 0;
  bulk.pair.batch_tap = [&](int, const Transmit&) {
    room = 4;
    return true;
  };
  bulk.pair.tap = [&](int from, Bytes&) {
    return from == 1 || std::exchange(room, room > 0 ? room - 1 : 0) > 0;
  };
  EXPECT_TRUE(bulk.finish(120s));
  EXPECT_FALSE(bulk.pair.a.paths.gso().poll_change());
}

}  // namespace
}  // namespace weft::session
