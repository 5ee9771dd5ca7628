#include "overlay/relay/messages.hpp"

#include <gtest/gtest.h>

#include "base/wire.hpp"

namespace weft::relay {
namespace {

ByteView body_of(const Bytes& frame) { return ByteView(frame).subspan(2); }

NodeId node(std::uint8_t n) {
  NodeId id;
  id.bytes.fill(n);
  return id;
}

template <class M>
M again(const M& message) {
  const Bytes frame = encode(message);
  EXPECT_EQ(read_be<std::uint16_t>(frame), frame.size() - 2);
  const auto back = decode(body_of(frame));
  EXPECT_TRUE(back) << back.error().detail;
  return std::get<M>(*back);
}

TEST(RelayMessages, ComeBackAsTheyWere) {
  EXPECT_EQ(again(Offer{true, 250}).load_permille, 250);
  again(Reserve{});
  EXPECT_EQ(again(Reserved{Status::Full}).status, Status::Full);
  const auto connect = again(Connect{7, node(2)});
  EXPECT_EQ(connect.request, 7);
  EXPECT_EQ(connect.target, node(2));
  EXPECT_FALSE(connect.token);
  Token token;
  token.fill(9);
  EXPECT_EQ(again(Connect{7, node(2), token}).token, token);
  const auto incoming = again(Incoming{5, 0xabcdef012345, node(1), true});
  EXPECT_EQ(incoming.label, 0xabcdef012345);
  EXPECT_TRUE(incoming.joining);
  EXPECT_EQ(again(Accept{5}).circuit, 5);
  const auto connected = again(Connected{7, Status::Ok, 5, 0x1234});
  EXPECT_EQ(connected.circuit, 5);
  EXPECT_EQ(connected.label, 0x1234);
  EXPECT_EQ(again(Close{5}).circuit, 5);
  EXPECT_TRUE(again(Close{5, true}).by_relay);
  EXPECT_EQ(again(Introduce{token, 900}).seconds, 900);
}

// The bytes of docs/wire/relay.md.
TEST(RelayMessages, AreTheseBytes) {
  EXPECT_EQ(to_hex(encode(Offer{true, 250})),
            "0005"
            "93"
            "30"
            "c3"
            "ccfa");
  EXPECT_EQ(to_hex(encode(Accept{5})),
            "0003"
            "92"
            "35"
            "05");
  EXPECT_EQ(to_hex(encode(Connected{7, Status::Ok, 5, 0x1234})),
            "0008"
            "95"
            "36"
            "07"
            "00"
            "05"
            "cd1234");
}

TEST(RelayMessages, BrokenOnesAreMalformedAndLaterOnesAreSkipped) {
  wire::Writer later;
  later.array(2).uint(60).uint(1);
  EXPECT_TRUE(std::holds_alternative<Skipped>(*decode(later.bytes())));
  wire::Writer longer;  // further elements
  longer.array(3).uint(53).uint(5).str("more");
  EXPECT_EQ(std::get<Accept>(*decode(longer.bytes())).circuit, 5);

  wire::Writer few;
  few.array(2).uint(54).uint(7);
  EXPECT_FALSE(decode(few.bytes()));
  EXPECT_FALSE(decode(body_of(encode(Incoming{5, kLabelMask, node(1)})).first(10)));
  wire::Writer wide;
  wide.array(5).uint(52).uint(5).uint(kLabelMask + 1).bin(node(1).view()).boolean(false);
  EXPECT_FALSE(decode(wide.bytes()));
  wire::Writer nothing;
  nothing.array(5).uint(54).uint(7).uint(0).uint(5).uint(0);  // ok, without a label
  EXPECT_FALSE(decode(nothing.bytes()));
  wire::Writer refused;
  refused.array(5).uint(54).uint(7).uint(99).uint(0).uint(0);  // a status of a later version
  EXPECT_EQ(std::get<Connected>(*decode(refused.bytes())).status, Status::Refused);
}

}  // namespace
}  // namespace weft::relay
