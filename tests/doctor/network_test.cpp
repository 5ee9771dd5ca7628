#include "node/doctor/network.hpp"

#include <gtest/gtest.h>

namespace weft::doctor {
namespace {

void expect(const Finding& finding, Verdict verdict, std::string_view detail) {
  EXPECT_EQ(finding.verdict, verdict) << finding.name << ": " << finding.detail;
  EXPECT_NE(finding.detail.find(detail), std::string::npos) << finding.detail;
  EXPECT_EQ(finding.fix.empty(), verdict == Verdict::Pass) << finding.fix;
}

TEST(Doctor, Sockets) {
  Sockets facts{{"[::]:41820"}, 1000, 0, 1000, 3};
  expect(sockets(facts), Verdict::Pass, "[::]:41820");
  facts.lost_for_room = 10;  // one in a hundred is what a burst costs
  expect(sockets(facts), Verdict::Pass, "41820");
  facts.lost_for_room = 11;
  expect(sockets(facts), Verdict::Warn, "11 datagrams were lost");
  facts.not_sent = 501;
  expect(sockets(facts), Verdict::Fail, "refuses");
  facts.sent = 99;
  facts.received = 99;
  expect(sockets(facts), Verdict::Pass, "41820");
  facts.bound.clear();
  expect(sockets(facts), Verdict::Fail, "no UDP socket");
}

TEST(Doctor, Gso) {
  expect(gso("auto", {}), Verdict::Pass, "auto");
  expect(gso("off", {}), Verdict::Pass, "off");
  expect(gso("auto", {"192.0.2.1"}), Verdict::Warn, "192.0.2.1");
}

TEST(Doctor, Mtu) {
  expect(mtu({}), Verdict::Pass, "no session");
  expect(mtu({{"oak", 1452}}), Verdict::Pass, "oak holds 1452");
  expect(mtu({{"oak", 1452}, {"elm", 1280}}), Verdict::Warn, "elm holds 1280");
  expect(mtu({{"oak", 1452}, {"elm", 1199}}), Verdict::Fail, "fewer than sessions need");
  expect(mtu({{"elm", kSmallDatagram}, {"oak", 1452}}), Verdict::Pass, "least of all");
}

TEST(Doctor, Reachable) {
  Reach facts{false, {"192.0.2.1:41820"}, {}, 1, 2};
  expect(reachable(facts), Verdict::Pass, "nobody had to call");
  facts.server = true;
  expect(reachable(facts), Verdict::Pass, "unasked, at 192.0.2.1");
  facts.server = false;
  facts.seen_at = {"198.51.100.7:5000"};
  expect(reachable(facts), Verdict::Warn, "198.51.100.7:5000");
  facts.seen_at.clear();
  facts.sessions = 0;
  expect(reachable(facts), Verdict::Warn, "nobody has said");
  facts.others = 0;
  expect(reachable(facts), Verdict::Pass, "nobody is there to call");
  facts.own.clear();
  expect(reachable(facts), Verdict::Fail, "no address");
}

TEST(Doctor, Peers) {
  expect(peers({}), Verdict::Pass, "alone");
  expect(peers({{"oak", "connected"}, {"elm", "away"}}), Verdict::Pass, "1 of 2 others");
  expect(peers({{"oak", "connected"}, {"elm", "silent"}}), Verdict::Warn, "elm answers nothing");
  expect(peers({{"oak", "away"}, {"elm", "connecting"}}), Verdict::Fail, "none of 2");
}

TEST(Doctor, ClocksOfPeers) {
  expect(peer_clocks({}, 0), Verdict::Pass, "no peer");
  expect(peer_clocks({}, 3), Verdict::Pass, "as the peers'");
  expect(peer_clocks({{"oak", "61 min ahead"}}, 1), Verdict::Warn, "oak is 61 min ahead");
  expect(peer_clocks({{"oak", "61 min ahead"}, {"elm", "60 min ahead"}}, 4), Verdict::Warn, "elm");
  expect(peer_clocks({{"oak", "61 min ahead"}, {"elm", "60 min ahead"}}, 3), Verdict::Fail, "most");
}

TEST(Doctor, Network) {
  expect(network({"home", "admin", false, {}}), Verdict::Pass, "admin of home");
  expect(network({"home", "member", false, {"oak may expose"}}), Verdict::Warn, "oak may expose");
  expect(network({"home", "none", false, {}}), Verdict::Fail, "no member of home");
  expect(network({"home", "none", true, {}}), Verdict::Fail, "was removed");
}

TEST(Doctor, ServicesAndDoors) {
  expect(services({}, 0), Verdict::Pass, "none");
  expect(services({}, 2), Verdict::Pass, "2 are exposed");
  expect(services({"blog (127.0.0.1:3000)"}, 2), Verdict::Warn, "blog");
  expect(doors({}, 0), Verdict::Pass, "none");
  expect(doors({}, 1), Verdict::Pass, "1 is open");
  expect(doors({"door 1 to blog cannot be opened: taken"}, 1), Verdict::Warn, "door 1");
}

TEST(Doctor, WhatTheProcessHas) {
  expect(saving("", 0), Verdict::Pass, "arrive");
  expect(saving("disk is full", 3), Verdict::Fail, "restart: 3");
  expect(log("weft.log", 0), Verdict::Pass, "weft.log");
  expect(log("weft.log", 7), Verdict::Warn, "7 lines");
  expect(names(""), Verdict::Pass, "can be");
  expect(names("no thread"), Verdict::Warn, "no thread");
}

TEST(Doctor, ProgramsOfPeers) {
  expect(peer_versions("weft 0.2.0", {}), Verdict::Pass, "no peer");
  expect(peer_versions("weft 0.2.0", {{"oak", "weft 0.2.0"}, {"elm", ""}}), Verdict::Pass, "all");
  expect(peer_versions("weft 0.2.0", {{"oak", "weft 0.1.0"}}), Verdict::Warn,
         "oak runs weft 0.1.0");
}

}  // namespace
}  // namespace weft::doctor
