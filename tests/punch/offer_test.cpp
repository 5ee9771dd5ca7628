#include "overlay/punch/offer.hpp"

#include <gtest/gtest.h>

namespace weft::punch {
namespace {

Endpoint at(const char* text) { return *endpoint_from_text(text); }

Offer example() {
  Offer offer;
  offer.attempt = {1, 2, 3, 4, 5, 6, 7, 8};
  offer.opener = Opener::Answerer;
  offer.key.name = {0xaa};
  offer.key.password = {0xbb};
  offer.nat = {nat::Mapping::Dependent, nat::Filtering::ByAddressAndPort};
  offer.addresses = udp_addresses({at("192.0.2.1:7000"), at("[2001:db8::1]:7000")});
  return offer;
}

TEST(Offer, IsReadAsItWasWritten) {
  for (const bool answer : {false, true}) {
    Offer offer = example();
    offer.answer = answer;
    const auto read = decode_offer(encode(offer));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, offer);
  }
}

// docs/wire/punch.md has these bytes.
TEST(Offer, HasTheseBytes) {
  Offer offer = example();
  offer.addresses.resize(1);
  EXPECT_EQ(to_hex(encode(offer)),
            "993cc4080102030405060708c202c408aa00000000000000c410bb000000000000000000000000000000"
            "919301c404c0000201cd1b580503");
  const Bytes framed = frame(offer);
  EXPECT_EQ(read_be<std::uint16_t>(framed), framed.size() - 2);
}

TEST(Offer, OtherThingsAreNone) {
  ASSERT_TRUE(decode_offer(encode(example())));
  EXPECT_FALSE(decode_offer({}));
  EXPECT_FALSE(decode_offer(*from_hex("90")));
  EXPECT_EQ(decode_offer(*from_hex("913d")).error().code, Errc::Unsupported);
  EXPECT_EQ(decode_offer(*from_hex("913c")).error().code, Errc::Malformed);
  Bytes bytes = encode(example());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_offer(ByteView(bytes).first(size))) << size;
  // An IPv4 address in its mapped form is refused where addresses are read.
  const Bytes mapped = *from_hex(
      "973cc4080102030405060708c202c408aa00000000000000c410bb000000000000000000000000000000"
      "919301c41000000000000000000000ffff7f000001cd1b58");
  EXPECT_FALSE(decode_offer(mapped));
}

TEST(Offer, ALaterVersionMaySayMore) {
  Bytes bytes = encode(example());
  bytes[0] = 0x9a;
  bytes.push_back(0xc3);
  const auto read = decode_offer(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, example());
  bytes[bytes.size() - 2] = 0x7f;  // a filtering that is not known here
  const auto strange = decode_offer(bytes);
  ASSERT_TRUE(strange);
  EXPECT_EQ(strange->nat.filtering, nat::Filtering::Unknown);
  EXPECT_EQ(strange->nat.mapping, nat::Mapping::Dependent);
}

TEST(Offer, AnEarlierVersionSaysNothingOfItsNat) {
  Bytes bytes = encode(example());
  bytes[0] = 0x97;
  bytes.resize(bytes.size() - 2);
  const auto read = decode_offer(bytes);
  ASSERT_TRUE(read);
  Offer older = example();
  older.nat = {};
  EXPECT_EQ(*read, older);
}

}  // namespace
}  // namespace weft::punch
