// STUN messages (RFC 8489), as far as weft speaks them: Binding requests and indications and the
// answers to them. What a node asks another to learn its outside address, what probes a way through
// two NATs, and what any STUN client may ask a node.
//
// On the wire: type u16 | length u16 | cookie u32 | transaction id 12 | attributes, each type u16 |
// length u16 | value, padded to 4. The first byte is 0 to 3, so it is told from all else on the
// socket. docs/wire/stun.md.
//
// Departures from the RFC: no DNS discovery, no long-term credentials, no TCP, no ALTERNATE-SERVER;
// MESSAGE-INTEGRITY is HMAC-SHA1 (as RFC 8445 uses it) and MESSAGE-INTEGRITY-SHA256 is not written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/error.hpp"

namespace weft::nat {

inline constexpr std::size_t kStunHeader = 20;
inline constexpr std::size_t kMaxStun = 548;  // RFC 8489 6.1: fits where the MTU is not known
inline constexpr std::size_t kMaxUsername = 128;
inline constexpr std::size_t kMaxUnknown = 8;  // attributes that a 420 names
inline constexpr std::uint16_t kBinding = 1;   // the one method

using TransactionId = ByteArray<12>;

enum class StunClass : std::uint8_t { Request = 0, Indication = 1, Success = 2, Error = 3 };

struct StunMessage {
  StunClass kind = StunClass::Request;
  std::uint16_t method = kBinding;
  TransactionId id{};
  std::string username{};                   // empty: none
  std::optional<Endpoint> mapped{};         // XOR-MAPPED-ADDRESS
  std::optional<std::uint32_t> priority{};  // RFC 8445 16.1
  bool change_host = false;                 // CHANGE-REQUEST (RFC 5780 7.2): answer from elsewhere
  bool change_port = false;
  std::uint16_t error = 0;                 // of an error response: 300 to 699
  std::vector<std::uint16_t> unknown{};    // of a request: attributes that must be understood and
                                           // are not; of a 420: those that it names
  bool fingerprint = false;                // it has one, which is right
  std::optional<std::size_t> integrity{};  // where MESSAGE-INTEGRITY lies; see authentic()
};

// The first byte, the cookie and the length are those of a STUN message.
[[nodiscard]] bool is_stun(ByteView datagram);

// Malformed: not a STUN message, a wrong FINGERPRINT, a known attribute that is cut short. Of an
// attribute that comes twice the first counts; what follows MESSAGE-INTEGRITY is ignored, except
// FINGERPRINT (RFC 8489 14.5).
[[nodiscard]] Result<StunMessage> decode_stun(ByteView datagram);

// Whether the message carries MESSAGE-INTEGRITY made with this key. REQUIRES: `message` was decoded
// from `datagram`.
[[nodiscard]] bool authentic(ByteView datagram, const StunMessage& message, ByteView key);

// `key` not empty: with MESSAGE-INTEGRITY. FINGERPRINT is written when `message.fingerprint`.
// REQUIRES: username.size() <= kMaxUsername, unknown.size() <= kMaxUnknown.
[[nodiscard]] Bytes encode_stun(const StunMessage& message, ByteView key = {});

}  // namespace weft::nat
