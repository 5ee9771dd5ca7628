#include "node/send_elsewhere.hpp"

#include <sys/socket.h>

#include "node/io/socket_address.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::node {

void send_elsewhere(const Endpoint& to, ByteView bytes) {
  const int family = to.is_v4() ? AF_INET : AF_INET6;
  const io::UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto address = io::to_socket_address(to, family);
  if (!fd || address.size == 0) return;
  [[maybe_unused]] const auto sent =
      ::sendto(fd.value(), bytes.data(), bytes.size(), MSG_NOSIGNAL, address.get(), address.size);
}

}  // namespace weft::node
