// Ids, their text forms, endpoints and hex.
#include <gtest/gtest.h>

#include "base/bech32.hpp"
#include "base/endpoint.hpp"
#include "base/node_id.hpp"
#include "base/seeded_rng.hpp"

namespace weft {
namespace {

template <class T>
Errc code(const Result<T>& result) {
  return result ? Errc::Usage : result.error().code;
}

// BIP 350, valid bech32m strings (data parts of whole bytes among them are decoded further).
TEST(Bech32m, Bip350ValidStrings) {
  EXPECT_TRUE(bech32m_decode("a", "A1LQFN3A"));
  EXPECT_TRUE(bech32m_decode("a", "a1lqfn3a"));
  EXPECT_EQ(bech32m_decode("a", "a1lqfn3a")->size(), 0u);
  EXPECT_TRUE(bech32m_decode("?", "?1v759aa"));
  EXPECT_EQ(bech32m_encode("a", {}), "a1lqfn3a");
  EXPECT_EQ(bech32m_encode("?", {}), "?1v759aa");
}

// BIP 350, invalid ones, and bech32 (BIP 173) checksums, which bech32m must not take.
TEST(Bech32m, Bip350InvalidStrings) {
  for (const auto& [prefix, text] : std::initializer_list<std::pair<const char*, const char*>>{
           {"y", "y1b0jsk6g"},    // b is not in the alphabet
           {"lt", "lt1igcx5c0"},  // nor i
           {"in", "in1muywd"},    // checksum too short
           {"mm", "mm1crxm3i"},   // i in the checksum
           {"au", "au1s5cgom"},   // o in the checksum
           {"M", "M1VUXWEZ"},     // checksum of the upper-case prefix
           {"a", "a12uel5l"},     // bech32, not bech32m
           {"a", "A1lqfn3a"}}) {  // mixed case
    EXPECT_EQ(code(bech32m_decode(prefix, text)), Errc::Malformed) << text;
  }
}

TEST(Bech32m, EverySingleSubstitutionIsRefused) {
  SeededRng rng(1);
  const NodeId id{rng.bytes<32>()};
  const std::string good = to_text(id);
  ASSERT_TRUE(node_id_from_text(good));
  for (std::size_t i = 0; i < good.size(); ++i)
    for (const char c : std::string_view("qpzry9x8gf2tvdw0s3jn54khce6mua7l1")) {
      if (c == good[i]) continue;
      std::string bad = good;
      bad[i] = c;
      EXPECT_FALSE(node_id_from_text(bad)) << bad;
    }
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_FALSE(node_id_from_text(std::string_view(good).substr(0, n)));
  EXPECT_EQ(code(bech32m_decode("wf", std::string(kMaxBech32Text + 1, 'q'))), Errc::TooLarge);
}

TEST(Bech32m, SaysWhatIsWrongWithATextCutShort) {
  EXPECT_TRUE(bech32m_decode("wt", "wt1wrong").error().detail.contains("cut short"));
  EXPECT_TRUE(bech32m_decode("wt", "wt").error().detail.contains("does not start with \"wt1\""));
  EXPECT_TRUE(bech32m_decode("wt", "wf1qqqqqqqq").error().detail.contains("does not start"));
}

TEST(Bech32m, RoundTripOfEveryLength) {
  SeededRng rng(2);
  for (std::size_t size = 0; size < 300; ++size) {
    Bytes data(size);
    rng.fill(data);
    const auto back = bech32m_decode("wt", bech32m_encode("wt", data));
    ASSERT_TRUE(back);
    ASSERT_EQ(*back, data);
  }
}

TEST(NodeId, TextFormsTellNodesFromNetworks) {
  SeededRng rng(3);
  const NodeId node{rng.bytes<32>()};
  const NetworkId network{node.bytes};
  EXPECT_TRUE(to_text(node).starts_with("wf1"));
  EXPECT_TRUE(to_text(network).starts_with("wn1"));
  EXPECT_EQ(node_id_from_text(to_text(node)).value(), node);
  EXPECT_EQ(network_id_from_text(to_text(network)).value(), network);
  EXPECT_FALSE(node_id_from_text(to_text(network)));
  EXPECT_FALSE(network_id_from_text(to_text(node)));
  EXPECT_FALSE(node_id_from_text(bech32m_encode("wf", rng.bytes<31>())));
  EXPECT_EQ(short_text(node), to_text(node).substr(0, 10));
}

TEST(NodeId, DistanceIsXor) {
  SeededRng rng(4);
  const NodeId a{rng.bytes<32>()};
  const NodeId b{rng.bytes<32>()};
  const NodeId c{rng.bytes<32>()};
  EXPECT_TRUE(distance(a, a).is_zero());
  EXPECT_EQ(distance(a, b), distance(b, a));
  EXPECT_EQ(distance(NodeId{distance(a, b).bytes}, NodeId{distance(b, c).bytes}), distance(a, c));
  EXPECT_EQ(common_prefix(a, a), 256);
  for (int bit = 0; bit < 256; ++bit) {
    NodeId other = a;
    const auto at = static_cast<std::size_t>(bit / 8);
    other.bytes[at] = static_cast<std::uint8_t>(other.bytes[at] ^ 0x80 >> bit % 8);
    EXPECT_EQ(common_prefix(a, other), bit);
  }
}

TEST(Endpoint, TextRoundTrip) {
  for (const auto* text : {"192.0.2.1:7", "0.0.0.0:0", "255.255.255.255:65535", "[2001:db8::1]:7",
                           "[::]:0", "[fe80::1]:443"}) {
    const auto endpoint = endpoint_from_text(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(to_text(*endpoint), text);
    Bytes wire;
    append_wire(wire, *endpoint);
    EXPECT_EQ(wire.size(), Endpoint::kWireSize);
    EXPECT_EQ(endpoint_from_wire(wire).value(), *endpoint);
  }
}

TEST(Endpoint, BadTextIsRefused) {
  for (const auto* text :
       {"", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:7x", "1.2.3:7",
        "256.1.1.1:7", "::1:7", "[::1:7", "[]:7", "[1.2.3.4]:7", "localhost:7", "1.2.3.4 :7"})
    EXPECT_EQ(code(endpoint_from_text(text)), Errc::Malformed) << text;
  EXPECT_EQ(code(endpoint_from_wire(Bytes(17))), Errc::Malformed);
  EXPECT_EQ(code(endpoint_from_wire(Bytes(19))), Errc::Malformed);
}

TEST(Endpoint, ClassesOfAddress) {
  const auto at = [](const char* text) { return endpoint_from_text(text).value(); };
  EXPECT_TRUE(at("127.3.2.1:1").is_loopback());
  EXPECT_TRUE(at("[::1]:1").is_loopback());
  EXPECT_FALSE(at("128.0.0.1:1").is_loopback());
  EXPECT_TRUE(at("0.0.0.0:1").is_unspecified());
  EXPECT_TRUE(at("[::]:1").is_unspecified());
  EXPECT_TRUE(at("169.254.169.254:1").is_link_local());
  EXPECT_TRUE(at("[fe80::1]:1").is_link_local());
  for (const auto* text : {"10.0.0.1:1", "172.16.0.1:1", "172.31.255.1:1", "192.168.1.1:1",
                           "[fd00::1]:1", "127.0.0.1:1"})
    EXPECT_TRUE(at(text).is_private()) << text;
  for (const auto* text :
       {"172.15.0.1:1", "172.32.0.1:1", "11.0.0.1:1", "192.169.0.1:1", "[2001:db8::1]:1"})
    EXPECT_FALSE(at(text).is_private()) << text;
  EXPECT_EQ(Endpoint::v4(0xc0000201, 7), at("192.0.2.1:7"));
  EXPECT_EQ(at("192.0.2.1:7").v4_address(), 0xc0000201u);
  EXPECT_EQ(at("[::ffff:192.0.2.1]:7"), at("192.0.2.1:7"));
}

TEST(Hex, RoundTripAndRefusals) {
  EXPECT_EQ(to_hex(from_hex("00fFa5").value()), "00ffa5");
  for (const auto* text : {"0", "0g", "zz", "00 0"}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(BigEndian, AppendsAndReads) {
  Bytes out;
  append_be<std::uint32_t>(out, 0x01020304);
  EXPECT_EQ(to_hex(out), "01020304");
  EXPECT_EQ(read_be<std::uint32_t>(out), 0x01020304u);
  EXPECT_EQ(read_be<std::uint16_t>(ByteView(out).subspan(1)), 0x0203u);
}

}  // namespace
}  // namespace weft
