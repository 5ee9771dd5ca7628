// WebSockets in TLS, made and served: what looks like a page of a web site where only those pass.
//
// The certificate protects nothing, the session inside does: whoever dials verifies none, so a
// self-signed one made at the start will do, and an operator's own serves those who look at it from
// outside. docs/decisions/0037 says why. Path /weft. A client that does not ask for it gets TLS and
// then no byte.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/address.hpp"
#include "base/error.hpp"
#include "node/carriers/stream_carrier.hpp"
#include "node/http_proxy.hpp"
#include "node/io/event_loop.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::carriers {

inline constexpr const char* kWssPath = "/weft";
// How a failure begins when a web page answered in the place of a node: another server, or the
// sign-in page of a network. The status follows.
inline constexpr const char* kPageInPlace = "a web page answers in its place";

// The operator's own certificate; both or none. PEM files, the chain in the first.
struct WssFiles {
  std::string certificate, key;
};

struct WssContexts;
struct WssSocket;

class Wss {
 public:
  static constexpr Duration kHandshakeWithin = 10s;  // TLS, then the WebSocket's

  explicit Wss(io::EventLoop& loop);
  ~Wss();
  Wss(const Wss&) = delete;
  Wss& operator=(const Wss&) = delete;

  // Before serving. Usage: files that are no certificate and its key.
  [[nodiscard]] Result<void> set_certificate(const std::optional<WssFiles>& files);

  // One handshake on a connected TCP socket. `done` is called once, from the loop, never from
  // within the call; with nullptr: it came to nothing, `why` says how. Destroying the attempt ends
  // it without a word.
  class Attempt {
   public:
    virtual ~Attempt() = default;
  };
  using Done = std::function<void(std::shared_ptr<WssSocket>, const std::string& why)>;
  [[nodiscard]] std::unique_ptr<Attempt> serve(io::UniqueFd fd, Done done);
  // `proxy`: the socket is connected to it, and CONNECT comes first.
  [[nodiscard]] std::unique_ptr<Attempt> call(io::UniqueFd fd, const WssAddress& address,
                                              const std::optional<node::ProxyAddress>& proxy,
                                              Done done);

  // What carries datagrams then; as TcpCarrier. One binary message is one frame.
  [[nodiscard]] std::unique_ptr<StreamCarrier> carrier(std::shared_ptr<WssSocket> socket,
                                                       const Endpoint& remote, DatagramSink& sink,
                                                       std::function<void()> ended);

 private:
  io::EventLoop& loop_;
  std::unique_ptr<WssContexts> contexts_;
};

}  // namespace weft::carriers
