// Connected pairs of blocking sockets for tests, and the local programs that use them.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "node/io/socket_address.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::adapter {

struct SocketPair {
  io::UniqueFd near;  // for the pump
  io::UniqueFd far;   // the local program
};

inline SocketPair tcp_pair() {
  const io::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto any = io::to_socket_address(*endpoint_from_text("127.0.0.1:0"));
  WEFT_ASSERT(::bind(listener.value(), any.get(), any.size) == 0);
  WEFT_ASSERT(::listen(listener.value(), 1) == 0);
  const auto at = io::to_socket_address(io::bound_endpoint(listener.value()));
  SocketPair out;
  out.far.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  WEFT_ASSERT(::connect(out.far.value(), at.get(), at.size) == 0);
  out.near.reset(::accept4(listener.value(), nullptr, nullptr, SOCK_CLOEXEC));
  WEFT_ASSERT(out.near.value() >= 0);
  return out;
}

inline SocketPair unix_pair() {
  int fds[2] = {-1, -1};
  WEFT_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  return {io::UniqueFd(fds[0]), io::UniqueFd(fds[1])};
}

// Byte i of a test stream: no period that a lost or doubled buffer could hide behind.
inline std::uint8_t stream_byte(std::uint64_t i, std::uint64_t salt) {
  std::uint64_t x = (i >> 3) * 0x9e3779b97f4a7c15ULL + salt;
  x ^= x >> 31;
  return static_cast<std::uint8_t>(x >> (8 * (i & 7)));
}

// Blocking: writes `size` bytes of the test stream. False: the connection failed.
inline bool write_stream(int fd, std::uint64_t size, std::uint64_t salt) {
  Bytes chunk(128 * 1024);
  for (std::uint64_t done = 0; done < size;) {
    const std::size_t count = std::min<std::uint64_t>(chunk.size(), size - done);
    for (std::size_t i = 0; i < count; ++i) chunk[i] = stream_byte(done + i, salt);
    for (std::size_t sent = 0; sent < count;) {
      const ssize_t n = ::send(fd, chunk.data() + sent, count - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    done += count;
  }
  return true;
}

struct ReadReport {
  std::uint64_t size = 0;
  bool correct = true;  // every byte was the test stream's
  int error = 0;        // 0: an orderly end
};

// Blocking: reads to the end and compares with the test stream.
inline ReadReport read_stream(int fd, std::uint64_t salt) {
  ReadReport out;
  Bytes chunk(128 * 1024);
  for (;;) {
    const ssize_t n = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (n == 0) return out;
    if (n < 0) {
      out.error = errno;
      return out;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
      out.correct &= chunk[i] == stream_byte(out.size + i, salt);
    out.size += static_cast<std::uint64_t>(n);
  }
}

}  // namespace weft::adapter
