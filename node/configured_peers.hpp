// Members whose addresses are in the configuration: told to the overlay while they are away.
#pragma once

#include <vector>

#include "node/config.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

// In every network. Again and again, because a member may be named later than it was configured.
void tell_configured_peers(overlay::Overlay& overlay, const std::vector<PeerConfig>& peers,
                           Instant now);

}  // namespace weft::node
