// Each cause and its fix, out of the facts that make it.
#include "node/doctor/why.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace weft::doctor {
namespace {

using Path = WayFacts::Path;
using Presence = WayFacts::Presence;
using Who = WayFacts::Who;

WayFacts facts(Path path = Path::None) {
  WayFacts out;
  out.self = "a";
  out.node = "b";
  out.path = path;
  out.via = path == Path::Relay ? "r" : "";
  out.wanted = out.known = out.by_udp = true;
  out.others = out.others_by_udp = 1;
  out.port = 41820;
  return out;
}

// This cause, with these words; and a fix where something is wrong.
void expect(const WayFacts& given, std::string_view cause, std::string_view text,
            std::string_view fix) {
  const auto reason = why(given);
  EXPECT_EQ(reason.cause, cause) << reason.text;
  EXPECT_NE(reason.text.find(text), std::string::npos) << reason.text;
  EXPECT_EQ(reason.fixes.empty(), fix.empty());
  std::string all;
  for (const auto& one : reason.fixes) all += one + "\n";
  EXPECT_NE(all.find(fix), std::string::npos) << all;
}

TEST(Why, NobodyToReach) {
  auto given = facts();
  given.who = Who::Self;
  expect(given, "this_node", "itself", "");
  given.who = Who::Removed;
  expect(given, "removed", "b was removed", "weft invite");
  given.who = Who::WeAreOut;
  expect(given, "removed_here", "in no network", "weft join TICKET");
}

TEST(Why, Direct) {
  auto given = facts(Path::Direct);
  expect(given, "direct", "answers", "");
  given.near = true;
  expect(given, "lan", "b is on a network of this machine", "");
  given.punched = true;
  expect(given, "punched", "at the same time", "");
  given.silent_s = 12;
  expect(given, "silent", "nothing for 12 s", "weft wait path:b");
}

TEST(Why, OverAConnection) {
  auto given = facts(Path::Tcp);
  given.udp_silent = 1;
  expect(given, "udp_blocked_there", "while other members", "let UDP in at b");
  given.others_by_udp = 0;
  expect(given, "udp_blocked", "between the two", "let UDP out here");
  given.others_by_stream = 1;
  expect(given, "udp_blocked_here", "no member is reached by UDP", "let UDP out");
  given.path = Path::Wss;
  given.by_udp = false;
  expect(given, "no_udp_address", "no address", "listen");
  given.silent_s = 3;
  expect(given, "silent", "nothing for 3 s", "wait");
}

TEST(Why, RelayedWhileADirectWayIsLookedFor) {
  auto given = facts(Path::Relay);
  expect(given, "looking", "through r", "weft wait direct:b");
  given.probes = 1;
  given.probing = true;
  expect(given, "looking", "through r", "weft wait direct:b");
  given.probe_last = "no answer to our offer";
  given.probing = false;
  expect(given, "no_answer_to_offer", "answers no offer", "upgrade weft on b");
}

TEST(Why, RelayedBecauseOfTheNats) {
  auto given = facts(Path::Relay);
  given.probes = 3;
  given.probe_last = "no probe came through";
  expect(given, "nat_unknown", "too few members", "UDP port 41820");
  given.here = {true, false, true};
  given.there = {true, false, true};
  expect(given, "probes_lost", "would allow", "one open end");
  given.here.hard = true;
  expect(given, "symmetric_here", "the NAT here", "UDP port 41820");
  given.there.hard = true;
  given.no_mapping = "no router answers";
  expect(given, "both_symmetric", "both NATs", "UPnP or NAT-PMP");
  given.here.hard = false;
  expect(given, "symmetric_there", "the NAT of b", "IPv6");
  // The other end lets anybody in: then its kind explains nothing.
  given.here = {true, true, true};
  given.there = {true, false, false};
  expect(given, "probes_lost", "would allow", "let UDP in");
}

TEST(Why, RelayedBecauseUdpIsBlockedHere) {
  auto given = facts(Path::Relay);
  given.others_by_udp = 0;
  given.others_by_stream = 1;
  expect(given, "udp_blocked_here", "no member is reached by UDP", "let b listen for TCP");
}

TEST(Why, NotReachedAndRefused) {
  auto given = facts();
  given.refused = {"its clock is wrong"};
  expect(given, "refused", "its clock is wrong", "weft doctor");
  given.says_we_are_out = true;
  expect(given, "says_removed", "this node was removed", "weft members");
}

TEST(Why, NotReachedAndOff) {
  auto given = facts();
  given.udp_silent = 2;
  given.presence = Presence::Dead;
  given.heard_s = 300;
  expect(given, "off", "last heard 5 min ago, and none of its 2 addresses", "weft up");
  given.others = given.others_by_udp = 0;
  given.heard_s.reset();
  expect(given, "off", "b does not answer here: not heard since", "weft up");
  given.presence = Presence::Left;
  expect(given, "left", "goes down", "start weft on b");
  given = facts();
  given.known = false;
  expect(given, "never_seen", "nobody has told", "start weft on b");
}

TEST(Why, NotReachedAndTheTroubleIsHere) {
  auto given = facts();
  given.udp_silent = 1;
  given.others_by_udp = 0;
  given.presence = Presence::Dead;
  expect(given, "alone", "no member at all", "weft doctor");
}

TEST(Why, NotReachedYet) {
  auto given = facts();
  given.dialling = true;
  expect(given, "connecting", "being called", "weft wait path:b");
  given.dialling = given.wanted = false;
  expect(given, "not_wished", "nobody here has asked", "weft ping b");
}

TEST(Why, OthersReachIt) {
  auto given = facts();
  given.presence = Presence::Alive;
  given.udp_silent = 1;
  expect(given, "no_relay", "no member that it reaches relays", "weft relay on");
  given.relays = 1;
  expect(given, "no_way", "each was tried", "weft why a, on b");
  given.relays_no = {"r: its volume of this month is used up"};
  expect(given, "relay_refused", "volume of this month", "weft relay status");
}

}  // namespace
}  // namespace weft::doctor
