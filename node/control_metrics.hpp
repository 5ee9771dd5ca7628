// Gathers what /metrics shows, from every room that counts. A new room: its struct in
// metrics/snapshot.hpp, its name in metrics/families.cpp, and a line here.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "node/api/http_server.hpp"
#include "node/api/modules/metrics.hpp"
#include "node/dht_host.hpp"
#include "node/events/recorder.hpp"
#include "node/gateway.hpp"
#include "node/metrics/snapshot.hpp"

namespace weft::node {

class MetricsControl final : public api::Metrics {
 public:
  MetricsControl(overlay::Overlay& overlay, Driver& driver, Gateway& gateway,
                 const events::Recorder& recorder);

  // What is made later than this, or is not there.
  const DhtHost* dht = nullptr;
  const api::HttpServer* api = nullptr;
  std::function<std::uint64_t()> log_lines_dropped;
  std::function<metrics::Histogram()> store_commit;

  [[nodiscard]] std::string metrics() override;

 private:
  [[nodiscard]] metrics::Snapshot gather() const;
  void gather_ways(metrics::Snapshot& out) const;
  void gather_network(metrics::Snapshot& out, const std::optional<NetworkId>& standard) const;
  void gather_peers(metrics::Snapshot& out, const std::string& network) const;
  void gather_services(metrics::Snapshot& out, const std::string& network) const;

  overlay::Overlay& overlay_;
  Driver& driver_;
  Gateway& gateway_;
  const events::Recorder& recorder_;
  const UnixTime started_;
};

}  // namespace weft::node
