// What stands before the door: the token field of an Initial packet.
//
//   gate token   0x01 | HMAC-SHA256-128(K, version u32 | DCID | SCID)                     17 bytes
//                K = SHA-256("weft gate v1" | network secret | responder's Ed25519 key)
//   retry token  0x02 | key number u8 | issued u64 ms | original DCID 8 | MAC 16          34 bytes
//                MAC = HMAC-SHA256-128(R, the 18 bytes before | network | address 18 | new DCID)
//
// Invariants
//  1. Checking allocates nothing and touches no state but the set of spent retry tokens.
//  2. A retry key lives 2 minutes and is accepted for one rotation more; a token lives 10 s, is
//     bound to one IP and port and one connection id, and is spent once.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <unordered_set>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/endpoint.hpp"
#include "base/identity.hpp"
#include "base/node_id.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"

namespace weft::session {

inline constexpr std::size_t kCidSize = 8;
using Cid = ByteArray<kCidSize>;

inline constexpr std::uint8_t kGateTag = 0x01;
inline constexpr std::uint8_t kRetryTag = 0x02;
inline constexpr std::size_t kGateTokenSize = 17;
inline constexpr std::size_t kRetryTokenSize = 34;
using GateToken = ByteArray<kGateTokenSize>;
using RetryToken = ByteArray<kRetryTokenSize>;

crypto::Key32 gate_key(const ByteArray<32>& network_secret, const IdentityKey& responder);
GateToken make_gate_token(const crypto::Key32& key, std::uint32_t version, ByteView dcid,
                          ByteView scid);
bool gate_token_ok(const crypto::Key32& key, ByteView token, std::uint32_t version, ByteView dcid,
                   ByteView scid);

class RetryKeys {
 public:
  static constexpr Duration kRotation = 2min;
  static constexpr Duration kTokenLife = 10s;
  static constexpr std::size_t kMaxSpent = 4096;

  explicit RetryKeys(Rng& rng) : rng_(rng) {}

  RetryToken issue(Instant now, const NetworkId& network, const Endpoint& from,
                   const Cid& original_dcid, const Cid& new_dcid);
  // The original DCID, or nothing: expired, another address, forged, or spent before.
  std::optional<Cid> redeem(Instant now, const NetworkId& network, const Endpoint& from,
                            ByteView token, const Cid& dcid);

 private:
  void rotate(Instant now);
  ByteArray<16> mac(const crypto::Key32& key, ByteView head, const NetworkId& network,
                    const Endpoint& from, const Cid& dcid) const;

  Rng& rng_;
  bool started_ = false;
  Instant rotated_{};
  std::uint8_t number_ = 0;
  std::array<crypto::Key32, 2> keys_{};  // [0] now, [1] the one before
  std::deque<std::uint64_t> spent_order_;
  std::unordered_set<std::uint64_t> spent_;
};

}  // namespace weft::session
