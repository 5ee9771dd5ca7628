#include "overlay/roster/ticket.hpp"

#include <algorithm>
#include <cctype>

#include <gtest/gtest.h>

#include "tests/roster/kit.hpp"

namespace weft::roster {
namespace {

constexpr UnixTime kNow = 1'700'000'000;
constexpr const char* kTicketOfThePage =
    "wt1ngpvggqzqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqrzzqqcqqqqqqqqqqqqqqqqqqqqqq"
    "qqqqqqqqqqqqqqqqqqqqqqqqqqqcssqgqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqxyyqzsq"
    "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqpyvnq8zqfsqqqgqu6x6c5ekxzur5dacvgyqxqqqqq"
    "qqqqqqqqqqqqqqqqqqqcssqwqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqxwddyatpqygrk9m";

Ticket sample(std::size_t endpoints = 2) {
  SeededRng rng(5);
  Ticket t;
  t.network.bytes = rng.bytes<32>();
  t.network_secret = rng.bytes<32>();
  t.inviter = rng.bytes<32>();
  t.inviter_static = rng.bytes<32>();
  for (std::size_t i = 0; i < endpoints; ++i)
    t.addresses.emplace_back(
        UdpAddress{Endpoint::v4(0xc0000201, static_cast<std::uint16_t>(7000 + i))});
  t.name = "laptop";
  t.id = rng.bytes<16>();
  t.secret = rng.bytes<32>();
  t.expires = kNow + 900;
  return t;
}

TEST(Ticket, TextReadsBack) {
  for (const std::size_t endpoints : {0U, 1U, 8U}) {
    const auto ticket = sample(endpoints);
    const auto text = ticket.to_text();
    EXPECT_TRUE(text.starts_with("wt1"));
    const auto back = Ticket::from_text("  " + text + "\n");
    ASSERT_TRUE(back.has_value()) << back.error().detail;
    EXPECT_EQ(*back, ticket);
  }
}

// docs/wire/ticket.md prints this ticket.
TEST(Ticket, TheTicketOfThePageKeepsItsText) {
  const Ticket ticket{
      NetworkId{{2}}, {3}, {4}, {5},          {UdpAddress{Endpoint::v4(0xc0000201, 7000)}},
      "laptop",       {6}, {7}, 1'800'000'900};
  const auto text = ticket.to_text();
  EXPECT_EQ(ticket.encode().size(), 214U);
  EXPECT_EQ(text, kTicketOfThePage);
  EXPECT_EQ(to_hex(join_proof(ticket.secret, {8})),
            "b604bc49cd0a0a3f843e0adbff5efe1faa157d3c0f0b9cdb787bccf3ff873dc5");
}

// The same one, made by the version before.
TEST(Ticket, TicketsOfVersionOneAreStillRead) {
  const auto before = Ticket::from_text(
      "wt1ngquggqzqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqrzzqqcqqqqqqqqqqqqqqqqqqqqqq"
      "qqqqqqqqqqqqqqqqqqqqqqqqqqqcssqgqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqxyyqzsq"
      "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqpywyzgqqqqqqqqqqqqqqqrlllsqqqgq3kk9xd3shq"
      "ar0wrzpqpsqqqqqqqqqqqqqqqqqqqqqqqxyyqrsqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqp"
      "nntf82cgxqj5tu");
  ASSERT_TRUE(before) << before.error().detail;
  EXPECT_EQ(*before, *Ticket::from_text(kTicketOfThePage));
}

// Of later versions: what this one cannot dial is passed over.
TEST(Ticket, AddressesOfUnknownKindsAreSkipped) {
  const auto ticket = sample(1);
  auto bytes = ticket.encode();
  constexpr std::size_t kAt = 2 + 4 * 34;
  ASSERT_EQ(bytes[kAt], 0x91);
  bytes[kAt] = 0x92;
  const Bytes unknown{0x92, 0x63, 0xa1, 'x'};  // [99, "x"]
  bytes.insert(bytes.begin() + kAt + 1, unknown.begin(), unknown.end());
  const auto read = Ticket::decode(bytes);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(*read, ticket);
}

TEST(Ticket, ATypingErrorIsNoticed) {
  auto text = sample().to_text();
  for (std::size_t i = 3; i < text.size(); i += 7) {
    const char kept = text[i];
    text[i] = kept == 'q' ? 'p' : 'q';
    EXPECT_FALSE(Ticket::from_text(text).has_value()) << i;
    text[i] = kept;
  }
  EXPECT_TRUE(Ticket::from_text(text).has_value());
  EXPECT_FALSE(Ticket::from_text("").has_value());
  EXPECT_FALSE(Ticket::from_text(text.substr(0, text.size() - 1)).has_value());
}

// As mail, chats and people hand it on.
TEST(Ticket, IsFoundInWhatIsPasted) {
  const auto ticket = sample(4);
  const auto text = ticket.to_text();
  const auto wrapped = [&](std::size_t width, const std::string& between) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += width)
      out += (at == 0 ? "" : between) + text.substr(at, width);
    return out;
  };
  std::string capitals = text;
  std::ranges::transform(capitals, capitals.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string mixed = text;
  mixed[0] = 'W';  // a telephone begins sentences so
  for (const auto& pasted :
       {wrapped(76, "\n"), wrapped(80, "\r\n> "), wrapped(72, "=\n"), wrapped(76, " "),
        wrapped(5, " "), "<" + text + ">", "\"" + text + "\"", "'" + wrapped(80, "\n  ") + "'",
        "weft join " + text, capitals, mixed, "the ticket, it starts with wt1: " + text + ".",
        text + "\n--\nsent from my telephone", "\xc2\xa0" + text + "\xe2\x80\x9d"}) {
    const auto back = Ticket::from_text(pasted);
    ASSERT_TRUE(back.has_value()) << back.error().detail << ": " << pasted;
    EXPECT_EQ(*back, ticket);
  }
}

TEST(Ticket, WhatIsWrongWithAPastedTextIsSaidTruly) {
  const auto text = sample().to_text();
  const auto said = [](const std::string& pasted) {
    const auto ticket = Ticket::from_text(pasted);
    return ticket ? std::string("taken") : ticket.error().detail;
  };
  EXPECT_TRUE(said("hello").contains("tickets start with wt1"));
  EXPECT_TRUE(said(text.substr(3)).contains("tickets start with wt1"));
  EXPECT_TRUE(said(text.substr(0, 76)).contains("checksum"));
  EXPECT_TRUE(said("wt1qq").contains("cut short"));
  EXPECT_TRUE(said(std::string(kMaxTicketText + 1, 'q')).contains("too long"));
  std::string starts;  // many false starts and words cost little and are no ticket
  while (starts.size() + 4 < kMaxTicketText) starts += "wt1 ";
  EXPECT_TRUE(said(starts).contains("checksum"));
}

TEST(Ticket, NineAddressesAndOtherVersionsAreRefused) {
  auto bytes = sample(8).encode();
  ASSERT_TRUE(Ticket::decode(bytes).has_value());
  auto other = bytes;
  other[1] = 3;
  EXPECT_EQ(code_of(Ticket::decode(other)), Errc::Unsupported);
  // array header 1, version 1, four keys of 2 + 32: then the header of the addresses.
  constexpr std::size_t kAt = 2 + 4 * 34;
  ASSERT_EQ(bytes[kAt], 0x98);
  bytes[kAt] = 0x99;
  const Bytes ninth{0x93, 1, 0xc4, 4, 192, 0, 2, 1, 7};
  bytes.insert(bytes.begin() + kAt + 1, ninth.begin(), ninth.end());
  EXPECT_FALSE(Ticket::decode(bytes).has_value());
}

TEST(Ticket, LongerEncodingIsRefused) {
  auto bytes = sample().encode();
  bytes.insert(bytes.begin() + 1, 0xcc);
  EXPECT_EQ(code_of(Ticket::decode(bytes)), Errc::NonCanonical);
}

class Book : public testing::Test {
 protected:
  SeededRng rng_{7};
  TicketBook book_{NetworkId{{1}}};
  crypto::Hash h_ = SeededRng(8).bytes<32>();
  IdentityKey joiner_ = key_of(40).public_key;
  IdentityKey thief_ = key_of(41).public_key;
  Invite invite_ = book_.issue(rng_, "laptop", {"blog"}, kMayExpose, 900, kNow)->invite;

