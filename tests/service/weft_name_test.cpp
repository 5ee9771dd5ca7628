#include "overlay/service/weft_name.hpp"

#include <gtest/gtest.h>

namespace weft::service {
namespace {

TEST(WeftName, OneTwoOrThreeLabels) {
  EXPECT_EQ(weft_name("blog.weft"), (WeftName{"blog", "", ""}));
  EXPECT_EQ(weft_name("blog.oak.weft"), (WeftName{"blog", "oak", ""}));
  EXPECT_EQ(weft_name("Blog.OAK.Home.Weft."), (WeftName{"blog", "oak", "home"}));
  EXPECT_EQ(weft_localhost_name("blog.oak.home.weft.localhost"), (WeftName{"blog", "oak", "home"}));
  for (const char* none : {"", "weft", ".weft", "a..weft", "a.b.c.d.weft", "-a.weft",
                           "blog.example", "a_b.weft", "blogweft", "blog.weft.example"})
    EXPECT_FALSE(weft_name(none).has_value()) << none;
  EXPECT_FALSE(weft_localhost_name("blog.oak.weft").has_value());
  EXPECT_FALSE(weft_localhost_name("blog.localhost").has_value());
}

TEST(WeftName, WhatEndsSoNeverLeavesTheNetwork) {
  for (const char* ours : {"weft", "a.weft", "a.b.c.d.WEFT", "-.weft."})
    EXPECT_TRUE(is_weft_name(ours));
  for (const char* others : {"", "weft.example", "aweft", "weft.localhost"})
    EXPECT_FALSE(is_weft_name(others));
}

}  // namespace
}  // namespace weft::service
