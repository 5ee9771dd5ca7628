#include "node/mapped_port.hpp"

#include <algorithm>

#include "nat/candidate.hpp"
#include "node/io/clock.hpp"

namespace weft::node {

namespace {

// A public IPv4 address needs no router's leave, and without a private one there is no router.
bool needs_mapping(const std::vector<Endpoint>& addresses) {
  const auto v4 = [](const Endpoint& e) { return e.is_v4() && !e.is_loopback(); };
  const auto open = [&](const Endpoint& e) { return v4(e) && !e.is_private(); };
  return std::ranges::any_of(addresses, v4) && std::ranges::none_of(addresses, open);
}

}  // namespace

MappedPort::MappedPort(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver,
                       events::Recorder& recorder)
    : overlay_(overlay),
      driver_(driver),
      recorder_(recorder),
      mapper_(loop, [this] { changed(); }) {}

void MappedPort::begin(std::uint16_t port, const std::vector<Endpoint>& addresses) {
  port_ = port;
  look(addresses);
}

void MappedPort::look(const std::vector<Endpoint>& addresses) {
  if (port_ == 0 || addresses == addresses_) return;
  addresses_ = addresses;
  if (mapper_.running()) return mapper_.kick();
  if (!needs_mapping(addresses)) return;
  no_thread_.clear();
  if (const auto started = mapper_.start(port_); !started) no_thread_ = started.error().detail;
}

void MappedPort::begin_stop() { mapper_.begin_stop(); }

std::string MappedPort::trouble() const {
  if (!no_thread_.empty()) return no_thread_;
  return mapper_.running() ? mapper_.trouble() : "this machine has a public IPv4 address, or none";
}

void MappedPort::changed() {
  std::vector<Endpoint> mapped;
  if (const auto& mapping = mapper_.current()) {
    recorder_.record(events::PortMapped{mapping->protocol, to_text(mapping->outside)});
    // A router behind another router tells a private address, which helps nobody.
    if (!nat::is_nearby(mapping->outside) && !mapping->outside.is_unspecified())
      mapped.push_back(mapping->outside);
  } else {
    recorder_.record(events::PortNotMapped{mapper_.trouble()});
  }
  overlay_.set_mapped_endpoints(io::monotonic_time(), std::move(mapped));
  driver_.wake();
}

}  // namespace weft::node
