// The configuration: weft.toml, then conf.d/*.toml in name order, then WEFT_SECTION__KEY from the
// environment; later wins, lists of tables append. version = 1. An unknown key is an error that
// names its line and the nearest key there is (exit code 78); nothing is guessed.
//
//   version = 1
//   [node]     name = "oak"   listen = ["0.0.0.0:41820"]
//   [log]      level = "info"           trace, debug, info, warn, error
//   [net]      gso = "auto"             auto, on, off: may the kernel cut trains of datagrams?
//              udp_idle_s = 120         a flow of a udp service ends after that silence, 10..86400
//   [nat]      port_mapping = true      ask the router to let others in (NAT-PMP, UPnP)?
//   [metrics]  listen = "127.0.0.1:9464"  token = "..."   /metrics on a TCP port too
//   [relay]    enabled = "auto"  rate = "20Mbit/s"  cap = "50GB/month"   hand on for others?
//   [listen]   certificate = "chain.pem"  key = "key.pem"   what wss listeners show
//   [proxy]    url = "http://user:password@proxy:3128"      else https_proxy and no_proxy
//   [[expose]] name = "blog"  target = "127.0.0.1:3000"  allow = ["laptop", "group:friends"]
//              protocol = "udp"         tcp without it
//   [[consume]] service = "db@oak"  listen = "127.0.0.1:5432"
//
// A service that is named here and kept in the store from before: at each start its target is the
// one written here (open connections stay with the old one until they end). Its `allow` is added to
// the rules there are; a deny by command stays. An allow that is no longer written stays too: it
// cannot be told from one given by command, and `weft deny` withdraws both.
// [[consume]] without `listen` takes the service's own port, so it waits until that is known.
//
// Limits: 1 MiB a file, 64 files, 1,024 entries a list.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "node/paths.hpp"

namespace weft::node {

struct ExposeConfig {
  std::string name, target;  // canonical target (service::Target); name made from it when absent
  std::vector<std::string> allow;
  std::string protocol = "tcp";
  std::string relay = "allowed";  // or "never": nothing of it goes through a relay
};
struct ConsumeConfig {
  std::string service, node;       // node may be empty
  std::optional<Endpoint> listen;  // none: same port, else next free
};

// Where a member is reached, told beforehand: for a network whose nodes have not met yet, or as a
// fixed point to come back to.
struct PeerConfig {
  std::string node;                    // its name in the network, or its id
  std::vector<std::string> addresses;  // "IP:PORT", one or more
};

// What is not given here stays as a command said, or is the default.
struct RelayConfig {
  std::string enabled;    // auto, on, off
  std::string rate, cap;  // node/relay_amounts.hpp
  [[nodiscard]] bool given() const { return !enabled.empty() || !rate.empty() || !cap.empty(); }
};

struct Config {
  std::string name;                 // empty: the hostname
  std::vector<std::string> listen;  // as --listen; empty: all addresses, a port kept in state.db
  std::string log_level = "info";
  std::string gso = "auto";
  std::int64_t udp_idle_s = 120;
  bool port_mapping = true;                  // the router is asked to let others in
  std::optional<Endpoint> metrics_listen;    // none: on the API's socket alone
  std::string metrics_token;                 // empty: none is asked for
  std::string certificate, certificate_key;  // of wss listeners, PEM files; empty: one is made
  std::string proxy;                         // for WebSockets; empty: as https_proxy says
  RelayConfig relay;
  std::vector<ExposeConfig> expose;
  std::vector<ConsumeConfig> consume;
  std::vector<PeerConfig> peer;
  // key -> where its value came from ("weft.toml:3", "env WEFT_NODE__NAME"); absent: the default.
  std::map<std::string, std::string> origin;
};

// "db@oak", and its key in Config::origin. A service may have several doors: "consume.db@oak",
// "consume.db@oak#2".
std::string service_of(const ConsumeConfig& entry);
std::string consume_key(const Config& config, std::size_t index);

struct ConfigError {
  std::string file;  // or "environment"
  int line = 0;      // 0: unknown
  std::string what;  // "unknown key node.nmae"
  std::string fix;   // "did you mean name?"
};
std::string to_text(const ConfigError& error);  // "weft.toml:3: unknown key ..."

template <class T>
using ConfigResult = std::expected<T, ConfigError>;

// One document laid over `config`. `file` is the name that errors carry.
[[nodiscard]] ConfigResult<void> apply_toml(Config& config, std::string_view text,
                                            const std::string& file);
// WEFT_NODE__NAME, WEFT_NODE__LISTEN (comma separated), WEFT_LOG__LEVEL, WEFT_NET__GSO,
// WEFT_NET__UDP_IDLE_S, WEFT_METRICS__TOKEN, WEFT_PROXY__URL.
// `environment` holds "KEY=VALUE" rows; rows without "__" after WEFT_ are not configuration.
[[nodiscard]] ConfigResult<void> apply_environment(Config& config,
                                                   const std::vector<std::string>& environment);
// All of it, in order. A missing file is an empty one.
[[nodiscard]] ConfigResult<Config> load_config(const Paths& paths);
// What `weft config show` prints: TOML that load_config reads back to the same Config.
std::string to_toml(const Config& config, bool with_origin);
// The commented file that `weft config init` writes.
std::string_view starter_config();
// Keys there are, nearest to `key` by edit distance first; empty when none is near.
std::string nearest_key(std::string_view section, std::string_view key);

}  // namespace weft::node
