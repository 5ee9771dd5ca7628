#include "node/doctor/machine.hpp"

#include <gtest/gtest.h>

namespace weft::doctor {
namespace {

// Of each result: who passes has nothing to fix, who does not says what is and how to mend it.
void expect(const Finding& finding, Verdict verdict, std::string_view detail) {
  EXPECT_EQ(finding.verdict, verdict) << finding.name << ": " << finding.detail;
  EXPECT_NE(finding.detail.find(detail), std::string::npos) << finding.detail;
  EXPECT_EQ(finding.fix.empty(), verdict == Verdict::Pass) << finding.fix;
  EXPECT_FALSE(finding.name.empty());
}

TEST(Doctor, NamesItsResults) {
  EXPECT_EQ(name_of(Verdict::Pass), "PASS");
  EXPECT_EQ(name_of(Verdict::Warn), "WARN");
  EXPECT_EQ(name_of(Verdict::Fail), "FAIL");
  EXPECT_EQ(some_of({"a", "b", "c", "d", "e", "f", "g"}), "a, b, c, d, e and 2 more");
  EXPECT_EQ(bytes_text(std::uint64_t{5} << 30), "5 GiB");
  EXPECT_EQ(bytes_text(212992), "208 KiB");
}

TEST(Doctor, Disk) {
  Disk d{"/home/ann", std::uint64_t{1} << 30, 1000, 900, false};
  expect(disk(d), Verdict::Pass, "1 GiB are free at /home/ann");
  d.free_bytes = kLittleDisk - 1;
  expect(disk(d), Verdict::Warn, "255 MiB");
  d.free_bytes = kNoDisk - 1;
  expect(disk(d), Verdict::Fail, "cannot be saved");
  d.free_bytes = std::uint64_t{1} << 30;
  d.free_files = 3;
  expect(disk(d), Verdict::Fail, "inodes");
  d.files = d.free_files = 0;  // btrfs counts none
  expect(disk(d), Verdict::Pass, "free");
  d.read_only = true;
  expect(disk(d), Verdict::Fail, "read-only");
  expect(disk(std::unexpected("no such folder")), Verdict::Fail, "no such folder");
}

TEST(Doctor, Descriptors) {
  expect(descriptors(65536, 20), Verdict::Pass, "20 are open");
  expect(descriptors(kFewDescriptors, 0), Verdict::Pass, "4096");
  expect(descriptors(1024, 20), Verdict::Warn, "1024");
  expect(descriptors(1024, 1020), Verdict::Fail, "nothing more fits");
}

TEST(Doctor, Clock) {
  expect(clock(kClockFloor + 1, true), Verdict::Pass, "kept right");
  expect(clock(kClockFloor + 1, std::nullopt), Verdict::Pass, "not known");
  expect(clock(kClockFloor + 1, false), Verdict::Warn, "nobody keeps");
  expect(clock(kClockFloor - 1, true), Verdict::Fail, "before 2026");
}

TEST(Doctor, UdpBuffers) {
  expect(udp_buffers(4 << 20, 4 << 20, false), Verdict::Pass, "4 MiB");
  expect(udp_buffers(212992, 4 << 20, true), Verdict::Pass, "root");
  expect(udp_buffers(212992, 4 << 20, false), Verdict::Warn, "208 KiB");
  EXPECT_NE(udp_buffers(212992, 4 << 20, false).fix.find("rmem_max=4194304"), std::string::npos);
}

TEST(Doctor, Configuration) {
  expect(configuration("weft.toml", {}, ""), Verdict::Pass, "weft.toml");
  expect(configuration("weft.toml", {}, "weft.toml"), Verdict::Warn, "token");
  expect(configuration(
             "weft.toml",
             std::unexpected(std::pair("weft.toml:3: unknown key nmae", "did you mean name?")), ""),
         Verdict::Fail, "weft.toml:3");
}

TEST(Doctor, Home) {
  HomeFacts facts{"/home/ann/.local/state/weft", true, {}, {}};
  expect(home(facts), Verdict::Pass, "alone");
  facts.inhabited = false;
  expect(home(facts), Verdict::Warn, "no node");
  facts.not_private = {"/home/ann is everybody's"};
  expect(home(facts), Verdict::Fail, "everybody");
  facts.open_keys = {"/home/ann/identity.key"};
  expect(home(facts), Verdict::Fail, "identity.key");
}

TEST(Doctor, PortsOfADaemonThatDoesNotRun) {
  expect(port({{"0.0.0.0:41820", "", true}}), Verdict::Pass, "can be listened on");
  expect(port({{"[::]:41820", "taken", false}}), Verdict::Warn, "another port");
  expect(port({{"0.0.0.0:1", "", true}, {"0.0.0.0:2", "taken", true}}), Verdict::Fail,
         "0.0.0.0:2 cannot be listened on: taken");
}

TEST(Doctor, StoreOfADaemonThatDoesNotRun) {
  expect(store({true, "", "", "", ""}), Verdict::Pass, "whole");
  expect(store({false, "", "", "", ""}), Verdict::Pass, "first start");
  expect(store({true, "of another user", "", "", ""}), Verdict::Warn, "of another user");
  expect(store({true, "", "", "", "a slot of the marker was damaged"}), Verdict::Warn, "damaged");
  expect(store({true, "", "state.db is damaged", "weft restore FILE", ""}), Verdict::Fail,
         "state.db");
}

TEST(Doctor, DaemonAndVersion) {
  expect(daemon(DaemonState::Answers, "up for 3 h"), Verdict::Pass, "3 h");
  expect(daemon(DaemonState::NotRunning, ""), Verdict::Warn, "does not run");
  expect(daemon(DaemonState::Silent, "no answer in 5 s"), Verdict::Fail, "no answer in 5 s");
  expect(version("0.2.0", "0.2.0"), Verdict::Pass, "0.2.0");
  expect(version("0.2.0", "0.1.0"), Verdict::Warn, "0.1.0");
}

}  // namespace
}  // namespace weft::doctor
