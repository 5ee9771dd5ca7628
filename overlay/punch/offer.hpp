// "Let us meet": what two members tell each other, by way of others, before both probe for a way
// between them. A control message of type 60 in a session that a relay carries, else the content of
// a sealed datagram on channel 3; so its sender is a member and proven. A msgpack array, read
// leniently: further elements are ignored.
//
//   [60, attempt 8, answer bool, opener u8, name 8, password 16, [address, ... <= 8],
//    mapping u8, filtering u8]
//
// docs/wire/punch.md.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "base/address.hpp"
#include "nat/behaviour.hpp"
#include "nat/candidate.hpp"
#include "nat/checks.hpp"

namespace weft::punch {

inline constexpr std::uint64_t kOfferType = 60;

// What its sender knows of the IPv4 NAT in front of it, so that both ends can tell their people why
// no way was found. Nothing is decided by it. Older versions leave it out.
struct NatWord {
  nat::Mapping mapping = nat::Mapping::Unknown;
  nat::Filtering filtering = nat::Filtering::Unknown;

  auto operator<=>(const NatWord&) const = default;
};

// Whose first probes go only a few hops (nat/checks.hpp). Another number reads as Nobody.
enum class Opener : std::uint8_t { Nobody = 0, Asker = 1, Answerer = 2 };

struct Offer {
  ByteArray<8> attempt{};  // drawn by who asks; the answer repeats it
  bool answer = false;
  Opener opener = Opener::Nobody;
  nat::CheckKey key{};             // names and authenticates the probes that its sender expects
  std::vector<Address> addresses;  // where its sender may be reached, at most kMostCandidates
  NatWord nat{};

  auto operator<=>(const Offer&) const = default;
};

// REQUIRES: at most kMostCandidates addresses.
[[nodiscard]] Bytes encode(const Offer& offer);
// As a frame of the control stream: with its length in front.
[[nodiscard]] Bytes frame(const Offer& offer);
// Unsupported: of another type.
[[nodiscard]] Result<Offer> decode_offer(ByteView body);

}  // namespace weft::punch
