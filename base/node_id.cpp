#include "base/node_id.hpp"

#include "base/bech32.hpp"

namespace weft {

namespace {

constexpr std::string_view kNodePrefix = "wf";
constexpr std::string_view kNetworkPrefix = "wn";

template <class Id>
Result<Id> id_from_text(std::string_view prefix, std::string_view text) {
  WEFT_TRY(auto bytes, bech32m_decode(prefix, text));
  WEFT_TRY(auto array, to_array<Id::kSize>(bytes));
  return Id{array};
}

}  // namespace

Distance distance(const NodeId& a, const NodeId& b) {
  Distance out;
  for (std::size_t i = 0; i < NodeId::kSize; ++i)
    out.bytes[i] = static_cast<std::uint8_t>(a.bytes[i] ^ b.bytes[i]);
  return out;
}

std::string to_text(const NodeId& id) { return bech32m_encode(kNodePrefix, id.bytes); }
std::string to_text(const NetworkId& id) { return bech32m_encode(kNetworkPrefix, id.bytes); }
Result<NodeId> node_id_from_text(std::string_view text) {
  return id_from_text<NodeId>(kNodePrefix, text);
}
Result<NetworkId> network_id_from_text(std::string_view text) {
  return id_from_text<NetworkId>(kNetworkPrefix, text);
}
std::string short_text(const NodeId& id) { return to_text(id).substr(0, 10); }

}  // namespace weft
