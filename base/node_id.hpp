// 256-bit names. NodeId = SHA-256("weft node v1\0" | Ed25519 key); NetworkId = SHA-256(genesis).
// Text form is bech32m (BIP 350): "wf1..." for nodes, "wn1..." for networks.
// Distance is Kademlia's XOR metric, compared as a big-endian integer.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace weft {

template <class Tag>
struct Id256 {
  static constexpr std::size_t kSize = 32;
  ByteArray<kSize> bytes{};

  // Eight bytes from `at`, as the big-endian integer they are.
  [[nodiscard]] std::uint64_t word(std::size_t at) const {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
    return value;
  }
  // By words: tables and lookups do little else.
  bool operator==(const Id256& other) const {
    for (std::size_t at = 0; at < kSize; at += 8)
      if (word(at) != other.word(at)) return false;
    return true;
  }
  std::strong_ordering operator<=>(const Id256& other) const {
    for (std::size_t at = 0; at < kSize; at += 8)
      if (word(at) != other.word(at)) return word(at) <=> other.word(at);
    return std::strong_ordering::equal;
  }
  [[nodiscard]] ByteView view() const { return bytes; }
  [[nodiscard]] bool is_zero() const { return *this == Id256{}; }
};

struct NodeTag;
struct NetworkTag;
struct DistanceTag;
using NodeId = Id256<NodeTag>;
using NetworkId = Id256<NetworkTag>;
using Distance = Id256<DistanceTag>;

Distance distance(const NodeId& a, const NodeId& b);
// Leading bits two ids share: 0..256. 256 means equal.
inline int common_prefix(const NodeId& a, const NodeId& b) {
  for (std::size_t at = 0; at < NodeId::kSize; at += 8)
    if (const std::uint64_t differ = a.word(at) ^ b.word(at); differ != 0)
      return static_cast<int>(at) * 8 + std::countl_zero(differ);
  return 256;
}

std::string to_text(const NodeId& id);
std::string to_text(const NetworkId& id);
[[nodiscard]] Result<NodeId> node_id_from_text(std::string_view text);
[[nodiscard]] Result<NetworkId> network_id_from_text(std::string_view text);
// The first 10 characters of the text form: for logs and tables, never for decisions.
std::string short_text(const NodeId& id);

}  // namespace weft

template <class Tag>
struct std::hash<weft::Id256<Tag>> {
  std::size_t operator()(const weft::Id256<Tag>& id) const noexcept {
    std::size_t value = 0;  // an id is already a hash: any eight bytes spread well
    std::memcpy(&value, id.bytes.data() + 12, sizeof value);
    return value;
  }
};
