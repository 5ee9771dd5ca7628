// What the cores may ask about trust, and nothing more: a const query handed by reference to
// session, dht, membership and service. overlay/roster implements it, so nobody includes the
// roster.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/identity.hpp"

namespace weft {

enum class Verdict : std::uint8_t {
  Member,   // in the roster now
  Unknown,  // never heard of: a stranger, perhaps a joiner
  Removed,  // was in, is out: end its sessions
};

class TrustView {
 public:
  virtual ~TrustView() = default;
  [[nodiscard]] virtual Verdict verdict(const NetworkId& network, const NodeId& node,
                                        UnixTime now) const = 0;
  // The highest certificate epoch stored for this node; a lower one is refused.
  [[nodiscard]] virtual std::uint64_t epoch_floor(const NetworkId& network,
                                                  const NodeId& node) const = 0;
  [[nodiscard]] virtual std::optional<std::string> name_of(const NetworkId& network,
                                                           const NodeId& node) const = 0;
  [[nodiscard]] virtual std::optional<NodeId> node_named(const NetworkId& network,
                                                         const std::string& name) const = 0;
  [[nodiscard]] virtual bool in_group(const NetworkId& network, const NodeId& node,
                                      const std::string& group) const = 0;
};

}  // namespace weft
