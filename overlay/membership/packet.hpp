// What members say to each other about who is there: one sealed datagram of channel 2, or one
// control message of type 17, each holds one packet:
//
//   [type, sequence u32, roster seq, roster tag u32, [element, ...]]
//
//   1 ping, 2 ack, 4 indirect ack, 5 nack, 6 news     elements: words (claim.hpp)
//   3 ping request          target 32, then words
//   7 compare               [depth, prefix bin, digest bin, count]
//   8 items                 [depth, prefix bin], then [id bin 8, incarnation, kind]
//   9 ask                   id bin 8
//   10 claims               [state, word]
//
// Elements beyond those known of an array are skipped; a packet of an unknown type is skipped by
// its reader. docs/wire/membership.md.
#pragma once

#include <cstdint>
#include <vector>

#include "overlay/membership/claim.hpp"

namespace weft::membership {

// So that a datagram stays under 1,200 bytes even when it goes by a forwarder and both it and the
// one around it introduce their senders (post/post_office.hpp).
inline constexpr std::size_t kMaxPacket = 600;
inline constexpr std::size_t kMaxElements = 40;
inline constexpr std::size_t kMaxDepth = 8;  // nibbles of an id that a range may name

enum class PacketType : std::uint8_t {
  Ping = 1,
  Ack = 2,
  PingRequest = 3,
  IndirectAck = 4,
  Nack = 5,
  News = 6,
  Compare = 7,
  Items = 8,
  Ask = 9,
  Claims = 10,
};

// How far its sender's roster is; zero: not told.
struct RosterMark {
  std::uint64_t sequence = 0;
  std::uint32_t tag = 0;  // first bytes of the head's hash
  bool operator==(const RosterMark&) const = default;
};

// All members whose id begins with these nibbles.
struct Range {
  std::uint8_t depth = 0;
  std::uint32_t prefix = 0;  // the nibbles, left-aligned

  [[nodiscard]] bool contains(const NodeId& node) const;
  [[nodiscard]] NodeId first() const;
  [[nodiscard]] Range child(unsigned nibble) const;  // REQUIRES: depth < kMaxDepth
  bool operator==(const Range&) const = default;
};
struct RangeDigest {
  Range range;
  Bytes digest;  // 32 bytes for all, else 8
  std::uint64_t count = 0;
};
struct Item {
  std::uint64_t id = 0;  // first eight bytes of the NodeId
  Incarnation incarnation = 0;
  ClaimKind kind = ClaimKind::Alive;
};
// A claim, and what its teller holds of that member.
struct ToldClaim {
  std::uint64_t state = 0;  // of State
  Bytes word;
};

struct Packet {
  PacketType type = PacketType::Ping;
  std::uint32_t sequence = 0;
  RosterMark mark;
  NodeId target;                    // ping request
  Range range;                      // items
  std::vector<Bytes> words;         // 1 to 6
  std::vector<RangeDigest> ranges;  // compare
  std::vector<Item> items;          // items
  std::vector<std::uint64_t> ids;   // ask
  std::vector<ToldClaim> claims;    // claims

  // REQUIRES: no more elements than fit; PacketFill below keeps to that.
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<Packet> decode(ByteView bytes);
  // Bytes of encode() without words and claims, at most.
  static constexpr std::size_t kOverhead = 24;
  static constexpr std::size_t kTarget = 34;
  static constexpr std::size_t kWordOverhead = 6;  // its header, the state before it, the array
};

[[nodiscard]] inline std::uint64_t short_id(const NodeId& node) { return node.word(0); }

}  // namespace weft::membership
