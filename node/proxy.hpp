// The proxy of this node: one port on this machine that speaks SOCKS5 (RFC 1928, CONNECT without a
// password) and HTTP CONNECT. Names that end with .weft lead to services inside the network
// (overlay/service/weft_name.hpp), all others out through an exit, a socks5 service of another
// node, or nowhere.
//
// Invariants
//  1. It listens on loopback only, because it asks nobody for a password.
//  2. A .weft name never leaves the network; a name for the exit is not looked up here.
//  3. kMaxClients that have not said what they want yet, for kGreetingLimit each; then a client is
//     a connection like that of a door.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "node/adapter/tcp_door.hpp"
#include "node/gateway.hpp"
#include "overlay/overlay.hpp"
#include "overlay/service/socks5.hpp"

namespace weft::node {

class Proxy {
 public:
  static constexpr std::size_t kMaxClients = 256;
  static constexpr Duration kGreetingLimit = 10s;
  static constexpr Duration kOpenLimit = 10s;

  struct Settings {
    Endpoint listen;
    std::string exit;  // NODE or SERVICE@NODE; empty: none
    bool operator==(const Settings&) const = default;
  };
  struct Counters {
    std::uint64_t accepted = 0, inside = 0, outside = 0, refused = 0;  // clients
  };

  // All outlive it.
  Proxy(io::EventLoop& loop, overlay::Overlay& overlay, Gateway& gateway);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // In place of what was open before. Usage: not loopback. Busy, Denied, NotFound as Door::listen.
  [[nodiscard]] Result<void> open(const Settings& settings);
  void close();
  [[nodiscard]] const std::optional<Settings>& settings() const { return settings_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  class Client;
  struct Way {
    std::string service, node;
    bool exit = false;
  };
  // The network that a name says, else what network_ has.
  [[nodiscard]] std::optional<NetworkId> network_of(const std::string& host) const;
  void on_accept(io::UniqueFd connection);
  // Where that leads, or why nowhere.
  [[nodiscard]] std::expected<Way, std::pair<service::socks5::Code, std::string>> way_to(
      const std::string& host) const;
  [[nodiscard]] std::expected<Way, std::pair<service::socks5::Code, std::string>> exit_way(
      const std::string& host) const;
  void connect(std::uint64_t id);
  void answered(std::uint64_t id, const Way& way,
                std::expected<overlay::StreamKey, Gateway::Refusal> result);
  void forget(std::uint64_t id);

  io::EventLoop& loop_;
  overlay::Overlay& overlay_;
  Gateway& gateway_;
  std::optional<Settings> settings_;
  std::optional<NetworkId> network_;  // for which it was opened; none: for the default one
  std::unique_ptr<adapter::TcpDoor> door_;
  std::map<std::uint64_t, std::unique_ptr<Client>> clients_;
  std::uint64_t last_client_ = 0;
  Counters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weft::node
