#include "node/adapter/adapters.hpp"

#include <sys/socket.h>

#include "node/adapter/tcp_end.hpp"
#include "node/adapter/udp_door.hpp"

namespace weft::adapter {

namespace {

constexpr Adapter kAdapters[] = {
    {service::Protocol::Tcp, listen_tcp, SOCK_STREAM, false, tcp_end},
    {service::Protocol::Http, listen_tcp, SOCK_STREAM, false, tcp_end},
    {service::Protocol::Udp, UdpDoor::listen, SOCK_DGRAM, true, udp_end},
};

}  // namespace

const Adapter* adapter_of(service::Protocol protocol) {
  for (const auto& adapter : kAdapters)
    if (adapter.protocol == protocol) return &adapter;
  return nullptr;
}

}  // namespace weft::adapter
