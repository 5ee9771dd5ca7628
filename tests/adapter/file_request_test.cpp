#include "node/adapter/file_request.hpp"

#include <gtest/gtest.h>

namespace weft::adapter {
namespace {

TEST(FileRequest, PathsAreDecodedOnce) {
  EXPECT_EQ(file_path("/"), "");
  EXPECT_EQ(file_path("/a%20b/c.txt?x=/.."), "a b/c.txt");
  EXPECT_EQ(file_path("//a///b/"), "a/b");
  EXPECT_EQ(file_path("/%25"), "%");
  EXPECT_EQ(file_path("/%2561"), "%61");
  EXPECT_EQ(file_path("/a%2fb"), "a/b");
  EXPECT_EQ(file_path("/%c3%a4"), "\xc3\xa4");
}

TEST(FileRequest, NothingLeadsUpAndNothingHiddenIsFound) {
  for (const auto* target :
       {"", "a", "http://h/a", "*", "/..", "/../etc/passwd", "/a/../b", "/./a", "/%2e%2e/a",
        "/a/%2E./b", "/a%2f..%2fb", "/.git/config", "/a/.ssh", "/a%00b", "/%", "/%4", "/%zz"})
    EXPECT_FALSE(file_path(target)) << target;
  EXPECT_TRUE(file_path("/a..b"));
  EXPECT_TRUE(file_path("/a."));
}

TEST(FileRequest, OneRangeIsServed) {
  const auto piece = [](std::uint64_t first, std::uint64_t size) {
    return Asked(Piece{first, size});
  };
  EXPECT_EQ(asked_range("bytes=0-0", 100), piece(0, 1));
  EXPECT_EQ(asked_range("bytes=10-19", 100), piece(10, 10));
  EXPECT_EQ(asked_range("bytes=10-", 100), piece(10, 90));
  EXPECT_EQ(asked_range("bytes=10-1000", 100), piece(10, 90));
  EXPECT_EQ(asked_range("bytes=-30", 100), piece(70, 30));
  EXPECT_EQ(asked_range("bytes=-1000", 100), piece(0, 100));
  EXPECT_EQ(asked_range("bytes=99-99999999999999999999", 100), piece(99, 1));
}

TEST(FileRequest, WhatIsNoRangeIsTheWholeFile) {
  for (const auto* header :
       {"", "bytes", "bytes=", "bytes=-", "bytes=5", "bytes=9-3", "bytes=a-b", "bytes=1-2,4-5",
        "lines=1-2", "bytes=+1-2", "bytes= 1-2", "bytes=1-2 "})
    EXPECT_EQ(asked_range(header, 100), Asked(Whole{})) << header;
}

TEST(FileRequest, BeyondTheEndThereIsNone) {
  EXPECT_EQ(asked_range("bytes=100-", 100), Asked(Beyond{}));
  EXPECT_EQ(asked_range("bytes=-0", 100), Asked(Beyond{}));
  EXPECT_EQ(asked_range("bytes=0-", 0), Asked(Beyond{}));
  EXPECT_EQ(asked_range("bytes=-5", 0), Asked(Beyond{}));
}

TEST(FileRequest, NamesInPages) {
  EXPECT_EQ(html_text("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
  EXPECT_EQ(url_text("a b?#%\"'\n.txt"), "a%20b%3F%23%25%22%27%0A.txt");
  EXPECT_EQ(file_path("/" + url_text("\xff\x01 odd?")), "\xff\x01 odd?");
  EXPECT_EQ(content_type("a.HTML"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type("a.tar.gz"), "application/gzip");
  EXPECT_EQ(content_type("Makefile"), "application/octet-stream");
}

}  // namespace
}  // namespace weft::adapter
