// One signed entry of a network's roster: canonical msgpack, at most 4096 bytes.
//
//   [v=1, network 32, seq, prev 32, kind, critical, body bin, time, [[signer 32, signature 64]]]
//
// signed over "weft roster v1\0" | the same array without its last element (so an array of eight).
// In genesis `network` and `prev` are zero, because the network's id is the hash of its bytes.
// The body is msgpack of its own inside a bin, so a kind we do not know is carried unread.
// One signature; a removal may carry up to 32, signers in ascending order, because an admin senior
// to each of them is removed by most of them together. docs/wire/roster.md shows the bytes.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/identity.hpp"

namespace weft::roster {

inline constexpr std::size_t kMaxEntrySize = 4096;
inline constexpr std::size_t kMaxSigners = 32;  // what a removal has room for, in 4096 bytes

// Numbers on the wire; a value outside the list is a kind of the future.
enum class Kind : std::uint64_t {
  Genesis = 0,
  Person = 1,
  Node = 2,
  Group = 3,
  Grant = 4,
  Quota = 5,
  KeyChange = 6,
  Removal = 7,
  Checkpoint = 8,
  Topic = 9,
};

// What a member may do, as bits; the wire carries the sum. Unknown bits are kept.
enum May : std::uint64_t { kMayExpose = 1, kMayRelay = 2, kMayAdmin = 4 };
using MayFlags = std::uint64_t;

struct GenesisBody {
  std::string network_name;
  ByteArray<32> network_secret{};  // opens the gate; known to members and ticket holders only
  IdentityKey person_key{};
  std::string person_name;
  IdentityKey node_key{};
  std::string node_name;
  bool operator==(const GenesisBody&) const = default;
};
struct PersonBody {
  IdentityKey key{};
  std::string name;
  MayFlags may = 0;
  bool operator==(const PersonBody&) const = default;
};
struct NodeBody {
  IdentityKey identity{};
  std::string name;
  IdentityKey owner{};  // a person's key
  MayFlags may = kMayExpose;
  bool operator==(const NodeBody&) const = default;
};
struct GroupBody {
  std::string group;  // its label is its id: groups are never renamed
  bool add = true;
  NodeId node;
  bool operator==(const GroupBody&) const = default;
};
struct GrantBody {  // node may use service until; 0 = no end. Kept, listed, not yet enforced
  std::string service;
  NodeId node;
  UnixTime until = 0;
  bool operator==(const GrantBody&) const = default;
};
struct QuotaBody {  // bytes per day a node may have relayed. Kept, listed, not yet enforced
  NodeId node;
  std::uint64_t relayed_bytes_per_day = 0;
  bool operator==(const QuotaBody&) const = default;
};
struct KeyChangeBody {
  NodeId node;
  IdentityKey new_identity{};
  crypto::Signature proof{};  // by the new key over "weft key change v1\0" | network | node
  bool operator==(const KeyChangeBody&) const = default;
};
struct RemovalBody {  // a node, or a person with all nodes owned
  bool person = false;
  ByteArray<32> target{};  // NodeId or person key
  bool operator==(const RemovalBody&) const = default;
};
struct CheckpointBody {
  bool operator==(const CheckpointBody&) const = default;
};
// What a rule about a topic says of one right.
enum class Ruling : std::uint64_t { None = 0, Allow = 1, Deny = 2 };
// One rule about the topics that match `topic`, a pattern of the broker (overlay/broker/topic.hpp),
// for one node, one group, or (neither) every member. It takes the place of the rule before it
// about the same topic and the same who; twice None takes that rule away.
struct TopicBody {
  std::string topic;
  std::optional<NodeId> node;
  std::string group;
  Ruling publish = Ruling::None;
  Ruling read = Ruling::None;
  bool operator==(const TopicBody&) const = default;
};
struct UnknownBody {
  bool operator==(const UnknownBody&) const = default;
};

using Body = std::variant<UnknownBody, GenesisBody, PersonBody, NodeBody, GroupBody, GrantBody,
                          QuotaBody, KeyChangeBody, RemovalBody, CheckpointBody, TopicBody>;

struct Head {
  std::uint64_t seq = 0;
  crypto::Hash hash{};
  bool operator==(const Head&) const = default;
};

struct CoSignature {
  IdentityKey signer{};
  crypto::Signature signature{};
};

struct Entry {
  NetworkId network;
  std::uint64_t seq = 0;
  crypto::Hash prev{};
  std::uint64_t kind = 0;
  bool critical = false;
  Bytes body;  // packed, as signed
  UnixTime time = 0;
  IdentityKey signer{};
  crypto::Signature signature{};
  std::vector<CoSignature> others;  // of a removal, behind the first, ascending by signer

  // Parses, demands canonical form and size, verifies every signature. Whether the signer may speak
  // is the roster's question.
  [[nodiscard]] static Result<Entry> decode(ByteView bytes);
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] crypto::Hash hash() const { return crypto::sha256(encode()); }
  [[nodiscard]] bool known_kind() const;
  [[nodiscard]] bool is(Kind wanted) const { return kind == static_cast<std::uint64_t>(wanted); }
  // REQUIRES: a removal, fewer than kMaxSigners signatures, none by this key yet.
  void cosign(const crypto::Ed25519KeyPair& key);
  // The body parsed by kind; UnknownBody for kinds of the future.
  [[nodiscard]] Result<Body> parse_body() const;

  static Entry sign(const crypto::Ed25519KeyPair& key, const NetworkId& network, const Head& prev,
                    Kind kind, Bytes body, UnixTime time, bool critical = false);
  static Entry sign_genesis(const crypto::Ed25519KeyPair& person, const GenesisBody& body,
                            UnixTime time);
};

// Packs any body but UnknownBody, and says which kind it is.
Bytes pack(const Body& body);
Kind kind_of(const Body& body);  // REQUIRES: not UnknownBody

crypto::Signature key_change_proof(const crypto::Ed25519KeyPair& new_key, const NetworkId& network,
                                   const NodeId& node);
[[nodiscard]] bool verify_key_change(const KeyChangeBody& body, const NetworkId& network);

}  // namespace weft::roster
