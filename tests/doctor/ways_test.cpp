#include "node/doctor/ways.hpp"

#include <gtest/gtest.h>

namespace weft::doctor {
namespace {

void expect(const Finding& finding, Verdict verdict, std::string_view detail) {
  EXPECT_EQ(finding.verdict, verdict) << finding.name << ": " << finding.detail;
  EXPECT_NE(finding.detail.find(detail), std::string::npos) << finding.detail;
  EXPECT_EQ(finding.fix.empty(), verdict == Verdict::Pass) << finding.fix;
}

TEST(Doctor, Nat) {
  expect(nat({}), Verdict::Pass, "no member has told");
  Nat facts{"IPv4", "by address",         "independent", "random", false, true, false,
            2,      {"198.51.100.7:5000"}};
  expect(nat({facts}), Verdict::Warn, "mapping by address");
  facts.predictable = true;
  expect(nat({facts}), Verdict::Pass, "filtering independent");
  facts.known = facts.predictable = false;
  expect(nat({facts}), Verdict::Pass, "seen at 198.51.100.7:5000; it takes");
  facts.known = facts.none = facts.predictable = true;
  expect(nat({facts}), Verdict::Pass, "own address");
  facts.observers = 0;
  expect(nat({facts}), Verdict::Pass, "no member has told");
}

TEST(Doctor, Relay) {
  Relay facts{true, true, 1 << 20, 1 << 30, 3, 0};
  expect(relay(facts), Verdict::Pass, "3 circuits, 1 MiB this month");
  facts.used = facts.cap;
  expect(relay(facts), Verdict::Warn, "used up");
  facts.cap = 0;
  expect(relay(facts), Verdict::Pass, "circuits");
  facts.reached = false;
  facts.own_circuits = 2;
  expect(relay(facts), Verdict::Pass, "2 of its own go through others");
  facts.on = false;
  expect(relay(facts), Verdict::Pass, "for nobody");
}

TEST(Doctor, PortMapping) {
  PortMapping facts;
  facts.port = 41820;
  expect(port_mapping(facts), Verdict::Pass, "not asked for");
  facts.wished = true;
  expect(port_mapping(facts), Verdict::Pass, "not needed");
  facts.needed = true;
  expect(port_mapping(facts), Verdict::Pass, "being asked");
  facts.trouble = "no router answers";
  expect(port_mapping(facts), Verdict::Warn, "nobody in: no router answers");
  facts.reached = true;
  expect(port_mapping(facts), Verdict::Pass, "all the same");
  facts.address = "198.51.100.7:41820";
  facts.protocol = "upnp";
  facts.left_s = 7100;
  expect(port_mapping(facts), Verdict::Pass, "198.51.100.7:41820 (upnp), for 118 min");
  facts.left_s = 0;
  expect(port_mapping(facts), Verdict::Warn, "renews none");
  facts.left_s = 60;
  facts.inner = true;
  expect(port_mapping(facts), Verdict::Warn, "another router");
}

TEST(Doctor, RelayedBy) {
  RelayedBy facts;
  expect(relayed_by(facts), Verdict::Pass, "no other member");
  facts.others = 2;
  expect(relayed_by(facts), Verdict::Warn, "no member could");
  facts.refusing = {"oak"};
  expect(relayed_by(facts), Verdict::Warn, "oak give nothing");
  facts.reserved = {"elm"};
  expect(relayed_by(facts), Verdict::Pass, "through elm");
  facts.reached = true;
  expect(relayed_by(facts), Verdict::Pass, "directly");
}

TEST(Doctor, HttpProxy) {
  HttpProxy facts;
  expect(http_proxy(facts), Verdict::Pass, "none is configured");
  facts.not_used = "no port";
  expect(http_proxy(facts), Verdict::Fail, "not used: no port");
  facts.not_used.clear();
  facts.address = "proxy.lan:3128";
  expect(http_proxy(facts), Verdict::Pass, "none was needed");
  facts.worked = 2;
  expect(http_proxy(facts), Verdict::Pass, "2 WebSockets");
  facts.last_failure = "the proxy answers 403";
  expect(http_proxy(facts), Verdict::Warn, "answers 403");
  EXPECT_NE(http_proxy(facts).fix.find("CONNECT"), std::string::npos);
  facts.last_failure = "the proxy answers 407: it wants a user and a password";
  EXPECT_NE(http_proxy(facts).fix.find("PASSWORD"), std::string::npos);
}

TEST(Doctor, Portal) {
  Portal facts;
  expect(portal(facts), Verdict::Pass, "no sign");
  facts.in_place = {"wss://oak:443/weft"};
  expect(portal(facts), Verdict::Fail, "sign in");
  facts.by_udp = 1;
  expect(portal(facts), Verdict::Warn, "while UDP");
}

}  // namespace
}  // namespace weft::doctor