  crypto::Hash proof() { return join_proof(invite_.secret, h_); }
};

TEST_F(Book, RedeemsOnceAndAnswersTheSameIdentityAgain) {
  const auto first = book_.redeem(invite_.id, proof(), h_, joiner_, kNow + 1);
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(first->again);
  EXPECT_EQ(first->invite.allow, std::vector<std::string>{"blog"});
  ASSERT_TRUE(first->row.has_value());
  const auto again = book_.redeem(invite_.id, proof(), h_, joiner_, kNow + 5000);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->again);
  EXPECT_EQ(again->invite, first->invite);
  EXPECT_FALSE(again->row.has_value());
  const auto thief = book_.redeem(invite_.id, proof(), h_, thief_, kNow + 1);
  EXPECT_EQ(code_of(thief), Errc::Conflict);
  EXPECT_TRUE(thief.error().detail.contains("used"));
}

TEST_F(Book, UsedAndExpiredTicketsLeaveRoomForNewOnes) {
  for (std::size_t i = 1; i < kMaxInvites; ++i)
    ASSERT_TRUE(book_.issue(rng_, "n" + std::to_string(i), {}, 1, 900, kNow).has_value());
  EXPECT_EQ(code_of(book_.issue(rng_, "more", {}, 1, 900, kNow)), Errc::Limit);
  ASSERT_TRUE(book_.redeem(invite_.id, proof(), h_, joiner_, kNow).has_value());
  EXPECT_TRUE(book_.issue(rng_, "more", {}, 1, 900, kNow).has_value());
  EXPECT_EQ(code_of(book_.issue(rng_, "again", {}, 1, 900, kNow)), Errc::Limit);
  EXPECT_TRUE(book_.issue(rng_, "again", {}, 1, 900, kNow + 900).has_value());
  EXPECT_EQ(book_.live(kNow + 900).size(), 1U);
  // Spent ones are bounded too; what is forgotten first is what ended first.
  EXPECT_EQ(book_.purge(kNow + 900).size(), 1U);
  EXPECT_EQ(book_.list().size(), kMaxSpent + 1);
  EXPECT_EQ(code_of(book_.redeem(invite_.id, proof(), h_, thief_, kNow + 900)), Errc::NotFound);
}

TEST_F(Book, ANewTicketForANameEndsTheOlderOne) {
  const auto newer = book_.issue(rng_, "laptop", {}, kMayExpose, 900, kNow);
  ASSERT_TRUE(newer.has_value());
  ASSERT_EQ(newer->rows.size(), 2U);
  EXPECT_FALSE(newer->rows[0].value.has_value());
  EXPECT_TRUE(equal(newer->rows[0].key, invite_.id));
  EXPECT_EQ(code_of(book_.redeem(invite_.id, proof(), h_, joiner_, kNow)), Errc::NotFound);
  EXPECT_EQ(book_.live(kNow).size(), 1U);
}

TEST_F(Book, ATicketIsTakenBackByNameOrId) {
  EXPECT_EQ(code_of(book_.cancel("phone", kNow)), Errc::NotFound);
  EXPECT_EQ(code_of(book_.cancel(to_hex(invite_.id).substr(0, 7), kNow)), Errc::NotFound);
  const auto cancelled = book_.cancel(to_hex(invite_.id).substr(0, 8), kNow);
  ASSERT_TRUE(cancelled.has_value());
  EXPECT_EQ(cancelled->invite, invite_);
  EXPECT_FALSE(cancelled->row.value.has_value());
  EXPECT_EQ(code_of(book_.redeem(invite_.id, proof(), h_, joiner_, kNow)), Errc::NotFound);
  ASSERT_TRUE(book_.issue(rng_, "tv", {}, 1, 900, kNow).has_value());
  EXPECT_EQ(code_of(book_.cancel("tv", kNow + 900)), Errc::NotFound);  // over by itself
  EXPECT_TRUE(book_.cancel("tv", kNow).has_value());
}

// Joiners get a session only while one could have business here.
TEST_F(Book, IsOpenWhileATicketWaitsAndForAnAnswerThatGotLost) {
  EXPECT_TRUE(book_.open(kNow + 899));
  EXPECT_FALSE(book_.open(kNow + 900));
  ASSERT_TRUE(book_.redeem(invite_.id, proof(), h_, joiner_, kNow).has_value());
  EXPECT_TRUE(book_.open(kNow + kAnswerAgain - 1));
  EXPECT_FALSE(book_.open(kNow + kAnswerAgain));
  book_.undo(invite_.id);
  EXPECT_TRUE(book_.open(kNow + 1));
}

TEST_F(Book, AWrongProofBurnsNothing) {
  auto wrong = proof();
  wrong[0] ^= 1;
  EXPECT_EQ(code_of(book_.redeem(invite_.id, wrong, h_, thief_, kNow)), Errc::AuthFailed);
  auto other_session = h_;
  other_session[0] ^= 1;
  EXPECT_EQ(code_of(book_.redeem(invite_.id, proof(), other_session, thief_, kNow)),
            Errc::AuthFailed);
  auto unknown = invite_.id;
  unknown[0] ^= 1;
  EXPECT_EQ(code_of(book_.redeem(unknown, proof(), h_, thief_, kNow)), Errc::NotFound);
  EXPECT_TRUE(book_.redeem(invite_.id, proof(), h_, joiner_, kNow).has_value());
}

TEST_F(Book, ExpiresToTheSecond) {
  EXPECT_EQ(code_of(book_.redeem(invite_.id, proof(), h_, joiner_, kNow + 900)), Errc::Expired);
  EXPECT_TRUE(book_.redeem(invite_.id, proof(), h_, joiner_, kNow + 899).has_value());
}

TEST_F(Book, AUseIsStillKnownAfterARestart) {
  const auto row = *book_.redeem(invite_.id, proof(), h_, joiner_, kNow)->row;
  TicketBook back(NetworkId{{1}});
  ASSERT_TRUE(back.load(row).has_value());
  EXPECT_EQ(code_of(back.redeem(invite_.id, proof(), h_, thief_, kNow)), Errc::Conflict);
  EXPECT_TRUE(back.redeem(invite_.id, proof(), h_, joiner_, kNow)->again);
  auto moved = row;
  moved.key[0] ^= 1;
  EXPECT_EQ(code_of(back.load(moved)), Errc::Malformed);
}

TEST_F(Book, UndoAndPurge) {
  ASSERT_TRUE(book_.redeem(invite_.id, proof(), h_, joiner_, kNow).has_value());
  book_.undo(invite_.id);
  EXPECT_FALSE(book_.redeem(invite_.id, proof(), h_, thief_, kNow)->again);
  EXPECT_TRUE(book_.purge(kNow + 900).empty());
  EXPECT_EQ(book_.purge(kNow + 900 + 86400).size(), 1U);
  EXPECT_TRUE(book_.list().empty());
}

TEST_F(Book, RowsOfBeforeTheTimeOfUseWasKeptAreRead) {
  auto invite = invite_;
  invite.used_by = joiner_;
  const auto old = invite.encode();
  ASSERT_EQ(old[0], 0x98);
  EXPECT_EQ(*Invite::decode(old), invite);
  invite.used_at = kNow;
  EXPECT_EQ(*Invite::decode(invite.encode()), invite);
  invite.used_by.reset();
  EXPECT_EQ(code_of(Invite::decode(invite.encode())), Errc::Malformed);
}

TEST_F(Book, IssuingIsBoundedAndChecked) {
  EXPECT_EQ(code_of(book_.issue(rng_, "No Label", {}, 1, 900, kNow)), Errc::Usage);
  EXPECT_EQ(code_of(book_.issue(rng_, "n", {"Bad!"}, 1, 900, kNow)), Errc::Usage);
  EXPECT_EQ(code_of(book_.issue(rng_, "n", {}, 1, 0, kNow)), Errc::Usage);
  EXPECT_EQ(code_of(book_.issue(rng_, "n", {}, 1, kMaxTicketLife + 1, kNow)), Errc::Usage);
}

}  // namespace
}  // namespace weft::roster
