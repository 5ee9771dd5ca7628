#include "node/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <utility>

#include <toml++/toml.h>

#include "base/endpoint.hpp"
#include "base/label.hpp"
#include "base/nearest_word.hpp"
#include "base/node_id.hpp"
#include "base/text.hpp"
#include "node/http_proxy.hpp"
#include "node/listen_addresses.hpp"
#include "node/relay_amounts.hpp"
#include "overlay/service/mapping.hpp"
#include "overlay/service/service.hpp"

extern "C" char** environ;  // NOLINT: POSIX leaves it to the program to declare

namespace weft::node {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileSize = 1 << 20;
constexpr std::size_t kMaxFiles = 64;
constexpr std::size_t kMaxList = 1024;

struct Section {
  std::string_view name;
  std::span<const std::string_view> keys;
};
constexpr std::array<std::string_view, 12> kTopKeys{"version", "node",    "log",     "net",
                                                    "nat",     "metrics", "listen",  "proxy",
                                                    "relay",   "expose",  "consume", "peer"};
constexpr std::array<std::string_view, 2> kNodeKeys{"name", "listen"};
constexpr std::array<std::string_view, 1> kLogKeys{"level"};
constexpr std::array<std::string_view, 2> kNetKeys{"gso", "udp_idle_s"};
constexpr std::array<std::string_view, 1> kNatKeys{"port_mapping"};
constexpr std::array<std::string_view, 2> kMetricsKeys{"listen", "token"};
constexpr std::array<std::string_view, 3> kRelayKeys{"enabled", "rate", "cap"};
constexpr std::array<std::string_view, 2> kListenKeys{"certificate", "key"};
constexpr std::array<std::string_view, 1> kProxyKeys{"url"};
constexpr std::array<std::string_view, 5> kExposeKeys{"name", "target", "protocol", "allow",
                                                      "relay"};
constexpr std::array<std::string_view, 2> kConsumeKeys{"service", "listen"};
constexpr std::array<std::string_view, 2> kPeerKeys{"node", "addresses"};
constexpr std::array<Section, 12> kSections{{{"", kTopKeys},
                                             {"node", kNodeKeys},
                                             {"log", kLogKeys},
                                             {"net", kNetKeys},
                                             {"nat", kNatKeys},
                                             {"metrics", kMetricsKeys},
                                             {"listen", kListenKeys},
                                             {"proxy", kProxyKeys},
                                             {"relay", kRelayKeys},
                                             {"expose", kExposeKeys},
                                             {"consume", kConsumeKeys},
                                             {"peer", kPeerKeys}}};
constexpr std::array<std::string_view, 5> kLevels{"trace", "debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 3> kGso{"auto", "on", "off"};
constexpr std::int64_t kLeastIdle = 10, kMostIdle = 86'400;
constexpr const char* kIdleFix = "use seconds, from 10 to 86400";
constexpr const char* kGsoFix = "use auto, on or off";

std::span<const std::string_view> keys_of(std::string_view section) {
  for (const auto& s : kSections)
    if (s.name == section) return s.keys;
  return {};
}

constexpr const char* kTokenFix = "take 16 to 255 letters, digits and -._~+/=";

// RFC 6750 2.1, and long enough not to be guessed.
bool is_token(std::string_view text) {
  return text.size() >= 16 && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("-._~+/=").contains(c);
         });
}

// One pass over one document. The first thing wrong ends it; `config_` is then half changed, so
// the caller works on a copy.
class Reader {
 public:
  Reader(Config& config, std::string file) : config_(config), file_(std::move(file)) {}

