// UTF-8, and texts from outside on one line.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/nearest_word.hpp"
#include "base/text.hpp"

namespace weft {
namespace {

TEST(Text, Utf8IsShortestFormAndNoSurrogates) {
  for (const char* good : {"", "oak", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x8c\xb3",
                           "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad :
       {"\x80", "\xc3", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xe2\x28\xa1", "\xff"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

TEST(Text, InQuotesIsOneLineThatParses) {
  EXPECT_EQ(in_quotes("plain"), "\"plain\"");
  EXPECT_EQ(in_quotes(R"(say "no" \ never)"), R"("say \"no\" \\ never")");
  EXPECT_EQ(in_quotes("a\nlevel=error\r\t"), R"("a\u000alevel=error\u000d\u0009")");
  EXPECT_EQ(in_quotes(std::string_view("\0\x7f", 2)), R"("\u0000\u007f")");
  EXPECT_EQ(in_quotes("\xc2\x9b[31m"), R"("\u009b[31m")");  // C1: an escape sequence in one byte
  EXPECT_EQ(in_quotes("\xc3\xa4\xff\x41"), "\"\xc3\xa4\xef\xbf\xbd\x41\"");
}

TEST(Text, PercentDecodedTakesBytesAsTheyAre) {
  EXPECT_EQ(percent_decoded("").value(), "");
  EXPECT_EQ(percent_decoded("a%20b%2Fc%2f%25").value(), "a b/c/%");
  EXPECT_EQ(percent_decoded("+%00%ff").value(), std::string("+\0\xff", 3));
  for (const char* bad : {"%", "%2", "a%4", "%zz", "%2g", "%%41", "%+1", "% 1"}) {
    const auto refused = percent_decoded(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, Errc::Malformed) << bad;
  }
}

TEST(NearestWord, IsASlipAwayAndNotAnotherWord) {
  const std::vector<std::string> commands{"status", "members", "services", "open", "up", "ping"};
  EXPECT_EQ(nearest_word("statsu", commands), "status");  // two letters swapped are one slip
  EXPECT_EQ(nearest_word("sevrices", commands), "services");
  EXPECT_EQ(nearest_word("member", commands), "members");
  EXPECT_EQ(nearest_word("opne", commands), "open");
  EXPECT_EQ(nearest_word("upp", commands), "up");
  EXPECT_EQ(nearest_word("fly", commands), "");
  EXPECT_EQ(nearest_word("", commands), "");
  EXPECT_EQ(nearest_word(std::string(10'000, 's'), commands), "");
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("ab", "ba"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
}

}  // namespace
}  // namespace weft
