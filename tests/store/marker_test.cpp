#include "node/store/marker.hpp"

#include <gtest/gtest.h>

#include "tests/store/kit.hpp"

namespace weft::store {
namespace {

Marker sample() {
  Marker out;
  out.phase = Marker::Phase::Whole;
  out.schema = 2;
  out.trust = 7;
  out.state = 0x0102030405060708;
  out.node = NodeId{{1, 2, 3}};
  out.person.fill(4);
  out.network = NetworkId{{5}};
  return out;
}

// The bytes are written down in docs/wire/state.md.
TEST(Marker, BytesAreAsDocumented) {
  const Sealer sealer({9});
  const auto bytes = encode(sample(), 5, sealer);
  ASSERT_EQ(bytes.size(), kMarkerSize);
  EXPECT_EQ(to_hex(ByteView(bytes).first(40)),
            "776566747365616c010002000000000000000000000000050000000000000007"
            "0102030405060708");
  EXPECT_EQ(to_hex(ByteView(bytes).subspan(40, 4)), "01020300");
  EXPECT_EQ(to_hex(ByteView(bytes).subspan(72, 2)), "0404");
  EXPECT_EQ(to_hex(ByteView(bytes).subspan(104, 2)), "0500");
  EXPECT_EQ(peek_marker(bytes), sample());
  EXPECT_FALSE(peek_marker(ByteView(bytes).first(kMarkerSize - 1)).has_value());
}

TEST(Marker, TheNewestWholeSlotCounts) {
  const TemporaryHome home;
  const Sealer sealer({9});
  bool flush_failed = false;
  auto marker = sample();
  {
    const auto file = std::move(*MarkerFile::open(home.path() / "home.seal", ""));
    EXPECT_FALSE(file->read(sealer).has_value());
    for (marker.trust = 1; marker.trust <= 5; ++marker.trust)
      ASSERT_TRUE(file->write(marker, sealer, flush_failed).has_value());
  }
  const auto file = std::move(*MarkerFile::open(home.path() / "home.seal", ""));
  marker.trust = 5;
  EXPECT_EQ(file->read(sealer), marker);
  EXPECT_FALSE(file->half());
  EXPECT_FALSE(file->read(Sealer({8})).has_value());
  EXPECT_EQ(file->peek()->node, marker.node);
}

}  // namespace
}  // namespace weft::store
