// How a node is set up: who it is, and how long it waits. Shared by all its networks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/endpoint.hpp"
#include "base/identity.hpp"
#include "base/time.hpp"
#include "overlay/relaying/relay_settings.hpp"
#include "overlay/session/session_layer.hpp"

namespace weft::overlay {

// Whose word an exposure is. A command refuses to change the target of a service that is there; the
// configuration changes it, and lets nobody in again whom a command has denied.
enum class Wish : std::uint8_t { Command, Configuration };

struct OverlayConfig {
  Identity identity;
  // The person this node belongs to, if its key lives here: signs genesis and roster entries.
  std::optional<crypto::Ed25519KeyPair> person;
  std::string software;                    // "weft 0.1.0", told to peers
  std::vector<Endpoint> listen_endpoints;  // where this host can be reached, best first
  std::vector<Address> carriers;           // and by TCP and WebSocket; 4 at most are told
  std::vector<Endpoint> mapped_endpoints;  // where a router lets others in, as it says itself
  session::SessionLimits session_limits;
  std::optional<RelaySettings> relay;  // as configured; else as a command said, or the default
  std::size_t max_networks = 16;   // a join beyond is refused; each costs a roster, parts and links
  Duration connect_timeout = 10s;  // a client waits this long for an absent peer
  Duration ping_timeout = 5s;
  Duration join_timeout = 20s;
};

}  // namespace weft::overlay
