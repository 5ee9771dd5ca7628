// A connected TCP socket in Asio's hands; if the kernel watches no more descriptors, a closed one,
// whose first use fails. For .cpp files of node/ only: headers stay free of Asio.
#pragma once

#include <sys/socket.h>

#include <tuple>

#include <boost/asio/ip/tcp.hpp>

#include "node/io/event_loop_asio.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::io {

[[nodiscard]] inline boost::asio::ip::tcp::socket tcp_socket(EventLoop& loop, UniqueFd fd) {
  using boost::asio::ip::tcp;
  int family = AF_INET;
  socklen_t size = sizeof family;
  ::getsockopt(fd.value(), SOL_SOCKET, SO_DOMAIN, &family, &size);
  tcp::socket out(asio_context(loop));
  boost::system::error_code error;
  out.assign(family == AF_INET6 ? tcp::v6() : tcp::v4(), fd.value(), error);
  if (!error) std::ignore = fd.release();
  return out;
}

}  // namespace weft::io
