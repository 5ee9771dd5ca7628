// Reads while the node runs: single rows, ranges, pages, and rows that were changed behind our
// back.
#include "node/store/scan.hpp"

#include <gtest/gtest.h>

#include <future>

#include "node/store/writer.hpp"
#include "tests/store/home_kit.hpp"

namespace weft::store {
namespace {

constexpr NetworkId kHere{{7}};

std::vector<std::string> keys_of(const Page& page) {
  std::vector<std::string> out;
  for (const auto& row : page.rows) out.emplace_back(text_of(row.key));
  return out;
}

using Strings = std::vector<std::string>;

struct Scans : testing::Test {
  TemporaryHome home;
  std::unique_ptr<Store> store = std::move(*Store::open(home.path()));

  void put(std::initializer_list<std::string_view> keys) {
    std::vector<Row> rows;
    for (const auto key : keys) rows.push_back(row(Table::Access, key, key));
    auto elsewhere = row(Table::Access, "a", "other network");
    elsewhere.network = NetworkId{{8}};
    rows.push_back(elsewhere);
    ASSERT_TRUE(store->commit(rows).has_value());
  }
};

TEST_F(Scans, APrefixIsItsKeysInOrder) {
  put({"b", "a/2", "a", "a/1", "a/\xff", "a0", ""});
  const auto scan = [&](std::string_view prefix) {
    return keys_of(*store->scan(scan_of_prefix(Table::Access, kHere, bytes_of(prefix))));
  };
  EXPECT_EQ(scan("a/"), (Strings{"a/1", "a/2", "a/\xff"}));
  EXPECT_EQ(scan("a/\xff"), (Strings{"a/\xff"}));
  EXPECT_EQ(scan(""), (Strings{"", "a", "a/1", "a/2", "a/\xff", "a0", "b"}));
  EXPECT_EQ(scan("\xff"), Strings{});
  EXPECT_EQ(scan("c"), Strings{});
}

TEST_F(Scans, ARangeEndsBeforeItsEnd) {
  put({"a", "b", "c"});
  Scan range{Table::Access, kHere, to_bytes(bytes_of("a")), to_bytes(bytes_of("c"))};
  EXPECT_EQ(keys_of(*store->scan(range)), (Strings{"a", "b"}));
  range.until = to_bytes(bytes_of("a"));
  EXPECT_EQ(keys_of(*store->scan(range)), Strings{});
  range.until = Bytes{};
  EXPECT_EQ(keys_of(*store->scan(range)), Strings{});
}

TEST_F(Scans, PagesFollowEachOtherWithoutAGap) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < kPageRows * 2 + 1; ++i)
    rows.push_back(row(Table::Access, std::to_string(100'000 + i), "v"));
  ASSERT_TRUE(store->commit(rows).has_value());
  auto scan = scan_of_prefix(Table::Access, kHere, {});
  std::vector<Row> found;
  Strings sizes;
  for (;;) {
    const auto page = *store->scan(scan);
    sizes.push_back(std::to_string(page.rows.size()));
    std::ranges::copy(page.rows, std::back_inserter(found));
    if (!page.next) break;
    scan.from = *page.next;
  }
  EXPECT_EQ(sizes, (Strings{"256", "256", "1"}));
  EXPECT_EQ(found, rows);
  scan.from.clear();
  scan.rows = 3;
  EXPECT_EQ(store->scan(scan)->rows.size(), 3U);
}

TEST_F(Scans, APageOfLargeRowsIsShort) {
  std::vector<Row> rows;
  for (int i = 0; i < 9; ++i)
    rows.push_back(row(Table::Access, std::to_string(i), std::string(kPageBytes / 2, 'x')));
  ASSERT_TRUE(store->commit(rows).has_value());
  const auto page = *store->scan(scan_of_prefix(Table::Access, kHere, {}));
  EXPECT_EQ(page.rows.size(), 2U);
  EXPECT_EQ(page.next, to_bytes(bytes_of("2")));
}

TEST_F(Scans, ARowChangedBehindOurBackIsRefused) {
  constexpr int kRows = 2000;  // 8 MiB: more than sqlite keeps in memory
  std::vector<Row> rows;
  for (int i = 0; i < kRows; ++i)
    rows.push_back(row(Table::Roster, std::to_string(10'000 + i), std::string(4000, 'v')));
  ASSERT_TRUE(store->commit(rows).has_value());
  const auto path = home.path() / "trust.db";
  auto bytes = contents(path);
  for (std::size_t i = 4096; i + 4 < bytes.size(); i += 4096)
    if (bytes[i + 2000] == 'v') bytes[i + 2000] = 'w';
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);  // its pages, in place
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  int refused = 0;
  for (const auto& r : rows) {
    const auto value = store->get(Table::Roster, kHere, r.key);
    if (!value)
      refused += code_of(value) == Errc::Storage ? 1 : 0;
    else
      EXPECT_EQ(*value, r.value);
  }
  EXPECT_GT(refused, kRows / 4);
}

TEST(WriterReads, AnswerInTheirTurn) {
  const TemporaryHome home;
  Writer writer(std::move(*Store::open(home.path())));
  Strings seen;
  const auto look = [&] {
    EXPECT_TRUE(writer.get(Table::Access, kHere, to_bytes(bytes_of("k")), [&](const auto& value) {
      ASSERT_TRUE(value.has_value());
      seen.push_back(*value ? std::string(text_of(**value)) : "none");
    }));
  };
  const auto put = [&](std::string_view value) {
    EXPECT_TRUE(writer.submit({row(Table::Access, "k", value)},
                              [](const auto& r) { EXPECT_TRUE(r.has_value()); }));
  };
  look();
  put("1");
  look();
  put("2");
  look();
  EXPECT_TRUE(writer.scan(scan_of_prefix(Table::Access, kHere, {}), [&](const auto& page) {
    ASSERT_TRUE(page.has_value());
    for (const auto& key : keys_of(*page)) seen.push_back(key);
  }));
  writer.stop();
  EXPECT_EQ(seen, (Strings{"none", "1", "2", "k"}));
  EXPECT_EQ(writer.counters().reads, 4U);
  EXPECT_EQ(writer.counters().changes, 2U);
}

TEST(WriterReads, HaveALimitOfTheirOwn) {
  const TemporaryHome home;
  std::promise<void> entered;  // these outlive the writer, whose thread uses them to its end
  std::promise<void> gate;
  Writer writer(std::move(*Store::open(home.path())), {.queue = 1, .reads = 2});
  ASSERT_TRUE(writer.ask(
      [&](Store&) -> Result<void> {
        entered.set_value();
        gate.get_future().wait();
        return {};
      },
      [](const auto&) {}));
  entered.get_future().wait();
  int answers = 0;
  const auto look = [&] {
    return writer.get(Table::Access, kHere, {}, [&](const auto&) { ++answers; });
  };
  EXPECT_TRUE(look().has_value());
  EXPECT_TRUE(look().has_value());
  EXPECT_EQ(code_of(look()), Errc::Limit);
  EXPECT_TRUE(writer.submit({row(Table::Access, "k", "v")}, [&](const auto&) { ++answers; }));
  EXPECT_EQ(writer.counters().refused, 1U);
  gate.set_value();
  writer.stop();
  EXPECT_EQ(answers, 3);
}

TEST(WriterReads, RowsThatWaitAreBounded) {
  const TemporaryHome home;
  std::promise<void> entered;  // these outlive the writer, whose thread uses them to its end
  std::promise<void> gate;
  Writer writer(std::move(*Store::open(home.path())), {.bytes = 1000});
  ASSERT_TRUE(writer.ask(
      [&](Store&) -> Result<void> {
        entered.set_value();
        gate.get_future().wait();
        return {};
      },
      [](const auto&) {}));
  entered.get_future().wait();
  const auto put = [&](std::size_t size) {
    return writer.submit({row(Table::Access, "k", std::string(size, 'x'))}, [](const auto&) {});
  };
  EXPECT_TRUE(put(5000).has_value());  // one alone may be larger
  EXPECT_EQ(code_of(put(1)), Errc::Limit);
  gate.set_value();
}

}  // namespace
}  // namespace weft::store
