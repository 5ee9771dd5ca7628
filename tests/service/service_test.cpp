#include "overlay/service/service.hpp"

#include <gtest/gtest.h>

#include "overlay/service/registry.hpp"
#include "tests/service/kit.hpp"

namespace weft::service {
namespace {

TEST(Target, ReadsTheThreeForms) {
  EXPECT_EQ(Target::from_text("3000")->to_text(), "localhost:3000");
  EXPECT_EQ(Target::from_text("nas.local:80")->to_text(), "nas.local:80");
  EXPECT_EQ(Target::from_text("192.0.2.7:65535")->port, 65535);
  EXPECT_EQ(Target::from_text("[::1]:8080")->host, "::1");
  EXPECT_EQ(Target::from_text("[2001:db8::1]:1")->to_text(), "[2001:db8::1]:1");
  EXPECT_EQ(Target::from_text("tcp://10.0.0.1:80")->to_text(), "10.0.0.1:80");
  const auto path = Target::from_text("unix:/run/app.sock");
  ASSERT_TRUE(path.has_value());
  EXPECT_EQ(path->kind, Target::Kind::Unix);
  EXPECT_EQ(path->to_text(), "unix:/run/app.sock");
}

TEST(Target, AFolderIsOfAFileServiceAlone) {
  const auto folder = Target::from_text("/srv/My Photos/");
  ASSERT_TRUE(folder.has_value());
  EXPECT_EQ(folder->kind, Target::Kind::Folder);
  EXPECT_EQ(folder->to_text(), "/srv/My Photos");
  EXPECT_EQ(Target::from_text("/")->to_text(), "/");
  EXPECT_EQ(default_name(*folder, Protocol::File), "my-photos");
  const Exposure exposure{"photos", Protocol::File, *folder};
  EXPECT_TRUE(exposure.check());
  EXPECT_EQ(Exposure::decode(exposure.encode()).value(), exposure);
  EXPECT_EQ(code_of(Exposure{"photos", Protocol::Tcp, *folder}.check()), Errc::Usage);
  EXPECT_EQ(code_of(Exposure{"photos", Protocol::File, *Target::from_text("80")}.check()),
            Errc::Usage);
  EXPECT_EQ(code_of(Target::from_text("/" + std::string(500, 'x'))), Errc::Usage);
  EXPECT_EQ(code_of(Target::from_text("/a\nb")), Errc::Usage);
}

TEST(Target, WhatItReadsItWritesTheSame) {
  for (const auto* text :
       {"1", "a:1", "a-b.c_d:9", "[fe80::1]:22", "unix:/x", "127.0.0.1:80", "tcp://unix:7"}) {
    const auto target = Target::from_text(text);
    ASSERT_TRUE(target.has_value()) << text;
    EXPECT_EQ(*Target::from_text(target->to_text()), *target) << text;
  }
}

TEST(Target, RefusesTheRest) {
  const std::string long_path = "unix:/" + std::string(107, 'x');
  const std::string long_host = std::string(254, 'a') + ":1";
  for (const std::string text : {"",
                                 "0",
                                 "65536",
                                 "080",
                                 "-1",
                                 " 80",
                                 "80 ",
                                 "a",
                                 "a:",
                                 ":80",
                                 "a:0",
                                 "a:b",
                                 "::1:80",
                                 "[::1]",
                                 "[a]:80",
                                 "[::1:80",
                                 "a..b:1",
                                 ".a:1",
                                 "-a:1",
                                 "a b:1",
                                 "a/b:1",
                                 "unix:",
                                 "unix:/",
                                 "unix:rel",
                                 "unix:/a\nb",
                                 "a:99999999999",
                                 "http://a:1",
                                 "unix:7",
                                 "tcp://unix:07",
                                 "tcp://unix:/x",
                                 "tcp://",
                                 "tcp://tcp://a:1"})
    EXPECT_EQ(code_of(Target::from_text(text)), Errc::Usage) << text;
  EXPECT_EQ(code_of(Target::from_text(long_path)), Errc::Usage);
  EXPECT_EQ(code_of(Target::from_text(long_host)), Errc::Usage);
  EXPECT_TRUE(Target::from_text("unix:/" + std::string(106, 'x')).has_value());
}

TEST(Exposure, RowReadsBack) {
  const Exposure blog{"blog", Protocol::Http, *Target::from_text("3000")};
  EXPECT_EQ(*Exposure::decode(blog.encode()), blog);
  auto bytes = blog.encode();
  bytes[1] = 2;
  EXPECT_EQ(code_of(Exposure::decode(bytes)), Errc::Malformed);
  bytes[1] = 3;
  EXPECT_EQ(code_of(Exposure::decode(bytes)), Errc::Unsupported);
  auto screen = blog;
  screen.direct_only = true;
  bytes = screen.encode();
  EXPECT_EQ(to_hex(bytes), "9502a4626c6f6702ae6c6f63616c686f73743a33303030c3");
  EXPECT_EQ(*Exposure::decode(bytes), screen);
  bytes.back() = 0xc2;  // could be said in version 1
  EXPECT_EQ(code_of(Exposure::decode(bytes)), Errc::Malformed);
}

TEST(Registry, ThatNoRelayIsTakenMayBeSaidLater) {
  Registry registry(NetworkId{{7}});
  Exposure blog{"blog", Protocol::Tcp, *Target::from_text("3000")};
  ASSERT_TRUE(registry.add(blog));
  blog.direct_only = true;
  ASSERT_TRUE(registry.add(blog));
  EXPECT_TRUE(registry.find("blog")->direct_only);
}

TEST(Registry, NamesAreUnique) {
  Registry registry(NetworkId{{7}});
  const Exposure blog{"blog", Protocol::Tcp, *Target::from_text("3000")};
  const auto row = registry.add(blog);
  ASSERT_TRUE(row.has_value());
  EXPECT_TRUE(registry.add(blog).has_value());  // the same again
  auto other = blog;
  other.target.port = 3001;
  EXPECT_EQ(code_of(registry.add(other)), Errc::AlreadyExists);
  EXPECT_EQ(registry.find("blog")->target.port, 3000);
  other.name = "Blog";
  EXPECT_EQ(code_of(registry.add(other)), Errc::Usage);

  Registry back(NetworkId{{7}});
  ASSERT_TRUE(back.load(*row).has_value());
  EXPECT_EQ(back.list(), registry.list());
  Registry elsewhere(NetworkId{{8}});
  ASSERT_TRUE(elsewhere.load(*row).has_value());
  EXPECT_EQ(elsewhere.size(), 0U);

  const auto gone = registry.remove("blog");
  ASSERT_TRUE(gone.has_value());
  EXPECT_FALSE(gone->value.has_value());
  EXPECT_EQ(gone->key, row->key);
  EXPECT_EQ(code_of(registry.remove("blog")), Errc::NotFound);
}

TEST(Registry, TakesOnlyWhatItCouldLoadAgain) {
  Registry registry(NetworkId{});
  const auto target = Target::from_text("unix:/run/\xff.sock");
  ASSERT_TRUE(target.has_value());
  EXPECT_FALSE(registry.add({"odd", Protocol::Tcp, *target}).has_value());
  EXPECT_EQ(registry.size(), 0U);
}

TEST(Registry, IsBounded) {
  Registry registry(NetworkId{});
  const auto target = *Target::from_text("1");
  for (std::size_t i = 0; i < kMaxExposures; ++i)
    ASSERT_TRUE(registry.add({"s" + std::to_string(i), Protocol::Tcp, target}).has_value());
  EXPECT_EQ(code_of(registry.add({"more", Protocol::Tcp, target})), Errc::Limit);
}

}  // namespace
}  // namespace weft::service
