#include "node/metrics/families.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

namespace weft::metrics {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// "datagrams: received": what is counted, then of which kind.
std::string help_of(std::string_view unit, std::string_view help) {
  return unit.empty() ? std::string(help) : std::string(unit) + ": " + std::string(help);
}

ClientMetric counter(std::uint64_t value, Labels labels = {}) {
  ClientMetric out;
  out.label = std::move(labels);
  out.counter.value = static_cast<double>(value);
  return out;
}
ClientMetric gauge(double value, Labels labels = {}) {
  ClientMetric out;
  out.label = std::move(labels);
  out.gauge.value = value;
  return out;
}
ClientMetric gauge(std::uint64_t value, Labels labels = {}) {
  return gauge(static_cast<double>(value), std::move(labels));
}

class Collection {
 public:
  template <HasFields Counters>
  void room(std::string_view name, const Counters& counters) {
    visit_fields(counters, [&](std::string_view member, std::string_view unit,
                               std::string_view help, std::uint64_t value) {
      std::string full = "weft_" + std::string(name) + "_" + std::string(member);
      if (!full.ends_with("_total")) full += "_total";
      add(std::move(full), help_of(unit, help), MetricType::Counter, {counter(value)});
    });
  }
  void gauges(const Gauges& gauges) {
    visit_fields(gauges, [&](std::string_view member, std::string_view unit, std::string_view help,
                             std::uint64_t value) {
      add("weft_" + std::string(member), help_of(unit, help), MetricType::Gauge, {gauge(value)});
    });
  }
  void histogram(std::string name, std::string help, const Histogram& values) {
    ClientMetric out;
    auto& into = out.histogram;
    for (std::size_t i = 0; i <= Histogram::kBounds; ++i) {
      into.sample_count += values.counts[i];
      into.bucket.push_back(
          {into.sample_count, i < Histogram::kBounds
                                  ? std::chrono::duration<double>(Histogram::bound(i)).count()
                                  : std::numeric_limits<double>::infinity()});
    }
    into.sample_sum = std::chrono::duration<double>(values.sum).count();
    add(std::move(name), std::move(help), MetricType::Histogram, {std::move(out)});
  }
  void add(std::string name, std::string help, MetricType type, std::vector<ClientMetric> series) {
    families_.push_back({std::move(name), std::move(help), type, std::move(series)});
  }
  std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  std::vector<MetricFamily> families_;
};

// The first by network and name, the default network before others; of equal names one.
template <class T>
std::vector<T> shown(std::vector<T> all, std::uint64_t& left_out) {
  const auto named = [](const T& one) { return std::pair(one.network, one.name); };
  std::ranges::sort(all, {}, named);
  const auto twice = std::ranges::unique(all, {}, named);
  all.erase(twice.begin(), twice.end());
  if (all.size() > kMaxLabels) {
    left_out += all.size() - kMaxLabels;
    all.erase(all.begin() + kMaxLabels, all.end());
  }
  return all;
}

template <class T>
Labels labels_of(std::string key, const T& one) {
  Labels out{{std::move(key), one.name}};
  if (!one.network.empty()) out.push_back({"network", one.network});
  return out;
}

void add_peers(Collection& out, const Snapshot& snapshot, std::uint64_t& left_out) {
  constexpr std::array<std::string_view, 4> kStates{"connected", "silent", "connecting", "away"};
  std::vector<ClientMetric> states;
  for (const auto state : kStates) {
    const auto count = std::ranges::count(snapshot.peers, state, &PeerState::state);
    states.push_back(gauge(static_cast<double>(count), {{"state", std::string(state)}}));
  }
  out.add("weft_peers", "nodes: members other than this one", MetricType::Gauge, std::move(states));
  std::vector<PeerState> measured;
  for (const auto& peer : snapshot.peers)
    if (peer.rtt_us > 0) measured.push_back(peer);
  std::vector<ClientMetric> rtts;
  for (const auto& peer : shown(std::move(measured), left_out))
    rtts.push_back(gauge(static_cast<double>(peer.rtt_us) / 1e6, labels_of("peer", peer)));
  out.add("weft_peer_rtt_seconds", "seconds: a round trip to a peer, smoothed", MetricType::Gauge,
          std::move(rtts));
}

void add_services(Collection& out, const Snapshot& snapshot, std::uint64_t& left_out) {
  std::vector<ClientMetric> callers, through, sent, received;
  for (const auto& service : shown(snapshot.services, left_out))
    callers.push_back(gauge(service.connections, labels_of("service", service)));
  for (const auto& door : shown(snapshot.doors, left_out)) {
    const auto label = labels_of("door", door);
    through.push_back(gauge(door.connections, label));
    sent.push_back(counter(door.bytes.to_stream, label));
    received.push_back(counter(door.bytes.from_stream, label));
  }
  out.add("weft_service_connections", "connections: of callers to a service exposed here",
          MetricType::Gauge, std::move(callers));
  out.add("weft_door_connections", "connections: open through a door", MetricType::Gauge,
          std::move(through));
  out.add("weft_door_tx_bytes_total", "bytes: sent through a door", MetricType::Counter,
          std::move(sent));
  out.add("weft_door_rx_bytes_total", "bytes: received through a door", MetricType::Counter,
          std::move(received));
}

std::string_view name_of(MetricType type) {
  if (type == MetricType::Counter) return "counter";
  return type == MetricType::Gauge ? "gauge" : "histogram";
}

constexpr std::string_view kIntroduction = R"(# Metrics

`GET /metrics` on the API's socket, and on a loopback port if the configuration says so, serves what
a node counts, in the text format of Prometheus. This page is made from the tables in the code:
`weft help --metrics > docs/metrics.md`.

```
curl --unix-socket "${XDG_STATE_HOME:-$HOME/.local/state}/weft/weft.sock" http://weft/metrics
```

```toml
[metrics]
listen = "127.0.0.1:9464"
# token = "..."        # asked for as a bearer token; with one, other addresses may be listened on
```

Counters begin at 0 when the daemon starts. Labels hold names of nodes and services, never an
address; what is not of the default network says its `network` as well, and counts are of all
networks together. A node serves at most 500 series however many peers it has: of peers, services and doors
the first 32 by name have series of their own, and `weft_left_out` says how many have none.

| metric | kind | what it says |
|---|---|---|
)";

}  // namespace

