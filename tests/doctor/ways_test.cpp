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

}  // namespace
}  // namespace weft::doctor
