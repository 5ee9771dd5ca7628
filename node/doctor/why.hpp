// Why a member is reached as it is, or is not: one cause out of what was tried, and what a person
// can do about it. A pure function of facts, as the checks are (finding.hpp): node/modules/why.cpp
// gathers them, a test produces each cause. docs/why.md lists the causes.
//
// A cause is a word that stays what it means from version to version; the sentence may change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::doctor {

struct WayFacts {
  std::string self, node;  // names
  enum class Who : std::uint8_t { Member, Self, Removed, WeAreOut } who = Who::Member;

  enum class Path : std::uint8_t { None, Direct, Relay, Tcp, Wss } path = Path::None;
  std::string via;                       // the relay's name
  std::optional<std::int64_t> silent_s;  // up, and nothing comes back for so long
  bool near = false;                     // the far end has an address of this LAN
  bool punched = false;                  // the way was found by probing from both ends
  std::optional<std::int64_t> heard_s;   // ago; nothing: not since this start
  enum class Presence : std::uint8_t { Unknown, Alive, Dead, Left } presence = Presence::Unknown;

  bool wanted = false;    // a session is wished for
  bool known = false;     // it was met, or others told of it
  bool by_udp = false;    // an address of it is known that UDP reaches
  bool dialling = false;  // just now
  bool says_we_are_out = false;
  std::size_t udp_silent = 0;          // addresses of it that UDP got no answer from
  std::vector<std::string> refused;    // what it said to those who called
  std::vector<std::string> relays_no;  // "r: its volume is used up"
  std::size_t relays = 0;              // members that offered to relay

  // Both ends probing each other at the same time.
  unsigned probes = 0;  // attempts so far
  std::string probe_last;
  bool probing = false;

  // IPv4. hard: another outside port for each destination; strict: only who was sent to gets in.
  struct Nat {
    bool known = false, hard = false, strict = false;
  };
  Nat here, there;
  bool mapped = false;     // the router here lets others in
  std::string no_mapping;  // why it does not; empty: not asked
  std::uint16_t port = 0;  // of UDP, here

  // Sessions with members beside this one.
  std::size_t others = 0, others_by_udp = 0, others_by_stream = 0, others_by_relay = 0;
};

struct Reason {
  std::string_view cause;
  std::string text;                // a sentence
  std::vector<std::string> fixes;  // the easiest first; empty: nothing is wrong
};
[[nodiscard]] Reason why(const WayFacts& facts);

}  // namespace weft::doctor
