// One datagram from a port of its own, which is closed behind it: so a member learns whether its
// NAT lets in another port of an address that it knows. Best effort: datagrams get lost.
#pragma once

#include "base/bytes.hpp"
#include "base/endpoint.hpp"

namespace weft::node {

void send_elsewhere(const Endpoint& to, ByteView bytes);

}  // namespace weft::node
