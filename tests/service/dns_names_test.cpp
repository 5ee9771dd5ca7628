#include "overlay/service/dns_names.hpp"

#include <gtest/gtest.h>

namespace weft::service::dns {
namespace {

const Directory kHome{
    "home", {"oak", "ash", "blog"}, {{"blog", "oak"}, {"db", "oak"}, {"db", "ash"}}};

TEST(DnsNames, ServicesAndNodes) {
  const Found blog = Named{"blog", "oak"};
  EXPECT_EQ(find(kHome, "blog.oak.home.weft"), blog);
  EXPECT_EQ(find(kHome, "blog.oak.weft"), blog);
  EXPECT_EQ(find(kHome, "blog.weft"), blog);  // before the node of that name
  EXPECT_EQ(find(kHome, "oak.home.weft"), Found(Host{"oak"}));
  EXPECT_EQ(find(kHome, "blog.home.weft"), Found(Host{"blog"}));
  EXPECT_EQ(find(kHome, "ash.weft"), Found(Host{"ash"}));
}

TEST(DnsNames, WhatIsNotThere) {
  for (const auto* name : {"db.weft", "blog.ash.weft", "blog.oak.other.weft", "elm.weft",
                           "elm.home.weft", "a.blog.oak.home.weft", "b_.oak.weft", ".weft"})
    EXPECT_EQ(find(kHome, name), Found(Nothing{})) << name;
}

TEST(DnsNames, BranchesExist) {
  EXPECT_EQ(find(kHome, "weft"), Found(Branch{}));
  EXPECT_EQ(find(kHome, "home.weft"), Found(Branch{}));
}

TEST(DnsNames, EverythingElseIsOutside) {
  for (const auto* name : {"", "example.org", "oak", "weft.example", "notweft", "blog.oak.wef"})
    EXPECT_EQ(find(kHome, name), Found(Outside{})) << name;
}

}  // namespace
}  // namespace weft::service::dns
