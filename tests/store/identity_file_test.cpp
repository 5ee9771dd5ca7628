#include "node/store/identity_file.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"
#include "tests/store/kit.hpp"

namespace weft::store {
namespace {

constexpr PassphraseCost kCheap{1, 1};  // a test must not wait for what makes guessing dear

struct IdentityFile : testing::Test {
  SeededRng rng{4};
  ExportedIdentity keys{rng.bytes<32>(), rng.bytes<32>()};
  std::string text = *close_identity(keys, "correct horse", rng, kCheap);
};

TEST_F(IdentityFile, OpensWithItsPassphraseAlone) {
  EXPECT_EQ(*open_identity(text, "correct horse"), keys);
  EXPECT_EQ(*open_identity(text.substr(0, text.size() - 1) + "\r\n", "correct horse"), keys);
  EXPECT_EQ(code_of(open_identity(text, "correct horsf")), Errc::AuthFailed);
  EXPECT_EQ(code_of(close_identity(keys, "short", rng, kCheap)), Errc::Usage);
  EXPECT_NE(*close_identity(keys, "correct horse", rng, kCheap), text);  // salted
}

TEST_F(IdentityFile, AnyOtherTextIsRefused) {
  for (std::size_t size = 0; size + 1 < text.size(); size += 7)
    EXPECT_EQ(code_of(open_identity(text.substr(0, size), "correct horse")), Errc::Malformed);
  EXPECT_EQ(code_of(open_identity("x" + text, "correct horse")), Errc::Malformed);
  for (std::size_t at = 32; at + 1 < text.size(); at += 11) {  // behind the costs
    auto bad = text;
    bad[at] = bad[at] == '0' ? '1' : '0';
    EXPECT_EQ(code_of(open_identity(bad, "correct horse")), Errc::AuthFailed) << at;
  }
}

TEST_F(IdentityFile, AFileDoesNotChooseHowMuchMemoryItTakes) {
  auto greedy = text;
  greedy.replace(16 + 8, 8, "00100000");  // a terabyte
  EXPECT_EQ(code_of(open_identity(greedy, "correct horse")), Errc::Malformed);
  greedy = text;
  greedy.replace(16, 8, "7fffffff");
  EXPECT_EQ(code_of(open_identity(greedy, "correct horse")), Errc::Malformed);
}

}  // namespace
}  // namespace weft::store
