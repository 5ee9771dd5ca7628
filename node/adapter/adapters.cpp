#include "node/adapter/adapters.hpp"

#include <sys/socket.h>

#include "node/adapter/tcp_end.hpp"

namespace weft::adapter {

namespace {

constexpr Adapter kAdapters[] = {
    {service::Protocol::Tcp, listen_tcp, SOCK_STREAM, tcp_end},
};

}  // namespace

const Adapter* adapter_of(service::Protocol protocol) {
  for (const auto& adapter : kAdapters)
    if (adapter.protocol == protocol) return &adapter;
  return nullptr;
}

}  // namespace weft::adapter