  ConfigResult<void> read(const toml::table& root) {
    if (auto ok = known_keys(root, ""); !ok) return ok;
    const auto* version = root.get("version");
    if (version == nullptr)
      return error(1, "version is missing", "begin the file with: version = 1");
    if (version->value_exact<std::int64_t>() != 1)
      return error(line(*version), "this weft reads configuration version 1", "write: version = 1");
    if (auto ok = read_node(root.get("node")); !ok) return ok;
    if (auto ok = read_log(root.get("log")); !ok) return ok;
    if (auto ok = read_net(root.get("net")); !ok) return ok;
    if (auto ok = read_nat(root.get("nat")); !ok) return ok;
    if (auto ok = read_metrics(root.get("metrics")); !ok) return ok;
    if (auto ok = read_relay(root.get("relay")); !ok) return ok;
    if (auto ok = read_listen(root.get("listen")); !ok) return ok;
    if (auto ok = read_proxy(root.get("proxy")); !ok) return ok;
    if (auto ok = each_table(root.get("expose"), "expose", &Reader::read_expose); !ok) return ok;
    if (auto ok = each_table(root.get("consume"), "consume", &Reader::read_consume); !ok) return ok;
    return each_table(root.get("peer"), "peer", &Reader::read_peer);
  }

 private:
  static int line(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

  std::unexpected<ConfigError> error(int at, std::string what, std::string fix = {}) const {
    return std::unexpected<ConfigError>({file_, at, std::move(what), std::move(fix)});
  }

  ConfigResult<void> known_keys(const toml::table& table, std::string_view section) const {
    const auto keys = keys_of(section);
    for (const auto& [key, value] : table) {
      if (std::ranges::find(keys, key.str()) != keys.end()) continue;
      const auto near = nearest_key(section, key.str());
      const auto full = section.empty()
                            ? std::string(key.str().substr(0, 80))
                            : std::string(section) + "." + std::string(key.str().substr(0, 80));
      return error(static_cast<int>(key.source().begin.line), "unknown key " + full,
                   near.empty() ? "remove it" : "did you mean " + near + "?");
    }
    return {};
  }

  void note(const std::string& key, const toml::node& node) {
    config_.origin[key] = file_ + ":" + std::to_string(line(node));
  }

  ConfigResult<const toml::table*> table_of(const toml::node* node, std::string_view name) const {
    if (node == nullptr) return nullptr;
    const auto* table = node->as_table();
    if (table == nullptr)
      return error(line(*node), std::string(name) + " must be a table",
                   "write: [" + std::string(name) + "]");
    if (auto ok = known_keys(*table, name); !ok) return std::unexpected(ok.error());
    return table;
  }

  ConfigResult<std::string> text_of(const toml::node& node, std::string_view key) const {
    const auto value = node.value_exact<std::string>();
    if (!value) return error(line(node), std::string(key) + " must be a text in quotes");
    return *value;
  }

  ConfigResult<std::vector<std::string>> list_of(const toml::node& node,
                                                 std::string_view key) const {
    const auto* array = node.as_array();
    if (array == nullptr) return error(line(node), std::string(key) + " must be a list of texts");
    if (array->size() > kMaxList) return error(line(node), std::string(key) + " is too long");
    std::vector<std::string> out;
    for (const auto& item : *array) {
      auto text = text_of(item, key);
      if (!text) return std::unexpected(text.error());
      out.push_back(std::move(*text));
    }
    return out;
  }

  ConfigResult<void> read_node(const toml::node* node) {
    auto table = table_of(node, "node");
    if (!table) return std::unexpected(table.error());
    if (*table == nullptr) return {};
    if (const auto* name = (*table)->get("name")) {
      auto text = text_of(*name, "node.name");
      if (!text) return std::unexpected(text.error());
      if (!is_label(*text))
        return error(line(*name), "node.name is not a name",
                     "use 1 to 63 of a-z, 0-9 and '-', not at either end");
      config_.name = std::move(*text);
      note("node.name", *name);
    }
    if (const auto* listen = (*table)->get("listen")) {
      auto list = list_of(*listen, "node.listen");
      if (!list) return std::unexpected(list.error());
      if (const auto right = listen_places(*list); !right)
        return error(line(*listen), "node.listen: " + right.error().detail, kListenFix);
      config_.listen = std::move(*list);
      note("node.listen", *listen);
    }
    return {};
  }

  ConfigResult<void> read_log(const toml::node* node) {
    auto table = table_of(node, "log");
    if (!table) return std::unexpected(table.error());
    if (*table == nullptr) return {};
    if (const auto* level = (*table)->get("level")) {
      auto text = text_of(*level, "log.level");
      if (!text) return std::unexpected(text.error());
      if (std::ranges::find(kLevels, *text) == kLevels.end())
        return error(line(*level), "log.level is not a level",
                     "use trace, debug, info, warn or error");
      config_.log_level = std::move(*text);
      note("log.level", *level);
    }
    return {};
  }

  ConfigResult<void> read_net(const toml::node* node) {
    auto table = table_of(node, "net");
    if (!table) return std::unexpected(table.error());
    if (*table == nullptr) return {};
    if (const auto* gso = (*table)->get("gso")) {
      auto text = text_of(*gso, "net.gso");
      if (!text) return std::unexpected(text.error());
      if (std::ranges::find(kGso, *text) == kGso.end())
        return error(line(*gso), "net.gso is none of its values", kGsoFix);
      config_.gso = std::move(*text);
      note("net.gso", *gso);
    }
    if (const auto* idle = (*table)->get("udp_idle_s")) {
      const auto seconds = idle->value_exact<std::int64_t>();
      if (!seconds || *seconds < kLeastIdle || *seconds > kMostIdle)
        return error(line(*idle), "net.udp_idle_s is no such time", kIdleFix);
      config_.udp_idle_s = *seconds;
      note("net.udp_idle_s", *idle);
    }
    return {};
  }

  ConfigResult<void> read_nat(const toml::node* node) {
    auto table = table_of(node, "nat");
    if (!table) return std::unexpected(table.error());
    const auto* wish = *table == nullptr ? nullptr : (*table)->get("port_mapping");
    if (wish == nullptr) return {};
    const auto value = wish->value_exact<bool>();
    if (!value)
      return error(line(*wish), "nat.port_mapping is no truth value", "write true or false");
    config_.port_mapping = *value;
    note("nat.port_mapping", *wish);
    return {};
  }

  ConfigResult<void> read_metrics(const toml::node* node) {
    auto table = table_of(node, "metrics");
    if (!table) return std::unexpected(table.error());
    if (*table == nullptr) return {};
    if (const auto* token = (*table)->get("token")) {
      auto text = text_of(*token, "metrics.token");
      if (!text) return std::unexpected(text.error());
      if (!is_token(*text)) return error(line(*token), "metrics.token is no token", kTokenFix);
      config_.metrics_token = std::move(*text);
      note("metrics.token", *token);
    }
    if (const auto* listen = (*table)->get("listen")) {
      auto text = text_of(*listen, "metrics.listen");
      if (!text) return std::unexpected(text.error());
      const auto address = endpoint_from_text(*text);
      if (!address || address->port == 0)
        return error(line(*listen), "metrics.listen is not an address",
                     "write IP:PORT, as 127.0.0.1:9464");
      config_.metrics_listen = *address;
      note("metrics.listen", *listen);
    }
    return {};
  }

  ConfigResult<void> read_relay(const toml::node* node) {
    auto table = table_of(node, "relay");
    if (!table) return std::unexpected(table.error());
    if (*table == nullptr) return {};
    const std::array<std::string*, 3> into{&config_.relay.enabled, &config_.relay.rate,
                                           &config_.relay.cap};
    for (std::size_t i = 0; i < into.size(); ++i) {
      const auto* value = (*table)->get(kRelayKeys[i]);
      if (value == nullptr) continue;
      const std::string name = "relay." + std::string(kRelayKeys[i]);
      auto text = text_of(*value, name);
      if (!text) return std::unexpected(text.error());
      if (const auto fix = wrong_relay_value(kRelayKeys[i], *text); !fix.empty())
        return error(line(*value), name + " is none of its values", fix);
      *into[i] = std::move(*text);
      note(name, *value);
    }
    return {};
  }

  // What of `section` is one text: into `value`.
  ConfigResult<void> read_text(const toml::table& table, const std::string& section,
                               const std::string& key, std::string& value) {
    const auto* node = table.get(key);
    if (node == nullptr) return {};
    auto text = text_of(*node, section + "." + key);
    if (!text) return std::unexpected(text.error());
    value = std::move(*text);
    note(section + "." + key, *node);
    return {};
  }

  ConfigResult<void> read_listen(const toml::node* node) {
    auto table = table_of(node, "listen");
    if (!table) return std::unexpected(table.error());
    if (*table == nullptr) return {};
    for (auto [key, value] : {std::pair{"certificate", &config_.certificate},
                              std::pair{"key", &config_.certificate_key}})
      if (auto read = read_text(**table, "listen", key, *value); !read) return read;
    if (config_.certificate.empty() != config_.certificate_key.empty())
      return error(line(*node), "listen.certificate and listen.key belong together",
                   "name both files, or none: then a certificate is made at each start");
    return {};
  }

  ConfigResult<void> read_proxy(const toml::node* node) {
    auto table = table_of(node, "proxy");
    if (!table) return std::unexpected(table.error());
    if (*table == nullptr) return {};
    if (auto read = read_text(**table, "proxy", "url", config_.proxy); !read) return read;
    if (config_.proxy.empty()) return {};
    if (const auto right = ProxyAddress::parse(config_.proxy); !right)
      return error(line(*node), "proxy.url: " + right.error().detail,
                   "write http://USER:PASSWORD@HOST:PORT");
    return {};
  }

  using ReadOne = ConfigResult<void> (Reader::*)(const toml::table&);
  ConfigResult<void> each_table(const toml::node* node, std::string_view name, ReadOne read_one) {
    if (node == nullptr) return {};
    const auto* array = node->as_array();
    if (array == nullptr)
      return error(line(*node), std::string(name) + " must be a list of tables",
                   "write: [[" + std::string(name) + "]]");
    if (array->size() > kMaxList) return error(line(*node), std::string(name) + " is too long");
    for (const auto& item : *array) {
      auto table = table_of(&item, name);
      if (!table) return std::unexpected(table.error());
      if (auto ok = (this->*read_one)(**table); !ok) return ok;
    }
    return {};
  }

  ConfigResult<std::string> expose_text(const toml::table& table, const char* key,
                                        const char* otherwise) const {
    const auto* node = table.get(key);
    return node == nullptr ? std::string(otherwise) : text_of(*node, std::string("expose.") + key);
  }

  ConfigResult<void> read_expose(const toml::table& table) {
    const int at = static_cast<int>(table.source().begin.line);
    const auto* target_node = table.get("target");
    if (target_node == nullptr)
      return error(at, "expose has no target", "add: target = \"127.0.0.1:3000\"");
    auto text = text_of(*target_node, "expose.target");
    if (!text) return std::unexpected(text.error());
    const auto target = service::Target::from_text(*text);
    if (!target) return error(line(*target_node), "expose.target: " + target.error().detail);
    const auto protocol_text = expose_text(table, "protocol", "tcp");
    const auto relay = expose_text(table, "relay", "allowed");
    if (!protocol_text || !relay)
      return std::unexpected((protocol_text ? relay : protocol_text).error());
    const auto protocol = service::protocol_from_text(*protocol_text);
    if (!protocol) return error(at, "expose.protocol: " + protocol.error().detail);
    if (*relay != "never" && *relay != "allowed")
      return error(at, "expose.relay is not \"" + *relay + "\"", "write: relay = \"never\"");
    const auto name = expose_text(table, "name", service::default_name(*target, *protocol).c_str());
    if (!name || !is_label(*name))
      return error(line(*table.get("name")), "expose.name is not a name",
                   "use 1 to 63 of a-z, 0-9 and '-', not at either end");
    ExposeConfig entry{*name, target->to_text(), {}, *protocol_text, *relay};
    if (const auto* allow = table.get("allow")) {
      auto list = list_of(*allow, "expose.allow");
      if (!list) return std::unexpected(list.error());
      entry.allow = std::move(*list);
    }
    for (const auto& other : config_.expose)
      if (other.name == entry.name)
        return error(at, "expose " + entry.name + " is there twice",
                     "give one of them another name");
    config_.origin["expose." + entry.name] = file_ + ":" + std::to_string(at);
    config_.expose.push_back(std::move(entry));
    return {};
  }

  ConfigResult<void> read_consume(const toml::table& table) {
    const int at = static_cast<int>(table.source().begin.line);
    const auto* service = table.get("service");
    if (service == nullptr)
      return error(at, "consume has no service", "add: service = \"blog@oak\"");
    auto text = text_of(*service, "consume.service");
    if (!text) return std::unexpected(text.error());
    const auto ref = service::parse_service_ref(*text);
    if (!ref) return error(line(*service), "consume.service: " + ref.error().detail);
    if (!ref->also.empty())
      return error(line(*service), "consume.service names one node; weft open takes several");
    ConsumeConfig entry{ref->service, ref->node, {}};
    if (const auto* listen = table.get("listen")) {
      auto address_text = text_of(*listen, "consume.listen");
      if (!address_text) return std::unexpected(address_text.error());
      const auto address = door_address(*address_text);
      if (!address) return error(line(*listen), "consume.listen: " + address.error().detail);
      entry.listen = *address;
    }
    config_.consume.push_back(std::move(entry));
    config_.origin[consume_key(config_, config_.consume.size() - 1)] =
        file_ + ":" + std::to_string(at);
    return {};
  }

  ConfigResult<void> read_peer(const toml::table& table) {
    const int at = static_cast<int>(table.source().begin.line);
    const auto* node = table.get("node");
    const auto* addresses = table.get("addresses");
    if (node == nullptr) return error(at, "peer has no node", "add: node = \"oak\"");
    if (addresses == nullptr)
      return error(at, "peer has no addresses", "add: addresses = [\"203.0.113.7:41820\"]");
    PeerConfig entry;
    auto name = text_of(*node, "peer.node");
    if (!name) return std::unexpected(name.error());
    entry.node = std::move(*name);
    if (!is_label(entry.node) && !node_id_from_text(entry.node))
      return error(line(*node), "peer.node is neither a name nor an id",
                   "use its name as weft members shows it");
    auto list = list_of(*addresses, "peer.addresses");
    if (!list) return std::unexpected(list.error());
    entry.addresses = std::move(*list);
    for (const auto& address : entry.addresses)
      if (const auto endpoint = endpoint_from_text(address); !endpoint || endpoint->port == 0)
        return error(line(*addresses), "peer.addresses: not an address: " + address.substr(0, 80),
                     "write IP:PORT, as 203.0.113.7:41820 or [2001:db8::7]:41820");
    for (const auto& other : config_.peer)
      if (other.node == entry.node)
        return error(at, "peer " + entry.node + " is there twice",
                     "put all its addresses into one list");
    config_.origin["peer." + entry.node] = file_ + ":" + std::to_string(at);
    config_.peer.push_back(std::move(entry));
    return {};
  }

  Config& config_;
  std::string file_;
};

ConfigResult<std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxFileSize + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (!in && !in.eof()))
    return std::unexpected(
        ConfigError{path.string(), 0, "cannot be read", "check its permissions"});
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxFileSize)
    return std::unexpected(
        ConfigError{path.string(), 0, "is larger than 1 MiB", "split or trim it"});
  return text;
}

