#include "dht/message.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/bytes.hpp"

namespace weft::dht {
namespace {

constexpr Cookie kCookie = 0x636f6f6b69652121;  // "cookie!!"
const std::string kCookieHex = "c408636f6f6b69652121";
const std::string kTargetHex =
    "c420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

NodeId target() {
  NodeId id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::uint8_t>(i);
  return id;
}
Bytes bytes(const std::string& hex) { return *from_hex(hex); }

// The line of docs/wire/dht.md that follows "as hex".
std::string example_of_the_manual() {
  std::ifstream manual(std::string(WEFT_SOURCE_DIR) + "/docs/wire/dht.md");
  bool announced = false;
  for (std::string line; std::getline(manual, line);) {
    if (announced && line.starts_with("    ")) {
      std::erase(line, ' ');
      return line;
    }
    announced = announced || line.find("as hex") != std::string::npos;
  }
  return "";
}

TEST(Message, IsTheOneOfTheManual) {
  Request request;
  request.type = MessageType::FindNode;
  request.cookie = kCookie;
  request.target = target();
  EXPECT_EQ(to_hex(request.encode()), example_of_the_manual());
}

TEST(Message, RequestsAreTheseBytes) {
  Request ping;
  ping.flags = kFlagServer;
  EXPECT_EQ(to_hex(ping.encode()), "01930101c0");
  Request get;
  get.type = MessageType::Get;
  get.target = target();
  get.kind = RecordKind::Node;
  get.skip = 20;
  EXPECT_EQ(to_hex(get.encode()), "01960300c0" + kTargetHex + "0214");
  const Bytes record{0xaa, 0xbb};
  Request put;
  put.type = MessageType::Put;
  put.cookie = kCookie;
  put.record = record;
  EXPECT_EQ(to_hex(put.encode()), "01950400" + kCookieHex + "c0c402aabb");
  put.cas = 7;
  put.left = 300;
  EXPECT_EQ(to_hex(put.encode()), "01960400" + kCookieHex + "07c402aabbcd012c");
}

TEST(Message, RepliesAreTheseBytes) {
  Reply ping;
  ping.cookie = kCookie;
  ping.known = 5;
  EXPECT_EQ(to_hex(ping.encode()), "01950100" + kCookieHex + "c005");
  ping.known = 0;
  ping.observed = Endpoint::v4(0xc0000201, 4000);
  EXPECT_EQ(to_hex(ping.encode()),
            "01940100" + kCookieHex + "c412" + "00000000000000000000ffffc00002010fa0");
  const Bytes record{0xaa};
  Reply get;
  get.type = MessageType::Get;
  get.flags = kFlagMore;
  get.cookie = kCookie;
  get.records = {record};
  EXPECT_EQ(to_hex(get.encode()), "01950304" + kCookieHex + "c40091c401aa");
  Reply put;
  put.type = MessageType::Put;
  put.cookie = kCookie;
  put.error = PutError::CasMismatch;
  EXPECT_EQ(to_hex(put.encode()), "01940400" + kCookieHex + "cd012d");
}

TEST(Message, WhatIsWrittenIsRead) {
  const Bytes contacts(2 * kContactSize, 7);
  Request ping;
  ping.contacts = contacts;
  const Bytes ping_body = ping.encode();
  const auto ping_read = Request::decode(ping_body);
  ASSERT_TRUE(ping_read);
  EXPECT_EQ(contact_count(ping_read->contacts), 2U);
  EXPECT_FALSE(ping_read->cookie);
  const auto put = Request::decode(bytes("01960400" + kCookieHex + "07c402aabbcd012c"));
  ASSERT_TRUE(put);
  EXPECT_EQ(put->cookie, kCookie);
  EXPECT_EQ(put->cas, 7U);
  EXPECT_EQ(put->left, 300U);
  const auto pong = Reply::decode(bytes("01950100" + kCookieHex + "c005"));
  ASSERT_TRUE(pong);
  EXPECT_FALSE(pong->observed);
  EXPECT_EQ(pong->known, 5U);
}

TEST(Message, ElementsOfLaterVersionsAreIgnored) {
  EXPECT_TRUE(Request::decode(bytes("01950201c0" + kTargetHex + "40")));  // the control
  EXPECT_TRUE(Request::decode(bytes("01970201c0" + kTargetHex + "40a16101")));
}

class MessageErrors : public testing::TestWithParam<const char*> {};
TEST_P(MessageErrors, AreRefused) {
  std::string hex = GetParam();
  for (const auto& [name, value] :
       {std::pair{std::string("COOKIE"), kCookieHex}, {std::string("TARGET"), kTargetHex}})
    if (const auto at = hex.find(name); at != std::string::npos)
      hex.replace(at, name.size(), value);
  const Bytes body = bytes(hex.substr(1));
  EXPECT_FALSE(hex[0] == 'Q' ? Request::decode(body).has_value() : Reply::decode(body).has_value());
}
INSTANTIATE_TEST_SUITE_P(
    All, MessageErrors,
    testing::Values("Q", "Q02930101c0",          // nothing; of another channel
                    "Q01920101", "Q01930500c0",  // too short; no such type
                    "Q01940200c0c403aabbcc",     // a target of three bytes
                    "Q01950200c0TARGET41",       // 65 to skip
                    "Q01950300c0TARGET04",       // no such kind
                    "Q01940300c0TARGET",         // a get without kind
                    "Q01940100c0c40107",         // a contact cut short
                    "Qdc0011",                   // 17 elements and no channel
                    "R01930100c0",               // a reply without cookie
                    "R01940400COOKIEcd03e8",     // error 1000
                    "R01950300COOKIEc40099c400c400c400c400c400c400c400c400c400"));  // nine records

}  // namespace
}  // namespace weft::dht
