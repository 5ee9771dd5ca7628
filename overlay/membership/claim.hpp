// What a member signs: its own word (a claim: alive, or gone), and its word about another (an
// accusation). Whoever passes them on can not change them, and nobody can raise another's
// incarnation (decision 40).
//
//   claim       [v=1, kind 1 alive | 2 left, node 32, incarnation, flags, [address, ... <= 4],
//                key, signature 64]
//               key = [static 32, epoch, not_before, not_after, certificate's signature 64] or []
//   accusation  [v=1, kind 3, subject 32, incarnation, accuser 32, signature 64]
//
// Signed over "weft member v1\0" | network 32 | the array without its last element. Canonical
// msgpack; kept and passed on as the bytes that came. docs/wire/membership.md.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/identity.hpp"

namespace weft::membership {

// The number of a member's own word: the higher one counts. Its node raises it when it says
// something new, or when it is suspected and lives.
using Incarnation = std::uint64_t;

inline constexpr Incarnation kHighestIncarnation = Incarnation{1} << 48;  // it stays there
inline constexpr std::size_t kMaxAddresses = 4;  // a claim goes to everybody: the best ones
inline constexpr std::size_t kMaxClaim = 520;    // bytes; so it fits into every datagram
inline constexpr std::size_t kMaxAccusation = 160;

enum class ClaimKind : std::uint8_t { Alive = 1, Left = 2 };

struct Claim {
  ClaimKind kind = ClaimKind::Alive;
  NodeId node;
  Incarnation incarnation = 0;
  std::uint64_t flags = 0;  // none has a meaning yet
  std::vector<Address> addresses;
  // Without `network` and `identity`, which the reader knows.
  std::optional<Certificate> key;
  crypto::Signature signature{};
  Bytes raw;  // as signed and passed on

  // The newer word of one member; gone counts over alive.
  [[nodiscard]] bool newer_than(Incarnation known, ClaimKind known_kind) const {
    return incarnation > known || (incarnation == known && kind > known_kind);
  }
};

struct Accusation {
  NodeId subject;
  Incarnation incarnation = 0;
  NodeId accuser;
  crypto::Signature signature{};
  Bytes raw;
};

// Signs and verifies. Simulations of thousands of members bring one that does neither.
class Notary {
 public:
  virtual ~Notary() = default;
  [[nodiscard]] virtual crypto::Signature sign(ByteView text) const = 0;
  [[nodiscard]] virtual bool verify(const IdentityKey& key, ByteView text,
                                    const crypto::Signature& signature) const = 0;
};
class RealNotary final : public Notary {
 public:
  explicit RealNotary(const crypto::Ed25519KeyPair& key) : key_(key) {}  // which outlives it
  [[nodiscard]] crypto::Signature sign(ByteView text) const override;
  [[nodiscard]] bool verify(const IdentityKey& key, ByteView text,
                            const crypto::Signature& signature) const override;

 private:
  const crypto::Ed25519KeyPair& key_;
};

// Fill in signature and raw.
void sign(Claim& claim, const NetworkId& network, const Notary& notary);
void sign(Accusation& accusation, const NetworkId& network, const Notary& notary);

using Word = std::variant<Claim, Accusation>;
// Form and limits; the signature is looked at by genuine().
[[nodiscard]] Result<Word> decode_word(ByteView bytes);
[[nodiscard]] bool genuine(const Claim& claim, const IdentityKey& key, const NetworkId& network,
                           const Notary& notary);
[[nodiscard]] bool genuine(const Accusation& accusation, const IdentityKey& accuser,
                           const NetworkId& network, const Notary& notary);

}  // namespace weft::membership
