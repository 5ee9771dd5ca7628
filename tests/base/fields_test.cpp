#include "base/fields.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

struct Inner {
  std::uint64_t deep = 3;
  static constexpr auto fields() {
    return std::tuple{field("deep", "bytes", "below", &Inner::deep)};
  }
};
static_assert(lists_all_fields<Inner>());

struct Outer {
  std::uint64_t first = 1;
  std::uint32_t second = 2;
  Inner inner;
  std::string last = "end";
  static constexpr auto fields() {
    return std::tuple{field("first", "", "one", &Outer::first),
                      field("second", "calls", "two", &Outer::second), group(&Outer::inner),
                      field("last", "", "a text", &Outer::last)};
  }
};
static_assert(lists_all_fields<Outer>());

struct Forgetful {
  std::uint32_t listed = 0;
  std::uint32_t forgotten = 0;
  static constexpr auto fields() { return std::tuple{field("listed", "", "", &Forgetful::listed)}; }
};
static_assert(!lists_all_fields<Forgetful>());

TEST(Fields, AreWalkedInOrderAndGroupsInTheirPlace) {
  std::vector<std::string> seen;
  visit_fields(Outer{}, [&](std::string_view name, std::string_view unit, std::string_view help,
                            const auto& value) {
    std::string line(name);
    ((((line += "|") += unit) += "|") += help) += "|";
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>)
      line += value;
    else
      line += std::to_string(value);
    seen.push_back(line);
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"first||one|1", "second|calls|two|2",
                                            "deep|bytes|below|3", "last||a text|end"}));
}

TEST(Fields, AreAddedMemberByMember) {
  Inner into{3};
  add_fields(into, Inner{4});
  EXPECT_EQ(into.deep, 7u);
}

}  // namespace
}  // namespace weft
