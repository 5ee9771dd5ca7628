#include "node/io/secure_rng.hpp"

#include <gtest/gtest.h>

#include <set>

namespace weft::io {
namespace {

TEST(SecureRng, NeverRepeatsItselfNorItsChildren) {
  SecureRng rng;
  const auto child = rng.fork("same");
  const auto twin = rng.fork("same");
  std::set<ByteArray<32>> seen;
  for (int i = 0; i < 50; ++i) {
    seen.insert(rng.bytes<32>());
    seen.insert(child->bytes<32>());
    seen.insert(twin->bytes<32>());
  }
  EXPECT_EQ(seen.size(), 150u);
}

TEST(SecureRng, FillsEveryByteOfAnySize) {
  SecureRng rng;
  rng.fill({});
  for (const std::size_t size : {1u, 7u, 64u, 5000u}) {
    Bytes touched(size, 0);
    // A byte that stays 0 in 20 fills is one that is never written (odds 2^-160).
    for (int i = 0; i < 20; ++i) {
      Bytes once(size, 0);
      rng.fill(once);
      for (std::size_t j = 0; j < size; ++j)
        touched[j] = static_cast<std::uint8_t>(touched[j] | once[j]);
    }
    for (const auto byte : touched) EXPECT_NE(byte, 0);
  }
}

}  // namespace
}  // namespace weft::io
