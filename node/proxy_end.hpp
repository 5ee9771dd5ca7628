// What a proxy's clients are told, in SOCKS5 or HTTP, and the local end of a stream to an exit: it
// says to the exit where to go, tells the client how it went, and lets the bytes go.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "node/adapter/door.hpp"
#include "node/io/unique_fd.hpp"
#include "overlay/service/socks5.hpp"

namespace weft::node {

enum class ProxySpeech : std::uint8_t { Socks5, Http };

// The client's answer. `why`: a sentence or two, for people; SOCKS5 has no place for it.
[[nodiscard]] Bytes proxy_answer(ProxySpeech speech, service::socks5::Code code,
                                 const std::string& why = {});
// As much of it as the socket takes now, which for the first bytes of a connection is all.
void tell_client(int fd, ByteView answer);

struct ViaExit {
  io::UniqueFd client;
  ProxySpeech speech;
  std::string host;
  std::uint16_t port;
  Bytes early;       // what the client said already
  std::string exit;  // for people
  std::function<void(const std::string& to, const std::string& why)> refused;
};
[[nodiscard]] std::unique_ptr<adapter::LocalEnd> via_exit(ViaExit via);

}  // namespace weft::node
