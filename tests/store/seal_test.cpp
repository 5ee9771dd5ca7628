#include "node/store/seal.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/seeded_rng.hpp"
#include "tests/store/kit.hpp"

namespace weft::store {
namespace {

TEST(Seal, EverythingAboutARowIsInItsMac) {
  const Sealer sealer({1});
  const auto mac = [&](std::string_view table, std::uint8_t network, std::string_view key,
                       std::string_view value) {
    return sealer.row(table, NetworkId{{network}}, bytes_of(key), bytes_of(value));
  };
  const std::set<Mac> all{mac("access", 1, "k", "v"),
                          mac("acces", 1, "k", "v"),
                          mac("access", 2, "k", "v"),
                          mac("access", 1, "kv", ""),
                          mac("access", 1, "", "kv"),
                          mac("access", 1, "k", "w"),
                          Sealer({2}).row("access", NetworkId{{1}}, bytes_of("k"), bytes_of("v"))};
  EXPECT_EQ(all.size(), 7U);
  EXPECT_EQ(mac("access", 1, "k", "v"), mac("access", 1, "k", "v"));
}

// A vector made by another program (docs/wire/state.md says how).
TEST(Seal, RowVector) {
  ByteArray<32> seed{};
  for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<std::uint8_t>(i);
  NetworkId network;
  const auto mac = Sealer(seed).row("access", network, bytes_of("deny"), bytes_of("value"));
  EXPECT_EQ(to_hex(mac), "912eb31972ad8a85f4ad6e075efe4f7e61592f0b5dbb1c57c2271bed09c3e612");
  Digest digest;
  digest.add(mac);
  EXPECT_EQ(to_hex(Sealer(seed).database("state.db", 3, digest)),
            "6439ef954867bc5f8b32703c6e7eb24de29ce0ef5dd46d382192eee90ed0a10d");
}

TEST(Seal, ADigestFollowsWhatComesAndGoes) {
  SeededRng rng(3);
  std::vector<Mac> macs;
  for (int i = 0; i < 50; ++i) macs.push_back(rng.bytes<32>());
  macs.push_back({});
  macs.back().fill(0xff);
  Digest forwards;
  Digest backwards;
  for (const auto& mac : macs) forwards.add(mac);
  for (auto at = macs.rbegin(); at != macs.rend(); ++at) backwards.add(*at);
  EXPECT_EQ(forwards, backwards);
  for (std::size_t i = 1; i < macs.size(); ++i) forwards.remove(macs[i]);
  EXPECT_EQ(forwards.rows(), 1U);
  EXPECT_EQ(forwards.bytes(), macs[0]);
}

TEST(Seal, ADigestReadsBack) {
  Digest digest;
  for (std::uint8_t i = 1; i < 9; ++i) {
    Mac mac{};
    mac.fill(static_cast<std::uint8_t>(i * 31));
    digest.add(mac);
    EXPECT_EQ(Digest(digest.bytes(), digest.rows()), digest);
  }
}

}  // namespace
}  // namespace weft::store
