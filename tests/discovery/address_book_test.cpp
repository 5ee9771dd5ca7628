#include "overlay/discovery/address_book.hpp"

#include <gtest/gtest.h>

namespace weft::discovery {
namespace {

NodeId node(std::uint16_t n) {
  NodeId id;
  id.bytes[0] = static_cast<std::uint8_t>(n >> 8);
  id.bytes[1] = static_cast<std::uint8_t>(n);
  return id;
}
Endpoint at(std::uint16_t port) { return Endpoint::v4(0x0a000001, port); }
Address udp(std::uint16_t port) { return UdpAddress{at(port)}; }

TEST(AddressBook, WhatWorkedGoesInFrontAndWhatIsSaidToTheBack) {
  AddressBook book;
  EXPECT_TRUE(book.learn(Instant{1s}, node(1), udp(1), Source::Ticket));
  EXPECT_TRUE(book.learn(Instant{2s}, node(1), udp(2), Source::Hello));
  EXPECT_FALSE(book.learn(Instant{3s}, node(1), udp(1), Source::Hearsay));
  EXPECT_EQ(book.endpoints(node(1)), (std::vector{at(1), at(2)}));
  book.worked(Instant{4s}, node(1), at(2));
  EXPECT_EQ(book.endpoints(node(1)), (std::vector{at(2), at(1)}));
  EXPECT_TRUE(book.learn(Instant{5s}, node(1), udp(3), Source::Record, true));
  EXPECT_EQ(book.endpoints(node(1)), (std::vector{at(3), at(2), at(1)}));
  EXPECT_TRUE(book.endpoints(node(2)).empty());
}

TEST(AddressBook, RemembersWhoSaidItAndWhetherItWorked) {
  AddressBook book;
  book.learn(Instant{1s}, node(1), udp(1), Source::Ticket);
  EXPECT_FALSE(book.best(Instant{1s}, node(1))->works);
  EXPECT_EQ(book.of(node(1))[0].source, Source::Ticket);
  book.worked(Instant{2s}, node(1), at(1));
  EXPECT_TRUE(book.best(Instant{3s}, node(1))->works);
  EXPECT_FALSE(book.best(Instant{2s} + AddressBook::kWorksFor, node(1))->works);
  EXPECT_FALSE(book.best(Instant{3s}, node(2)));
  book.worked(Instant{2s}, node(3), Endpoint{});
  EXPECT_EQ(book.size(), 1U);
}

TEST(AddressBook, AFullListLosesItsLast) {
  AddressBook book;
  for (std::uint16_t i = 1; i <= 30; ++i) book.learn(Instant{1s}, node(1), udp(i), Source::Hearsay);
  auto known = book.endpoints(node(1));
  ASSERT_EQ(known.size(), AddressBook::kMostOfMember);
  EXPECT_EQ(known.front(), at(1));
  EXPECT_EQ(known.back(), at(30));  // so a liar changes one place only
  book.worked(Instant{2s}, node(1), at(99));
  known = book.endpoints(node(1));
  EXPECT_EQ(known.size(), AddressBook::kMostOfMember);
  EXPECT_EQ(known.front(), at(99));
}

TEST(AddressBook, OtherKindsAreKeptAndNotDialledByUdp) {
  AddressBook book;
  book.learn(Instant{1s}, node(1), WssAddress{"r.example", 443, "/"}, Source::Record);
  book.learn(Instant{1s}, node(1), udp(1), Source::Record);
  EXPECT_EQ(book.of(node(1)).size(), 2U);
  EXPECT_EQ(book.endpoints(node(1)), std::vector{at(1)});
  EXPECT_EQ(book.best(Instant{1s}, node(1))->endpoint, at(1));
}

TEST(AddressBook, MembersAreBounded) {
  AddressBook book;
  for (std::uint16_t i = 0; i < AddressBook::kMostMembers + 10; ++i)
    book.learn(Instant{Duration(1s) * i}, node(i), udp(1), Source::Hearsay);
  EXPECT_EQ(book.size(), AddressBook::kMostMembers);
  EXPECT_TRUE(book.endpoints(node(0)).empty());
  book.forget(node(100));
  EXPECT_EQ(book.size(), AddressBook::kMostMembers - 1);
}

}  // namespace
}  // namespace weft::discovery