ConfigResult<void> apply_file(Config& config, const fs::path& path) {
  auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  return apply_toml(config, *text, path.string());
}

ConfigResult<std::vector<fs::path>> files_in(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error))
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  if (files.size() > kMaxFiles)
    return std::unexpected(
        ConfigError{directory.string(), 0, "holds more than 64 files", "merge some"});
  std::ranges::sort(files);
  return files;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    if (const auto part = text.substr(0, end); !part.empty()) parts.emplace_back(part);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

ConfigResult<void> apply_variable(Config& config, std::string_view key, std::string_view value) {
  const std::string variable = "WEFT_" + std::string(key);
  const auto bad = [&](std::string what, std::string fix) {
    return std::unexpected(ConfigError{"environment", 0, std::move(what), std::move(fix)});
  };
  if (key == "NODE__NAME") {
    if (!is_label(value))
      return bad(variable + " is not a name", "use 1 to 63 of a-z, 0-9 and '-'");
    config.name = value;
    config.origin["node.name"] = "env " + variable;
  } else if (key == "NODE__LISTEN") {
    auto list = split(value, ',');
    if (const auto right = listen_places(list); !right)
      return bad(variable + ": " + right.error().detail, kListenFix);
    config.listen = std::move(list);
    config.origin["node.listen"] = "env " + variable;
  } else if (key == "LOG__LEVEL") {
    if (std::ranges::find(kLevels, value) == kLevels.end())
      return bad(variable + " is not a level", "use trace, debug, info, warn or error");
    config.log_level = value;
    config.origin["log.level"] = "env " + variable;
  } else if (key == "NET__GSO") {
    if (std::ranges::find(kGso, value) == kGso.end())
      return bad(variable + " is none of its values", kGsoFix);
    config.gso = value;
    config.origin["net.gso"] = "env " + variable;
  } else if (key == "NAT__PORT_MAPPING") {
    if (value != "true" && value != "false")
      return bad(variable + " is no truth value", "write true or false");
    config.port_mapping = value == "true";
    config.origin["nat.port_mapping"] = "env " + variable;
  } else if (key == "METRICS__TOKEN") {
    if (!is_token(value)) return bad(variable + " is no token", kTokenFix);
    config.metrics_token = value;
    config.origin["metrics.token"] = "env " + variable;
  } else if (key == "NET__UDP_IDLE_S") {
    std::int64_t seconds = 0;
    const auto* end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, seconds);
    if (error != std::errc{} || at != end || seconds < kLeastIdle || seconds > kMostIdle)
      return bad(variable + " is no such time", kIdleFix);
    config.udp_idle_s = seconds;
    config.origin["net.udp_idle_s"] = "env " + variable;
  } else if (key == "PROXY__URL") {
    if (const auto right = ProxyAddress::parse(value); !right)
      return bad(variable + ": " + right.error().detail, "write http://USER:PASSWORD@HOST:PORT");
    config.proxy = value;
    config.origin["proxy.url"] = "env " + variable;
  } else {
    return bad(variable + " names no key",
               "there are WEFT_NODE__NAME, WEFT_NODE__LISTEN, WEFT_LOG__LEVEL, WEFT_NET__GSO, "
               "WEFT_NET__UDP_IDLE_S, WEFT_NAT__PORT_MAPPING, WEFT_METRICS__TOKEN and "
               "WEFT_PROXY__URL");
  }
  return {};
}

}  // namespace