std::vector<MetricFamily> families(const Snapshot& snapshot) {
  Collection out;
  out.add("weft_build_info", "always 1: the label is the version of the program", MetricType::Gauge,
          {gauge(1.0, {{"version", snapshot.version}})});
  out.gauges(snapshot.gauges);
  out.room("node", snapshot.node);
  out.room("session", snapshot.session);
  out.room("udp", snapshot.udp);
  out.room("dht", snapshot.dht);
  out.room("post", snapshot.post);
  out.room("seal", snapshot.sealer);
  out.room("mail", snapshot.mail);
  out.room("link", snapshot.links);
  out.room("overlay", snapshot.unclaimed);
  out.room("stun", snapshot.stun);
  out.room("nat", snapshot.nat);
  out.room("punch", snapshot.punch);
  out.room("relay", snapshot.relay);
  out.room("forward", snapshot.forward);
  out.room("circuit", snapshot.circuits);
  out.room("carrier", snapshot.connections);
  out.room("membership", snapshot.membership);
  out.room("journal", snapshot.journal);
  out.room("flow", snapshot.flow);
  out.room("api", snapshot.api);
  out.histogram("weft_store_commit_seconds", "seconds: until a change was on the disk",
                snapshot.store_commit);
  std::uint64_t left_out = 0;
  add_peers(out, snapshot, left_out);
  add_services(out, snapshot, left_out);
  out.add("weft_left_out", "peers, services and doors that have no series of their own",
          MetricType::Gauge, {gauge(left_out)});
  return out.take();
}

std::string reference() {
  std::string out(kIntroduction);
  for (const auto& family : families({}))
    out += "| `" + family.name + "` | " + std::string(name_of(family.type)) + " | " + family.help +
           " |\n";
  return out;
}

}  // namespace weft::metrics
