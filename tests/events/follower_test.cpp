#include "node/events/follower.hpp"

#include <gtest/gtest.h>

namespace weft::events {
namespace {

struct FakeSink final : Sink {
  bool write(std::string_view piece) override {
    if (closed) return false;
    pieces.emplace_back(piece);
    return true;
  }
  [[nodiscard]] bool has_room() const override { return pieces.size() < room; }
  void end() override { ended = true; }

  std::vector<std::string> pieces;
  std::size_t room = 1'000'000;
  bool closed = false, ended = false;
};

struct Followed {
  Recorder recorder{7, [] { return Recorder::Moment{}; }, [](Level, const std::string&) {}};
  std::shared_ptr<FakeSink> sink = std::make_shared<FakeSink>();

  std::shared_ptr<Follower> follow(Wanted wanted) {
    auto follower = std::make_shared<Follower>(recorder, sink, std::move(wanted));
    follower->start();
    return follower;
  }

  void record(int count) {
    for (int i = 0; i < count; ++i) recorder.record(Audit{"allow", "/", {}, "", "ok", ""});
  }
  // Ids of the events and gaps as "from..to", in order.
  std::vector<std::string> said() const {
    std::vector<std::string> out;
    for (const auto& piece : sink->pieces) {
      const auto at = piece.find("data: ");
      if (at == std::string::npos) continue;
      const auto data = Json::parse(piece.substr(at + 6));
      if (data["schema"] == "weft.gap/1")
        out.push_back(std::to_string(data["from"].get<int>()) + ".." +
                      std::to_string(data["to"].get<int>()) + " " +
                      data["reason"].get<std::string>());
      else
        out.push_back(data["id"]);
    }
    return out;
  }
};
using Said = std::vector<std::string>;

TEST(Follower, BeginsWithWhatComesNext) {
  Followed f;
  f.record(2);
  const auto follower = f.follow({});
  EXPECT_TRUE(f.said().empty());
  f.record(2);
  EXPECT_EQ(f.said(), (Said{"7-3", "7-4"}));
  EXPECT_FALSE(f.sink->ended);
  EXPECT_TRUE(f.sink->pieces.back().starts_with("id: 7-4\nevent: audit\ndata: {"));
  EXPECT_TRUE(f.sink->pieces.back().ends_with("}\n\n"));
}

TEST(Follower, GoesOnAfterAnId) {
  Followed f;
  f.record(5);
  const auto follower = f.follow({{}, Position{7, 3}, true});
  f.record(1);
  EXPECT_EQ(f.said(), (Said{"7-4", "7-5", "7-6"}));
}

TEST(Follower, SaysThePastAndEndsUnlessItFollows) {
  Followed f;
  f.record(3);
  const auto follower = f.follow({{}, std::nullopt, false});
  EXPECT_EQ(f.said(), (Said{"7-1", "7-2", "7-3"}));
  EXPECT_TRUE(f.sink->ended);
}

TEST(Follower, TellsWhatWasOverwritten) {
  Followed f;
  f.record(static_cast<int>(kMaxEvents) + 10);
  const auto follower = f.follow({{}, Position{std::nullopt, 4}, true});
  const auto said = f.said();
  ASSERT_EQ(said.size(), kMaxEvents + 1);
  EXPECT_EQ(said[0], "5..10 overwritten");
  EXPECT_EQ(said[1], "7-11");
}

TEST(Follower, TellsThatTheRunIsAnother) {
  for (const auto since : {Position{6, 2}, Position{std::nullopt, 99}}) {
    Followed f;
    f.record(3);
    const auto follower = f.follow({{}, since, true});
    EXPECT_EQ(f.said(), (Said{"1..0 restarted", "7-1", "7-2", "7-3"}));
  }
}

TEST(Follower, ThePastWaitsForRoomAndWhatWentMeanwhileIsAGap) {
  Followed f;
  f.record(5);
  f.sink->room = 3;  // a comment and two events
  const auto follower = f.follow({{}, Position{std::nullopt, 0}, true});
  EXPECT_EQ(f.said(), (Said{"7-1", "7-2"}));
  f.record(static_cast<int>(kMaxEvents));  // 3 to 5 are gone
  EXPECT_EQ(f.said().size(), 2u);
  f.sink->room = 1'000'000;
  follower->on_room();
  const auto said = f.said();
  ASSERT_EQ(said.size(), 3 + kMaxEvents);
  EXPECT_EQ(said[2], "3..5 overwritten");
  EXPECT_EQ(said[3], "7-6");
}

TEST(Follower, OnlyThePickedKindsAreSaid) {
  Followed f;
  const auto follower = f.follow({{"peers", "stopping"}, std::nullopt, true});
  f.record(2);
  f.recorder.record(PeerUp{"b", "", "", ""});
  f.recorder.record(Stopping{});
  EXPECT_EQ(f.said(), (Said{"7-3", "7-4"}));
}

TEST(Follower, NobodyIsSpokenToAfterTheyLeft) {
  Followed f;
  const auto follower = f.follow({});
  f.sink->closed = true;
  f.record(3);
  EXPECT_TRUE(f.said().empty());
}

TEST(Follower, MayBeLetGoOfWhileItWrites) {
  Followed f;
  struct Closing final : Sink {
    bool write(std::string_view) override {
      if (++written == 3) follower->reset();
      return written < 3;
    }
    [[nodiscard]] bool has_room() const override { return true; }
    void end() override {}
    int written = 0;
    std::shared_ptr<Follower>* follower = nullptr;
  };
  const auto sink = std::make_shared<Closing>();
  auto follower = std::make_shared<Follower>(f.recorder, sink, Wanted{});
  sink->follower = &follower;
  follower->start();
  f.record(5);
  EXPECT_EQ(sink->written, 3);
  EXPECT_EQ(follower, nullptr);
}

TEST(Follower, WhatIsNoUtf8IsReplaced) {
  Followed f;
  const auto follower = f.follow({});
  f.recorder.record(PeerUp{"\xff\xfe", "", "", ""});
  EXPECT_EQ(f.said(), (Said{"7-1"}));
}

}  // namespace
}  // namespace weft::events
