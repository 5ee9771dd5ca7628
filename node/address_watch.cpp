#include "node/address_watch.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "node/io/clock.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::node {

namespace {

io::UniqueFd open_route_socket() {
  io::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return fd;
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(fd.value(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0) return {};
  return fd;
}

}  // namespace

AddressWatch::AddressWatch(io::EventLoop& loop, std::function<void()> on_change)
    : on_change_(std::move(on_change)), calm_(loop, [this] { on_change_(); }) {
  io::UniqueFd fd = open_route_socket();
  if (!fd) return;
  watch_ = std::make_unique<io::FdWatch>(loop, std::move(fd), static_cast<io::FdEvents&>(*this));
  watch_->want_read();
}

void AddressWatch::on_fd_readable() {
  // The messages themselves say nothing that local_endpoints() does not; an overrun (ENOBUFS) means
  // that something changed, too.
  std::array<std::byte, 8192> message;
  while (::recv(watch_->fd(), message.data(), message.size(), MSG_DONTWAIT) > 0) {
  }
  calm_.arm(io::monotonic_time() + kCalm);
  watch_->want_read();
}

}  // namespace weft::node
