#include "tools/weft/event_stream.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

struct Heard {
  std::vector<std::string> events;
  EventStream::Take take = [this](const StreamEvent& event) {
    events.push_back(event.kind + "|" + event.id + "|" + event.data);
    return event.kind != "last";
  };
};
using Events = std::vector<std::string>;

constexpr std::string_view kText =
    ": events\n\nid: 7-1\nevent: peer_up\ndata: {\"a\":1}\n\n"
    "event: gap\r\ndata: one\r\ndata:two\r\n\r\nretry: 5\n\nid: 7-2\n\n";

TEST(EventStream, WholeEventsComeOutHoweverTheBytesCome) {
  const Events expected{"peer_up|7-1|{\"a\":1}", "gap||one\ntwo", "|7-2|"};
  for (std::size_t step = 1; step <= kText.size(); ++step) {
    Heard heard;
    EventStream stream;
    for (std::size_t at = 0; at < kText.size(); at += step)
      ASSERT_EQ(stream.feed(kText.substr(at, step), heard.take), EventStream::Fed::More);
    EXPECT_EQ(heard.events, expected) << step;
  }
}

TEST(EventStream, EndsWhenNoMoreIsWanted) {
  Heard heard;
  EventStream stream;
  EXPECT_EQ(stream.feed("event: last\ndata: x\n\nevent: more\ndata: y\n\n", heard.take),
            EventStream::Fed::Enough);
  EXPECT_EQ(heard.events, (Events{"last||x"}));
}

TEST(EventStream, WhatNeverEndsTakesNoMemoryWithoutBound) {
  Heard heard;
  EventStream line, lines;
  const std::string piece(64 * 1024, 'x');
  auto fed = EventStream::Fed::More;
  for (int i = 0; i < 100 && fed == EventStream::Fed::More; ++i) fed = line.feed(piece, heard.take);
  EXPECT_EQ(fed, EventStream::Fed::TooLong);
  fed = EventStream::Fed::More;
  for (int i = 0; i < 100 && fed == EventStream::Fed::More; ++i)
    fed = lines.feed("data: " + piece + "\n", heard.take);
  EXPECT_EQ(fed, EventStream::Fed::TooLong);
}

}  // namespace
}  // namespace weft::cli
