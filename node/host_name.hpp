// The name of this machine as a node's name.
#pragma once

#include <string>

namespace weft::node {

// A label out of the hostname: "Oak.local" becomes "oak"; "node" where nothing is left of it.
[[nodiscard]] std::string host_label();

}  // namespace weft::node
