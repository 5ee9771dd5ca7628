#include "overlay/control_message.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"
#include "base/wire.hpp"

namespace weft::overlay {
namespace {

ByteView body_of(ByteView frame) {
  EXPECT_EQ(read_be<std::uint16_t>(frame) + 2u, frame.size());
  return frame.subspan(2);
}

template <class Message>
Message round_trip(const Message& message) {
  const Bytes frame = encode(message);
  const auto decoded = decode_control(body_of(frame));
  EXPECT_TRUE(decoded.has_value());
  EXPECT_EQ(encode(*decoded), frame);
  return std::get<Message>(*decoded);
}

TEST(ControlMessage, EachReadsBackAsItself) {
  SeededRng rng(1);
  Hello hello;
  hello.instance = rng.bytes<8>();
  hello.observed = Endpoint::v4(0x01020304, 5);
  hello.endpoints = {Endpoint::v4(0x05060708, 9), Endpoint::v4(0x0a0b0c0d, 10)};
  hello.software = "weft 0.1.0";
  const auto h = round_trip(hello);
  EXPECT_EQ(h.instance, hello.instance);
  EXPECT_EQ(h.endpoints, hello.endpoints);
  EXPECT_EQ(h.software, hello.software);
  EXPECT_EQ(round_trip(Ping{7}).sequence, 7u);
  EXPECT_EQ(round_trip(Pong{1ull << 60}).sequence, 1ull << 60);
  EXPECT_EQ(round_trip(RosterHave{9, rng.bytes<32>()}).sequence, 9u);
  EXPECT_EQ(round_trip(RosterGet{{rng.bytes<32>(), rng.bytes<32>()}}).locator.size(), 2u);
  const auto entries = round_trip(RosterEntries{{Bytes(4096, 1), Bytes{2}}, true, false});
  EXPECT_EQ(entries.entries[0].size(), 4096u);
  EXPECT_TRUE(entries.more);
  EXPECT_FALSE(entries.last);
  EXPECT_EQ(round_trip(PeerList{{{Bytes(300, 7), hello.endpoints}}}).peers[0].endpoints.size(), 2u);
  EXPECT_EQ(round_trip(ServicesGet{3}).request, 3u);
  EXPECT_EQ(round_trip(ServicesAre{3, {{"web", "tcp", 80}}}).services[0].port, 80u);
  const auto refused =
      round_trip(ServicesAre{3, {{"web", "tcp", 80, service::Health::Refused, 20}}}).services[0];
  EXPECT_EQ(refused.health, service::Health::Refused);
  EXPECT_EQ(refused.health_age_s, 20u);
  EXPECT_EQ(round_trip(JoinRequest{rng.bytes<16>(), rng.bytes<32>(), "b"}).wanted_name, "b");
  EXPECT_EQ(round_trip(JoinRequest{rng.bytes<16>(), rng.bytes<32>(), "b", 1'800'000'000}).time,
            1'800'000'000u);
  EXPECT_EQ(round_trip(JoinAnswer{JoinStatus::Removed, "", "", 1'800'000'000}).time,
            1'800'000'000u);
  round_trip(Leave{});
  EXPECT_EQ(round_trip(JoinAnswer{JoinStatus::Used, "used", "b"}).status, JoinStatus::Used);
  EXPECT_EQ(round_trip(Rekey{Bytes(2000, 3)}).message.size(), 2000u);
  const auto other = Endpoint::v4(0x0a000001, 4000);
  EXPECT_EQ(round_trip(RunsTwice{other}).other, other);
}

TEST(ControlMessage, LaterVersionsMayAddTypesFieldsAndKeys) {
  wire::Writer more;
  more.array(4).uint(2).uint(5).str("new").map(1);
  more.str("k").uint(1);
  const auto ping = decode_control(more.bytes());
  ASSERT_TRUE(ping);
  EXPECT_EQ(std::get<Ping>(*ping).sequence, 5u);
  wire::Writer fresh;
  fresh.array(2).uint(99).str("what?");
  EXPECT_EQ(std::get<Unknown>(*decode_control(fresh.bytes())).type, 99u);
  wire::Writer hello;
  hello.array(4).uint(1).uint(1).uint(3).map(2);
  hello.str("colour").str("blue").str("software").str("weft 9");
  EXPECT_EQ(std::get<Hello>(*decode_control(hello.bytes())).software, "weft 9");
  wire::Writer status;
  status.array(4).uint(11).uint(200).str("later").str("");
  EXPECT_EQ(std::get<JoinAnswer>(*decode_control(status.bytes())).status, JoinStatus::Denied);
}

TEST(ControlMessage, AServiceIsCalledByALabelAndIsNoOlderThanAYear) {
  const auto line = [](const char* name, const char* protocol, std::uint64_t health,
                       std::uint64_t age) {
    wire::Writer out;
    out.array(3).uint(9).uint(0).array(1).array(6).str(name).str(protocol).uint(80);
    out.uint(health).uint(age).nil();
    return decode_control(out.bytes());
  };
  for (const char* bad : {"", "\x1b[31mred", "Web", "a\nb", "\xc2\x9b", "-a"}) {
    EXPECT_FALSE(line(bad, "tcp", 1, 0)) << bad;
    EXPECT_FALSE(line("web", bad, 1, 0)) << bad;
  }
  const auto old = line("web", "tcp", 2, UINT64_MAX);
  ASSERT_TRUE(old);
  EXPECT_EQ(std::get<ServicesAre>(*old).services[0].health_age_s, kMaxHealthAge);
  const auto later = line("web", "tcp", 99, 5);  // a health of a later version
  EXPECT_EQ(std::get<ServicesAre>(*later).services[0].health, service::Health::Unknown);
}

TEST(ControlMessage, CutOrOversizedOnesAreRefused) {
  const Bytes frame = encode(ServicesAre{3, {{"web", "tcp", 80}, {"ssh", "tcp", 22}}});
  const auto body = body_of(frame);
  for (std::size_t size = 0; size < body.size(); ++size)
    EXPECT_FALSE(decode_control(body.first(size))) << size;
  wire::Writer many;
  many.array(2).uint(5).array(41);
  for (int i = 0; i < 41; ++i) many.bin(Bytes(32));
  EXPECT_FALSE(decode_control(many.bytes()));
  wire::Writer long_entry;
  long_entry.array(4).uint(6).boolean(false).boolean(true).array(1);
  long_entry.bin(Bytes(4097));
  EXPECT_FALSE(decode_control(long_entry.bytes()));
  const Bytes announced{0x92, 0x05, 0xdd, 0xff, 0xff, 0xff, 0xff};  // 2^32 - 1 hashes
  EXPECT_FALSE(decode_control(announced));
}

}  // namespace
}  // namespace weft::overlay
