// Asking for access: the bytes, and the book of who waits.
#include <gtest/gtest.h>

#include "overlay/streams/ask_book.hpp"
#include "overlay/streams/ask_message.hpp"

namespace weft::overlay {
namespace {

const NodeId kAda{{1}};
const NodeId kBob{{2}};

ByteView body_of(const Bytes& frame) { return ByteView(frame).subspan(2); }

TEST(AskMessage, ToTheByte) {
  const Ask ask{7, "blog", "hi"};
  const Bytes wanted{0, 11, 0x94, 0x40, 7, 0xa4, 'b', 'l', 'o', 'g', 0xa2, 'h', 'i'};
  EXPECT_EQ(encode(ask), wanted);
  EXPECT_EQ(parse_ask(body_of(wanted)).value(), ask);
  const AskAnswer answer{7, AskStatus::Refused};
  const Bytes said{0, 4, 0x93, 0x41, 7, 4};
  EXPECT_EQ(encode(answer), said);
  EXPECT_EQ(parse_ask_answer(body_of(said)).value(), answer);
  EXPECT_EQ(parse_ask_answer(Bytes{0x93, 0x41, 7, 9}).value().status, AskStatus::Full);
  EXPECT_TRUE(parse_ask_answer(Bytes{0x94, 0x41, 7, 0, 1}));  // a later version says more
}

TEST(AskMessage, WhatIsNoneIsRefused) {
  const auto whole = encode(Ask{7, "blog", "hi"});
  for (std::size_t size = 2; size < whole.size(); ++size)
    EXPECT_FALSE(parse_ask(ByteView(whole).subspan(2, size - 2))) << size;
  EXPECT_FALSE(parse_ask(body_of(encode(Ask{7, "No Label", ""}))));
  EXPECT_FALSE(parse_ask(body_of(encode(Ask{7, "blog", std::string(kMaxNote + 1, 'x')}))));
  EXPECT_FALSE(parse_ask(body_of(encode(AskAnswer{}))));
  EXPECT_FALSE(parse_ask_answer(Bytes{0x93, 0x40, 7, 0}));
}

TEST(AskBook, AskingAgainIsOneQuestion) {
  AskBook book;
  bool fresh = false;
  EXPECT_EQ(book.add(1, kAda, {1, "blog", "a"}, fresh), AskStatus::Noted);
  EXPECT_TRUE(fresh);
  EXPECT_EQ(book.add(2, kAda, {2, "blog", "b"}, fresh), AskStatus::Noted);
  EXPECT_FALSE(fresh);
  ASSERT_EQ(book.waiting().size(), 1u);
  EXPECT_EQ(book.waiting()[0].note, "b");
}

TEST(AskBook, NobodyFillsIt) {
  AskBook book;
  bool fresh = false;
  for (std::size_t i = 0; i < AskBook::kMaxOfOne; ++i)
    EXPECT_EQ(book.add(1, kAda, {1, "s" + std::to_string(i), ""}, fresh), AskStatus::Noted);
  EXPECT_EQ(book.add(1, kAda, {1, "more", ""}, fresh), AskStatus::Full);
  EXPECT_EQ(book.add(1, kBob, {1, "more", ""}, fresh), AskStatus::Noted);
  for (std::uint8_t i = 3; book.waiting().size() < AskBook::kMaxAsks; ++i)
    for (const auto* name : {"a", "b", "c"}) book.add(1, NodeId{{i}}, {1, name, ""}, fresh);
  EXPECT_EQ(book.add(1, NodeId{{200}}, {1, "a", ""}, fresh), AskStatus::Full);
}

TEST(AskBook, ARefusalIsRememberedForADay) {
  AskBook book;
  bool fresh = false;
  book.add(1, kAda, {1, "blog", ""}, fresh);
  const auto id = book.waiting()[0].id;
  EXPECT_TRUE(book.refuse(10, id));
  EXPECT_FALSE(book.refuse(10, id));
  EXPECT_EQ(book.find(id), nullptr);
  EXPECT_TRUE(book.waiting().empty());
  EXPECT_EQ(book.add(9 + AskBook::kRefusedFor, kAda, {2, "blog", ""}, fresh), AskStatus::Refused);
  EXPECT_EQ(book.add(10 + AskBook::kRefusedFor, kAda, {3, "blog", ""}, fresh), AskStatus::Noted);
}

}  // namespace
}  // namespace weft::overlay
