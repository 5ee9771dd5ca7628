// Who a node is and where it answers: what the DHT stores and passes on.
// Wire form, 82 bytes: identity 32 | static 32 | endpoint 18. The NodeId is the identity's hash.
#pragma once

#include <cstdint>

#include "base/endpoint.hpp"
#include "base/identity.hpp"

namespace weft::dht {

inline constexpr std::size_t kContactSize = 32 + 32 + Endpoint::kWireSize;

struct Contact {
  NodeId id;
  IdentityKey identity{};
  crypto::Key32 static_key{};
  Endpoint endpoint;

  bool operator==(const Contact&) const = default;
};

// An index into a ContactBook: 4 bytes where a Contact takes 116.
enum class ContactHandle : std::uint32_t { None = 0xffffffff };

}  // namespace weft::dht
