#include "node/store/writer.hpp"

#include <gtest/gtest.h>

#include <future>

#include "tests/store/fault_vfs.hpp"
#include "tests/store/kit.hpp"

namespace weft::store {
namespace {

std::vector<Row> setting(int i) { return {row(Table::Setting, std::to_string(i), "x")}; }

TEST(Writer, AnswersInOrderAfterTheRowsAreStored) {
  const TemporaryHome home;
  std::vector<int> order;
  {
    Writer writer(std::move(*Store::open(home.path())));
    for (int i = 0; i < 50; ++i)
      ASSERT_TRUE(writer
                      .submit(setting(i),
                              [&order, i](const Result<void>& result) {
                                EXPECT_TRUE(result.has_value());
                                order.push_back(i);
                              })
                      .has_value());
    writer.stop();
    EXPECT_EQ(code_of(writer.submit(setting(99), [](const auto&) { FAIL(); })), Errc::Closed);
  }
  ASSERT_EQ(order.size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  EXPECT_EQ((*Store::open(home.path()))->load(Table::Setting)->size(), 50U);
}

TEST(Writer, AFullQueueRefuses) {
  const TemporaryHome home;
  std::promise<void> entered;
  std::promise<void> gate;
  int done = 0;
  Writer writer(std::move(*Store::open(home.path())), {.queue = 2});
  ASSERT_TRUE(writer.submit(setting(0), [&](const auto&) {
    entered.set_value();
    gate.get_future().wait();
    ++done;
  }));
  entered.get_future().wait();  // the thread is now held inside the first answer
  const auto count = [&](const Result<void>&) { ++done; };
  EXPECT_TRUE(writer.submit(setting(1), count).has_value());
  EXPECT_TRUE(writer.submit(setting(2), count).has_value());
  EXPECT_EQ(code_of(writer.submit(setting(3), count)), Errc::Limit);
  gate.set_value();
  writer.stop();
  EXPECT_EQ(done, 3);
}

TEST(Writer, PassesTheDisksErrorsOn) {
  const TemporaryHome home;
  FaultVfs vfs("weft-writer");
  auto store = std::move(*Store::open(home.path(), {vfs.name()}));
  vfs.arm(Fault::SyncIo, 0);
  std::promise<Errc> answer;  // outlives the writer, whose thread may still be at set_value()
  Writer writer(std::move(store));
  ASSERT_TRUE(
      writer.submit(setting(0), [&](const auto& result) { answer.set_value(code_of(result)); }));
  EXPECT_EQ(answer.get_future().get(), Errc::Storage);
  EXPECT_TRUE(writer.read_only());
}

}  // namespace
}  // namespace weft::store
