#include "node/control_metrics.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "node/control_answers.hpp"
#include "node/io/clock.hpp"
#include "node/io/descriptors.hpp"
#include "node/metrics/families.hpp"
#include "node/version.hpp"
#include "overlay/network.hpp"

namespace weft::node {

namespace {

std::uint64_t resident_memory() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

MetricsControl::MetricsControl(overlay::Overlay& overlay, Driver& driver, Gateway& gateway,
                               const events::Recorder& recorder)
    : overlay_(overlay),
      driver_(driver),
      gateway_(gateway),
      recorder_(recorder),
      started_(io::unix_time()) {}

std::string MetricsControl::metrics() { return metrics::text_of(metrics::families(gather())); }

metrics::Snapshot MetricsControl::gather() const {
  metrics::Snapshot out;
  out.version = kVersion;
  out.node.events = recorder_.newest();
  if (log_lines_dropped) out.node.log_lines_dropped = log_lines_dropped();
  out.session = overlay_.sessions().counters();
  out.journal = overlay_.store_counters();
  out.udp = driver_.udp().counters();
  gather_ways(out);
  const auto standard = overlay_.network();
  overlay_.in_each(io::monotonic_time(), [&] { gather_network(out, standard); });
  if (api != nullptr) {
    out.api = api->counters();
    out.gauges.api_connections = api->connections();
  }
  out.flow = gateway_.bytes();
  if (store_commit) out.store_commit = store_commit();
  out.gauges.start_time_seconds = static_cast<std::uint64_t>(started_);
  out.gauges.resident_memory_bytes = resident_memory();
  out.gauges.open_descriptors = io::descriptors_open();
  out.gauges.max_descriptors = io::descriptor_limit();
  out.gauges.networks = overlay_.networks(io::monotonic_time()).size();
  out.gauges.events_kept = recorder_.newest() + 1 - recorder_.oldest();
  if (const auto trouble = overlay_.store_trouble()) out.gauges.store_waiting = trouble->waiting;
  out.gauges.services = out.services.size();
  out.gauges.doors = out.doors.size();
  return out;
}

// How datagrams get to others: what NATs, relays and connections have to do with it.
void MetricsControl::gather_ways(metrics::Snapshot& out) const {
  out.unclaimed = overlay_.counters();
  out.links = overlay_.link_counters();
  out.stun = overlay_.stun_counters();
  out.connections = driver_.streams().counters();
  out.gauges.carrier_connections = driver_.streams().size();
  const auto relay = overlay_.relay(io::monotonic_time());
  out.relay = relay.server;
  out.forward = relay.frames;
  out.circuits = relay.through;
  out.gauges.relay_reservations = relay.reservations;
  out.gauges.relay_circuits = relay.circuits;
  out.gauges.relay_month_bytes = relay.used;
  out.gauges.own_circuits = relay.own_circuits;
}

// Of the network that is meant; it is named where it is not the default one.
void MetricsControl::gather_network(metrics::Snapshot& out,
                                    const std::optional<NetworkId>& standard) const {
  auto* network = overlay_.home();
  if (network == nullptr) return;
  const auto name = network->id() == standard ? std::string() : network->name();
  if (dht != nullptr) {
    const auto counted = dht->counters();
    const auto stats = dht->stats();
    add_fields(out.dht, counted.dht);
    add_fields(out.post, counted.post);
    add_fields(out.sealer, counted.sealer);
    out.gauges.dht_contacts += stats.contacts;
    out.gauges.dht_records += stats.records;
  }
  add_fields(out.mail, network->mail().counters());
  add_fields(out.nat, network->punch().watch_counters());
  add_fields(out.punch, network->punch().counters());
  const auto& liveness = network->liveness();
  add_fields(out.membership, liveness.counters());
  out.gauges.members_present += liveness.table().present();
  out.gauges.membership_health =
      std::max(out.gauges.membership_health, static_cast<std::uint64_t>(liveness.health()));
  out.gauges.members += overlay_.members().size();
  gather_peers(out, name);
  gather_services(out, name);
}

void MetricsControl::gather_peers(metrics::Snapshot& out, const std::string& network) const {
  for (const auto& view : overlay_.peers()) {
    metrics::PeerState peer{view.name, state_of(view), 0, network};
    if (view.session) {
      using std::chrono::duration_cast, std::chrono::microseconds;
      peer.rtt_us = static_cast<std::uint64_t>(
          duration_cast<microseconds>(view.session->smoothed_rtt).count());
      ++out.gauges.sessions;
      out.gauges.streams += view.session->open_streams;
    }
    out.peers.push_back(std::move(peer));
  }
}

void MetricsControl::gather_services(metrics::Snapshot& out, const std::string& network) const {
  for (const auto& exposure : overlay_.exposures())
    out.services.push_back({exposure.name, overlay_.connections(exposure.name), network});
  for (const auto& mapping : overlay_.mappings()) {
    const auto traffic = gateway_.traffic(mapping.id);
    out.doors.push_back({mapping.service + "@" + node_label(overlay_, mapping.node),
                         traffic.connections,
                         {traffic.tx_bytes, traffic.rx_bytes},
                         network});
  }
}

}  // namespace weft::node
