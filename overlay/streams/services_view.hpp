// What people see of services and doors: answers to queries, made from the part's rooms.
#pragma once

#include <vector>

#include "overlay/streams/streams.hpp"
#include "overlay/view.hpp"

namespace weft::overlay {

// What other nodes let this one use, also of nodes that are away; by name, then node.
[[nodiscard]] std::vector<ServiceView> services_of(const Streams& streams);
[[nodiscard]] ServiceWarnings warnings_of(const Streams& streams);

}  // namespace weft::overlay
