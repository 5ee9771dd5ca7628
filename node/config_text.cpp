// The configuration as text: what holds.
#include <algorithm>
#include <sstream>

#include "base/text.hpp"
#include "node/config.hpp"

namespace weft::node {

namespace {

std::string list_in_quotes(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const auto& item : list) out += (out.size() > 1 ? ", " : "") + in_quotes(item);
  return out + "]";
}

}  // namespace

std::string consume_key(const Config& config, std::size_t index) {
  const auto full = service_of(config.consume[index]);
  const auto end = config.consume.begin() + static_cast<std::ptrdiff_t>(index);
  const auto before = std::ranges::count(config.consume.begin(), end, full,
                                         [](const ConsumeConfig& c) { return service_of(c); });
  return "consume." + full + (before == 0 ? "" : "#" + std::to_string(before + 1));
}

std::string to_toml(const Config& config, bool with_origin) {
  std::ostringstream out;
  const auto origin = [&](const std::string& key) -> std::string {
    if (!with_origin) return "";
    const auto at = config.origin.find(key);
    return "  # " + (at == config.origin.end() ? "default" : at->second);
  };
  out << "version = 1\n\n[node]\n";
  if (!config.name.empty() || !with_origin) {
    if (!config.name.empty())
      out << "name = " << in_quotes(config.name) << origin("node.name") << "\n";
  } else {
    out << "# name: the hostname" << origin("node.name") << "\n";
  }
  out << "listen = " << list_in_quotes(config.listen) << origin("node.listen") << "\n";
  out << "\n[log]\nlevel = " << in_quotes(config.log_level) << origin("log.level") << "\n";
  out << "\n[net]\ngso = " << in_quotes(config.gso) << origin("net.gso")
      << "\nudp_idle_s = " << config.udp_idle_s << origin("net.udp_idle_s") << "\n";
  out << "\n[nat]\nport_mapping = " << (config.port_mapping ? "true" : "false")
      << origin("nat.port_mapping") << "\n";
  if (config.metrics_listen || !config.metrics_token.empty()) {
    out << "\n[metrics]\n";
    if (config.metrics_listen)
      out << "listen = " << in_quotes(to_text(*config.metrics_listen)) << origin("metrics.listen")
          << "\n";
    // What a file shows may be shown; a secret stays where it is when somebody looks.
    if (!config.metrics_token.empty())
      out << "token = "
          << in_quotes(with_origin ? std::string("(kept back)") : config.metrics_token)
          << origin("metrics.token") << "\n";
  }
  if (!config.certificate.empty())
    out << "\n[listen]\ncertificate = " << in_quotes(config.certificate)
        << origin("listen.certificate") << "\nkey = " << in_quotes(config.certificate_key)
        << origin("listen.key") << "\n";
  if (!config.proxy.empty())
    out << "\n[proxy]\nurl = " << in_quotes(with_origin ? std::string("(kept back)") : config.proxy)
        << origin("proxy.url") << "\n";
  const auto relay = [&](const char* key, const std::string& value) {
    if (!value.empty())
      out << key << " = " << in_quotes(value) << origin(std::string("relay.") + key) << "\n";
  };
  if (config.relay.given()) out << "\n[relay]\n";
  relay("enabled", config.relay.enabled);
  relay("rate", config.relay.rate);
  relay("cap", config.relay.cap);
  for (const auto& e : config.expose)
    out << "\n[[expose]]" << origin("expose." + e.name) << "\nname = " << in_quotes(e.name)
        << "\ntarget = " << in_quotes(e.target) << "\nprotocol = " << in_quotes(e.protocol)
        << "\nallow = " << list_in_quotes(e.allow)
        << (e.relay == "never" ? "\nrelay = \"never\"" : "") << "\n";
  for (std::size_t i = 0; i < config.consume.size(); ++i) {
    const auto& c = config.consume[i];
    out << "\n[[consume]]" << origin(consume_key(config, i))
        << "\nservice = " << in_quotes(service_of(c)) << "\n";
    if (c.listen) out << "listen = " << in_quotes(to_text(*c.listen)) << "\n";
  }
  for (const auto& p : config.peer)
    out << "\n[[peer]]" << origin("peer." + p.node) << "\nnode = " << in_quotes(p.node)
        << "\naddresses = " << list_in_quotes(p.addresses) << "\n";
  return out.str();
}

}  // namespace weft::node
