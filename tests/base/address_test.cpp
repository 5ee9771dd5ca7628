#include "base/address.hpp"

#include <gtest/gtest.h>

namespace weft {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

NodeId some_node() {
  NodeId id;
  id.bytes.fill(0xab);
  return id;
}

Result<std::optional<Address>> read(ByteView bytes) {
  auto in = wire::Reader::canonical(bytes);
  WEFT_TRY(auto address, read_address(in));
  WEFT_CHECK(in.finish());
  return address;
}

Errc code_of(std::string_view bytes) {
  const auto result = read(hex(bytes));
  return result ? Errc::Usage : result.error().code;
}

const Endpoint kV4 = Endpoint::v4(0xc0000201, 7000);
const Endpoint kV6 = *endpoint_from_text("[2001:db8::1]:443");

struct Vector {
  Address address;
  std::string bytes;
  std::string text;
};

// docs/wire/address.md prints these.
std::vector<Vector> vectors() {
  std::string relay;
  for (int i = 0; i < 32; ++i) relay += "ab";
  return {
      {UdpAddress{kV4}, "9301c404c0000201cd1b58", "udp 192.0.2.1:7000"},
      {UdpAddress{kV6}, "9301c41020010db8000000000000000000000001cd01bb", "udp [2001:db8::1]:443"},
      {TcpAddress{kV4}, "9302c404c0000201cd1b58", "tcp 192.0.2.1:7000"},
      {WssAddress{"r.example", 443, "/weft"}, "9403a9722e6578616d706c65cd01bba52f77656674",
       "wss://r.example:443/weft"},
      {RelayAddress{some_node(), {UdpAddress{kV4}, WssAddress{"r", 1, "/"}}},
       "9304c420" + relay + "929301c404c0000201cd1b589403a17201a12f",
       "via " + to_text(some_node()) + " at udp 192.0.2.1:7000, wss://r:1/"},
      {RelayAddress{some_node(), {}}, "9304c420" + relay + "90", "via " + to_text(some_node())},
      {RelayAddress{some_node(), {}, some_node().bytes}, "9404c420" + relay + "90c420" + relay,
       "via " + to_text(some_node())},
  };
}

TEST(Address, HasTheBytesOfItsPage) {
  for (const auto& [address, bytes, text] : vectors()) {
    wire::Writer out;
    write_address(out, address);
    EXPECT_EQ(to_hex(out.bytes()), bytes);
    const auto back = read(hex(bytes));
    ASSERT_TRUE(back) << bytes << " " << back.error().detail;
    EXPECT_EQ(**back, address);
    EXPECT_EQ(to_text(address), text);
  }
}

TEST(Address, UnknownKindsAndFurtherElementsAreSkipped) {
  const auto unknown = read(hex("930ba1786390"));  // [11, "x", 99] and then an array: trailing
  EXPECT_FALSE(unknown);
  const auto skipped = read(hex("930ba17863"));
  ASSERT_TRUE(skipped);
  EXPECT_FALSE(*skipped);
  const auto longer = read(hex("9401c404c0000201cd1b58a178"));
  ASSERT_TRUE(longer);
  EXPECT_EQ(**longer, Address(UdpAddress{kV4}));
}

TEST(Address, TheFormOfBeforeIsUdp) {
  Bytes old;
  append_wire(old, kV4);
  wire::Writer out;
  out.bin(old);
  const auto back = read(out.bytes());
  ASSERT_TRUE(back);
  EXPECT_EQ(**back, Address(UdpAddress{kV4}));
  wire::Writer nowhere;
  nowhere.bin(Bytes(18, 0));
  const auto skipped = read(nowhere.bytes());
  ASSERT_TRUE(skipped);
  EXPECT_FALSE(*skipped);
}

TEST(Address, WhatBreaksAnInvariantIsRefused) {
  ASSERT_EQ(code_of("9301c404c0000201cd1b58"), Errc::Usage);            // the control
  EXPECT_EQ(code_of("90"), Errc::Malformed);                            // no kind
  EXPECT_EQ(code_of("9201c404c0000201"), Errc::Malformed);              // no port
  EXPECT_EQ(code_of("9301c404c000020100"), Errc::Malformed);            // port 0
  EXPECT_EQ(code_of("9301c404c0000201ce00010000"), Errc::Malformed);    // port 65536
  EXPECT_EQ(code_of("9301c40400000000cd1b58"), Errc::Malformed);        // 0.0.0.0
  EXPECT_EQ(code_of("9301c405c000020101cd1b58"), Errc::Malformed);      // five bytes
  EXPECT_EQ(code_of("9301c41000000000000000000000ffffc0000201cd1b58"),  // mapped IPv4
            Errc::NonCanonical);
  EXPECT_EQ(code_of("9403a001a12f"), Errc::Malformed);      // no host
  EXPECT_EQ(code_of("9403a1720101"), Errc::Malformed);      // no path: a number
  EXPECT_EQ(code_of("9403a17201a178"), Errc::Malformed);    // a path without /
  EXPECT_EQ(code_of("9403a2200a01a12f"), Errc::Malformed);  // a host of blanks
  std::string relay;
  for (int i = 0; i < 32; ++i) relay += "ab";
  const std::string inner = "9304c420" + relay + "90";
  EXPECT_EQ(code_of("9304c420" + relay + "91" + inner), Errc::Malformed);  // a relay by a relay
  EXPECT_NE(code_of("9304c420" + relay + "93" + "9301c404c0000201cd1b58" +
                    "9301c404c0000201cd1b59" + "9301c404c0000201cd1b5a"),
            Errc::Usage);  // three places
}

TEST(Address, AListIsBoundedAndKeepsWhatItKnows) {
  std::vector<Address> nine(9, UdpAddress{kV4});
  wire::Writer out;
  write_addresses(out, nine, 8);
  auto in = wire::Reader::canonical(out.bytes());
  EXPECT_EQ(read_addresses(in, 8)->size(), 8U);
  in = wire::Reader::canonical(out.bytes());
  EXPECT_FALSE(read_addresses(in, 7));
  const auto endpoints = udp_endpoints({UdpAddress{kV4}, TcpAddress{kV4}, UdpAddress{kV6}});
  EXPECT_EQ(endpoints, (std::vector{kV4, kV6}));
  EXPECT_EQ(udp_addresses({kV4, Endpoint{}}), std::vector<Address>{UdpAddress{kV4}});
}

}  // namespace
}  // namespace weft
