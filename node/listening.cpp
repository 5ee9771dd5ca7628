#include "node/listening.hpp"

#include <algorithm>
#include <cstdlib>

#include "node/io/clock.hpp"
#include "node/local_addresses.hpp"

namespace weft::node {

namespace {

using path::PathKind;

constexpr std::string_view kPortKey = "udp_port";
constexpr std::string_view kListenKey = "udp_listen";  // of the last --listen, one a line
constexpr std::size_t kMostToldOfKind = 2;             // places in a list of eight

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

std::vector<Address> carriers_of(const Driver& driver) {
  std::vector<Address> out;
  const auto told = [&](PathKind kind) {
    auto all = local_endpoints(driver.streams().bound(kind));
    all.resize(std::min(all.size(), kMostToldOfKind));
    return all;
  };
  for (const Endpoint& at : told(PathKind::Tcp)) out.emplace_back(TcpAddress{at});
  for (const Endpoint& at : told(PathKind::Wss))
    out.emplace_back(WssAddress{carriers::host_text(at), at.port, carriers::kWssPath});
  return out;
}

// Of the configuration, else of the environment as other programs read it.
void set_proxy(carriers::StreamHub& streams, const Config& config, events::Recorder& recorder) {
  const auto variable = [](const char* lower, const char* upper) -> std::string {
    for (const char* name : {lower, upper})
      if (const char* value = std::getenv(name); value != nullptr && *value != 0) return value;
    return {};
  };
  const auto url = config.proxy.empty() ? variable("https_proxy", "HTTPS_PROXY") : config.proxy;
  if (url.empty()) return;
  const auto proxy = ProxyAddress::parse(url);
  if (!proxy) {
    streams.set_proxy_not_used(proxy.error().detail);
    return recorder.record(events::ProxyIgnored{proxy.error().detail});
  }
  streams.set_proxy(*proxy, variable("no_proxy", "NO_PROXY"));
}

std::vector<std::string> stream_texts(const Driver& driver, bool told) {
  std::vector<std::string> out;
  for (const auto& [kind, prefix] :
       {std::pair{PathKind::Tcp, kListenTcp}, std::pair{PathKind::Wss, kListenWss}}) {
    const auto bound = driver.streams().bound(kind);
    for (const auto& endpoint : told ? local_endpoints(bound) : bound)
      out.push_back(prefix + to_text(endpoint));
  }
  return out;
}

}  // namespace

void Listening::load(const Row& row) {
  if (row.table != Table::Setting || !row.value) return;
  const auto key = text_of(row.key);
  if (key == kPortKey && row.value->size() == 2) port_ = read_be<std::uint16_t>(*row.value);
  if (key == kListenKey) kept_ = lines_of(text_of(*row.value));
}

// --listen, else the configuration, else what an earlier --listen said; none: the default.
Result<ListenPlaces> Listening::wanted(const std::vector<std::string>& flags,
                                       const std::vector<std::string>& configured,
                                       const Keep& keep) {
  if (asks_for_default(flags)) {
    kept_.clear();
    port_ = 0;
    WEFT_CHECK(keep(kListenKey, std::nullopt));
    return listen_places(configured);
  }
  if (!flags.empty()) return listen_places(flags);
  return listen_places(configured.empty() ? kept_ : configured);
}

Result<void> Listening::open(const std::vector<std::string>& flags, const Config& config,
                             Driver& driver, const Keep& keep, events::Recorder& recorder) {
  const auto& configured = config.listen;
  WEFT_TRY(const auto places, wanted(flags, configured, keep));
  const auto& listen = places.udp;
  std::vector<carriers::UdpOptions> udp(std::max<std::size_t>(listen.size(), 1));
  for (std::size_t i = 0; i < listen.size(); ++i) udp[i].bind = listen[i];
  if (listen.empty()) udp.front().bind.port = port_ != 0 ? port_ : kDefaultPort;
  auto opened = driver.open(udp);
  if (!opened && listen.empty()) {
    // Somebody has our port, or took it while we were away: peers learn the new one from us.
    udp.front().bind.port = 0;
    opened = driver.open(udp);
  }
  WEFT_CHECK(opened);
  if (!config.certificate.empty())
    WEFT_CHECK(driver.streams().set_certificate(
        carriers::WssFiles{config.certificate, config.certificate_key}));
  set_proxy(driver.streams(), config, recorder);
  for (const Endpoint& at : places.tcp) WEFT_CHECK(driver.streams().listen(PathKind::Tcp, at));
  for (const Endpoint& at : places.wss) WEFT_CHECK(driver.streams().listen(PathKind::Wss, at));
  if (listen.empty()) {
    port_ = driver.udp().port();
    Bytes value;
    append_be(value, port_);
    WEFT_CHECK(keep(kPortKey, std::move(value)));
  }
  const bool said = !asks_for_default(flags) && (!flags.empty() || configured.empty());
  if (!said || (listen.empty() && places.tcp.empty() && places.wss.empty())) return {};
  std::string lines;  // as bound: a port that was drawn for :0 is the port from now on
  if (!listen.empty())
    for (const auto& endpoint : driver.udp().bound()) lines += to_text(endpoint) + "\n";
  for (const auto& place : stream_texts(driver, false)) lines += place + "\n";
  return keep(kListenKey, to_bytes(bytes_of(lines)));
}

void Listening::tell(Instant now, const Driver& driver, overlay::Overlay& overlay) {
  overlay.set_carriers(now, carriers_of(driver));
  overlay.set_listen_endpoints(now, local_endpoints(driver.udp().bound()));
}

std::vector<std::string> listen_texts(const Driver& driver, bool told) {
  const auto bound = driver.udp().bound();
  std::vector<std::string> out;
  for (const auto& endpoint : told ? local_endpoints(bound) : bound)
    out.push_back(to_text(endpoint));
  std::ranges::move(stream_texts(driver, told), std::back_inserter(out));
  return out;
}

}  // namespace weft::node
