#include "nat/behaviour.hpp"

#include <gtest/gtest.h>

namespace weft::nat {
namespace {

Endpoint at(const char* text) { return *endpoint_from_text(text); }
constexpr Instant kStart{1h};

NodeId member(std::uint8_t i) {
  ByteArray<32> bytes{};
  bytes[0] = i;
  return NodeId(bytes);
}

struct Row {
  const char* name;
  std::vector<std::pair<const char*, const char*>> seen;  // at that place, as this
  Mapping mapping;
  Ports ports;
};

const char* const kOwn = "192.168.1.5:7000";
const char *const kA1 = "203.0.113.10:1000", *const kA2 = "203.0.113.10:2000",
                  *const kB1 = "203.0.113.20:1000", *const kC1 = "203.0.113.30:1000";

TEST(Behaviour, TheVerdictIsAFunctionOfWhatWasSeen) {
  const Row rows[] = {
      {"nobody said anything", {}, Mapping::Unknown, Ports::Unknown},
      {"one observer", {{kA1, "198.51.100.1:7000"}}, Mapping::Unknown, Ports::Kept},
      {"our own address", {{kA1, kOwn}}, Mapping::None, Ports::Kept},
      {"two agree",
       {{kA1, "198.51.100.1:7000"}, {kB1, "198.51.100.1:7000"}},
       Mapping::Independent,
       Ports::Kept},
      {"two agree on another port",
       {{kA1, "198.51.100.1:999"}, {kB1, "198.51.100.1:999"}},
       Mapping::Independent,
       Ports::Changed},
      {"two differ",
       {{kA1, "198.51.100.1:999"}, {kB1, "198.51.100.1:5000"}},
       Mapping::Dependent,
       Ports::Unknown},
      {"an address sees one port, another another",
       {{kA1, "198.51.100.1:999"}, {kA2, "198.51.100.1:999"}, {kB1, "198.51.100.1:5000"}},
       Mapping::ByAddress,
       Ports::Unknown},
      {"one address with two ports sees two",
       {{kA1, "198.51.100.1:999"}, {kA2, "198.51.100.1:5000"}},
       Mapping::ByAddressAndPort,
       Ports::Unknown},
      {"ports count up",
       {{kA1, "198.51.100.1:999"}, {kB1, "198.51.100.1:1000"}, {kC1, "198.51.100.1:1002"}},
       Mapping::Dependent,
       Ports::Sequential},
      {"ports are drawn",
       {{kA1, "198.51.100.1:999"}, {kB1, "198.51.100.1:41000"}, {kC1, "198.51.100.1:20002"}},
       Mapping::Dependent,
       Ports::Random},
      {"who sits beside us says nothing about the NAT",
       {{"192.168.1.9:1", kOwn}},
       Mapping::Unknown,
       Ports::Kept},
  };
  for (const Row& row : rows) {
    Behaviour behaviour;
    behaviour.set_own({at(kOwn)});
    Instant now = kStart;
    for (const auto& [place, seen] : row.seen)
      behaviour.observe(now += 1ms, member(1), at(place), at(seen));
    const auto verdict = behaviour.verdict(now, Family::V4);
    EXPECT_EQ(verdict.mapping, row.mapping) << row.name << ": " << name_of(verdict.mapping);
    EXPECT_EQ(verdict.ports, row.ports) << row.name << ": " << name_of(verdict.ports);
    EXPECT_EQ(verdict.filtering, Filtering::Unknown);
    EXPECT_EQ(behaviour.verdict(now, Family::V6).mapping, Mapping::Unknown);
  }
}

TEST(Behaviour, FilteringIsWhatCameUnasked) {
  Behaviour behaviour;
  behaviour.note_other_port(Family::V4, false);
  EXPECT_EQ(behaviour.verdict(kStart, Family::V4).filtering, Filtering::ByAddressAndPort);
  behaviour.note_other_port(Family::V4, true);
  EXPECT_EQ(behaviour.verdict(kStart, Family::V4).filtering, Filtering::ByAddressAtMost);
  behaviour.note_other_port(Family::V4, false);  // one that stayed away may have been lost
  EXPECT_EQ(behaviour.verdict(kStart, Family::V4).filtering, Filtering::ByAddressAtMost);
  behaviour.note_stranger(Family::V4);
  EXPECT_EQ(behaviour.verdict(kStart, Family::V4).filtering, Filtering::Independent);
  EXPECT_EQ(behaviour.verdict(kStart, Family::V6).filtering, Filtering::Unknown);
}

TEST(Behaviour, WhatWasSeenGetsOldAndIsForgottenWithOurAddress) {
  Behaviour behaviour;
  behaviour.set_own({at(kOwn)});
  behaviour.observe(kStart, member(1), at(kA1), at("198.51.100.1:7000"));
  behaviour.observe(kStart, member(2), at(kB1), at("198.51.100.1:7000"));
  EXPECT_EQ(behaviour.verdict(kStart, Family::V4).observers, 2u);
  EXPECT_EQ(behaviour.outside(kStart), std::vector{at("198.51.100.1:7000")});
  EXPECT_TRUE(behaviour.outside(kStart + Behaviour::kFresh + 1s).empty());
  behaviour.note_hairpin(Family::V4, true);
  behaviour.set_own({at(kOwn)});
  EXPECT_EQ(behaviour.verdict(kStart, Family::V4).hairpin, true);
  behaviour.set_own({at("10.0.0.5:7000")});
  EXPECT_EQ(behaviour.verdict(kStart, Family::V4), Verdict{});
}

TEST(Behaviour, ManyPlacesDoNotGrowIt) {
  Behaviour behaviour;
  for (std::uint32_t i = 0; i < 1000; ++i)
    behaviour.observe(kStart, member(1), Endpoint::v4(0xc6336400 + i, 1),
                      Endpoint::v4(0xcb007100, static_cast<std::uint16_t>(1000 + i)));
  EXPECT_EQ(behaviour.outside(kStart).size(), Behaviour::kOutside);
  EXPECT_EQ(behaviour.outside(kStart).front().port, 1999);
}

TEST(Behaviour, NonsenseIsNoObservation) {
  Behaviour behaviour;
  for (const char* bad : {"0.0.0.0:1", "192.0.2.1:0", "127.0.0.1:1", "[::1]:1"})
    behaviour.observe(kStart, member(1), at(kA1), at(bad));
  EXPECT_TRUE(behaviour.outside(kStart).empty());
}

}  // namespace
}  // namespace weft::nat