std::string service_of(const ConsumeConfig& entry) {
  return entry.service + (entry.node.empty() ? "" : "@" + entry.node);
}

std::string to_text(const ConfigError& error) {
  return error.file + (error.line > 0 ? ":" + std::to_string(error.line) : "") + ": " + error.what;
}

std::string nearest_key(std::string_view section, std::string_view key) {
  return nearest_word(key, keys_of(section));
}

ConfigResult<void> apply_toml(Config& config, std::string_view text, const std::string& file) {
  toml::table parsed;
  try {
    parsed = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    return std::unexpected(ConfigError{file, static_cast<int>(error.source().begin.line),
                                       std::string(error.description()), "see: weft config init"});
  }
  Config changed = config;
  if (auto ok = Reader(changed, file).read(parsed); !ok) return ok;
  config = std::move(changed);
  return {};
}

ConfigResult<void> apply_environment(Config& config, const std::vector<std::string>& environment) {
  for (const auto& row : environment) {
    std::string_view rest = row;
    if (!rest.starts_with("WEFT_")) continue;
    rest.remove_prefix(5);
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos || !rest.substr(0, equals).contains("__")) continue;
    if (auto ok = apply_variable(config, rest.substr(0, equals), rest.substr(equals + 1)); !ok)
      return ok;
  }
  return {};
}

ConfigResult<Config> load_config(const Paths& paths) {
  Config config;
  std::error_code ignored;
  if (fs::exists(paths.config_file, ignored))
    if (auto ok = apply_file(config, paths.config_file); !ok) return std::unexpected(ok.error());
  auto files = files_in(paths.config_dir);
  if (!files) return std::unexpected(files.error());
  for (const auto& file : *files)
    if (auto ok = apply_file(config, file); !ok) return std::unexpected(ok.error());
  std::vector<std::string> rows;
  for (char** row = environ; row != nullptr && *row != nullptr; ++row) rows.emplace_back(*row);
  if (auto ok = apply_environment(config, rows); !ok) return std::unexpected(ok.error());
  return config;
}

}  // namespace weft::node
