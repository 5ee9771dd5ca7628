#include "overlay/roster/entry.hpp"

#include <gtest/gtest.h>

#include "base/wire.hpp"
#include "tests/roster/kit.hpp"

namespace weft::roster {
namespace {

Entry sample() {
  Kit kit;
  return kit.on(kit.roster.head(), kit.a, kit.node(key_of(50), "laptop"));
}

TEST(RosterEntry, ReadsBackWhatItWrote) {
  const auto entry = sample();
  const auto bytes = entry.encode();
  const auto back = Entry::decode(bytes);
  ASSERT_TRUE(back.has_value()) << back.error().detail;
  EXPECT_EQ(back->encode(), bytes);
  EXPECT_EQ(back->hash(), entry.hash());
  const auto body = back->parse_body();
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ(std::get<NodeBody>(*body).name, "laptop");
}

// docs/wire/roster.md prints these bytes; a Python program makes the same.
TEST(RosterEntry, TheGenesisOfThePageKeepsItsBytes) {
  const auto person = crypto::Ed25519KeyPair::from_seed({1});
  const auto node = crypto::Ed25519KeyPair::from_seed({2});
  const GenesisBody body{"home", {3}, person.public_key, "ada", node.public_key, "a"};
  const auto bytes = Entry::sign_genesis(person, body, 1'800'000'000).encode();
  EXPECT_EQ(bytes.size(), 296U);
  EXPECT_EQ(to_hex(crypto::sha256(bytes)),
            "51acea0cb30ecb34b5a26486f58d76246341179fa570f86a1a7f1048f2f12fc3");
}

TEST(RosterEntry, EveryKindReadsBack) {
  const ByteArray<32> id = SeededRng(3).bytes<32>();
  const std::vector<Body> bodies{GenesisBody{"net", id, id, "ada", id, "a"},
                                 PersonBody{id, "bob", kMayAdmin},
                                 NodeBody{id, "n", id, 7},
                                 GroupBody{"friends", false, NodeId{id}},
                                 GrantBody{"blog", NodeId{id}, 77},
                                 QuotaBody{NodeId{id}, 1ULL << 40},
                                 KeyChangeBody{NodeId{id}, id, {}},
                                 RemovalBody{true, id},
                                 CheckpointBody{},
                                 TopicBody{"app.>", NodeId{id}, {}, Ruling::Allow, Ruling::None},
                                 TopicBody{"app.*", {}, "friends", Ruling::None, Ruling::Deny},
                                 TopicBody{"app.door", {}, {}, Ruling::Deny, Ruling::Allow}};
  for (const auto& body : bodies) {
    Entry entry;
    entry.kind = static_cast<std::uint64_t>(kind_of(body));
    entry.body = pack(body);
    const auto back = entry.parse_body();
    ASSERT_TRUE(back.has_value()) << entry.kind;
    EXPECT_EQ(*back, body) << entry.kind;
  }
}

// N14: any flipped byte is refused; the untouched entry is the control.
TEST(RosterEntry, NoFlippedByteIsAccepted) {
  auto bytes = sample().encode();
  ASSERT_TRUE(Entry::decode(bytes).has_value());
  for (auto& byte : bytes) {
    byte ^= 0x01;
    EXPECT_FALSE(Entry::decode(bytes).has_value());
    byte ^= 0x01;
  }
  ASSERT_TRUE(Entry::decode(bytes).has_value());
}

TEST(RosterEntry, SignatureOfAnotherKeyIsBad) {
  auto entry = sample();
  entry.signer = key_of(77).public_key;
  EXPECT_EQ(code_of(Entry::decode(entry.encode())), Errc::BadSignature);
}

TEST(RosterEntry, SignatureCoversEveryField) {
  const auto good = sample();
  const auto spoilt = [&](auto change) {
    auto entry = good;
    change(entry);
    return code_of(Entry::decode(entry.encode()));
  };
  EXPECT_EQ(spoilt([](Entry& e) { e.network.bytes[0] ^= 1; }), Errc::BadSignature);
  EXPECT_EQ(spoilt([](Entry& e) { ++e.seq; }), Errc::BadSignature);
  EXPECT_EQ(spoilt([](Entry& e) { e.prev[0] ^= 1; }), Errc::BadSignature);
  EXPECT_EQ(spoilt([](Entry& e) { e.kind = 3; }), Errc::BadSignature);
  EXPECT_EQ(spoilt([](Entry& e) { e.critical = true; }), Errc::BadSignature);
  EXPECT_EQ(spoilt([](Entry& e) { e.body.back() ^= 1; }), Errc::BadSignature);
  EXPECT_EQ(spoilt([](Entry& e) { ++e.time; }), Errc::BadSignature);
}

// N17: the largest entry is taken, one byte more is not, whatever its signature says.
TEST(RosterEntry, SizeEndsAt4096) {
  const auto key = key_of(2);
  const auto of_body = [&](std::size_t size) {
    return Entry::sign(key, {}, {}, static_cast<Kind>(99), Bytes(size, 7), 1).encode();
  };
  const auto overhead = of_body(3000).size() - 3000;
  const auto largest = of_body(kMaxEntrySize - overhead);
  ASSERT_EQ(largest.size(), 4096U);
  EXPECT_TRUE(Entry::decode(largest).has_value());
  const auto over = of_body(kMaxEntrySize - overhead + 1);
  ASSERT_EQ(over.size(), 4097U);
  EXPECT_EQ(code_of(Entry::decode(over)), Errc::TooLarge);
}

// N18: the same meaning in more bytes, its signature made over either form.
TEST(RosterEntry, LongerEncodingOfTheSameValueIsRefused) {
  const auto bytes = sample().encode();
  ASSERT_EQ(bytes[1], 1);  // the version, a positive fixint
  Bytes longer(bytes.begin(), bytes.begin() + 1);
  longer.push_back(0xcc);
  longer.push_back(1);
  longer.insert(longer.end(), bytes.begin() + 2, bytes.end());
  EXPECT_EQ(code_of(Entry::decode(longer)), Errc::NonCanonical);

  Bytes wide_array{0xdc, 0x00, 0x09};
  wide_array.insert(wide_array.end(), bytes.begin() + 1, bytes.end());
  EXPECT_EQ(code_of(Entry::decode(wide_array)), Errc::NonCanonical);

  auto trailing = bytes;
  trailing.push_back(0xc0);
  EXPECT_FALSE(Entry::decode(trailing).has_value());
}

TEST(RosterEntry, NonCanonicalBodyIsRefused) {
  Entry entry;
  entry.kind = static_cast<std::uint64_t>(Kind::Removal);
  entry.body = pack(RemovalBody{false, {}});
  ASSERT_TRUE(entry.parse_body().has_value());
  entry.body.push_back(0);
  EXPECT_FALSE(entry.parse_body().has_value());
  entry.body = pack(QuotaBody{{}, 5});
  entry.kind = static_cast<std::uint64_t>(Kind::Quota);
  ASSERT_TRUE(entry.parse_body().has_value());
  entry.body.back() = 0xcc;
  entry.body.push_back(5);
  EXPECT_EQ(code_of(entry.parse_body()), Errc::NonCanonical);
}

TEST(RosterEntry, TwoSignaturesAreForRemovalsOnly) {
  const auto entry = sample();
  auto bytes = entry.encode();
  const std::size_t at = bytes.size() - (1 + 1 + 2 + 32 + 2 + 64);
  ASSERT_EQ(bytes[at], 0x91);
  const Bytes pair(bytes.begin() + static_cast<std::ptrdiff_t>(at) + 1, bytes.end());
  bytes[at] = 0x92;
  append(bytes, pair);
  EXPECT_FALSE(Entry::decode(bytes).has_value());
}

}  // namespace
}  // namespace weft::roster
