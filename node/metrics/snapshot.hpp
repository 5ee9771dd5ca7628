// What a node counts and what it is like now, gathered for one look at /metrics. Who gathers it
// knows the rooms; who shows it (families.hpp) knows nothing but this.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "base/fields.hpp"
#include "dht/counters.hpp"
#include "nat/responder.hpp"
#include "node/adapter/flow.hpp"
#include "node/api/http_server.hpp"
#include "node/carriers/stream_hub.hpp"
#include "node/carriers/udp_counters.hpp"
#include "node/metrics/histogram.hpp"
#include "overlay/counters.hpp"
#include "overlay/journal/journal.hpp"
#include "overlay/links/links.hpp"
#include "overlay/mail/mail.hpp"
#include "overlay/membership/counters.hpp"
#include "overlay/post/counters.hpp"
#include "overlay/post/real_sealer.hpp"
#include "overlay/punch/nat_watch.hpp"
#include "overlay/punch/pairs.hpp"
#include "overlay/relaying/relay_home.hpp"
#include "overlay/session/counters.hpp"

namespace weft::metrics {

struct Gauges {
  std::uint64_t start_time_seconds = 0;
  std::uint64_t resident_memory_bytes = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t max_descriptors = 0;
  std::uint64_t networks = 0;
  std::uint64_t members = 0;
  std::uint64_t members_present = 0;
  std::uint64_t membership_health = 0;
  std::uint64_t sessions = 0;
  std::uint64_t streams = 0;
  std::uint64_t services = 0;
  std::uint64_t doors = 0;
  std::uint64_t api_connections = 0;
  std::uint64_t store_waiting = 0;
  std::uint64_t dht_contacts = 0;
  std::uint64_t dht_records = 0;
  std::uint64_t events_kept = 0;
  std::uint64_t relay_reservations = 0;
  std::uint64_t relay_circuits = 0;
  std::uint64_t relay_month_bytes = 0;
  std::uint64_t own_circuits = 0;
  std::uint64_t carrier_connections = 0;

  static constexpr auto fields() {
    using G = Gauges;
    return std::tuple{
        field("start_time_seconds", "seconds", "Unix time of the daemon's start",
              &G::start_time_seconds),
        field("resident_memory_bytes", "bytes", "memory of the daemon", &G::resident_memory_bytes),
        field("open_descriptors", "descriptors", "files and sockets it has open",
              &G::open_descriptors),
        field("max_descriptors", "descriptors", "that it may open", &G::max_descriptors),
        field("networks", "networks", "this node is in", &G::networks),
        field("members", "nodes", "in its networks, itself among them", &G::members),
        field("members_present", "nodes", "alive or suspect, but this one", &G::members_present),
        field("membership_health", "", "0 is well, 8 a node that is too slow to judge others",
              &G::membership_health),
        field("sessions", "sessions", "with peers", &G::sessions),
        field("streams", "streams", "open in all sessions", &G::streams),
        field("services", "services", "exposed here", &G::services),
        field("doors", "doors", "kept here", &G::doors),
        field("api_connections", "connections", "of clients of the API", &G::api_connections),
        field("store_waiting", "changes", "in force and not on the disk", &G::store_waiting),
        field("dht_contacts", "nodes", "in the table of the DHT", &G::dht_contacts),
        field("dht_records", "records", "held for the DHT", &G::dht_records),
        field("events_kept", "events", "that weft events can still show", &G::events_kept),
        field("relay_reservations", "nodes", "reached through this one", &G::relay_reservations),
        field("relay_circuits", "circuits", "relayed here", &G::relay_circuits),
        field("relay_month_bytes", "bytes", "relayed here since the month began",
              &G::relay_month_bytes),
        field("own_circuits", "circuits", "of this node, through others", &G::own_circuits),
        field("carrier_connections", "connections", "of TCP and WebSocket that carry datagrams",
              &G::carrier_connections)};
  }
};
static_assert(lists_all_fields<Gauges>());

// What has no room of its own.
struct NodeCounters {
  std::uint64_t events = 0;
  std::uint64_t log_lines_dropped = 0;

  static constexpr auto fields() {
    using C = NodeCounters;
    return std::tuple{field("events", "events", "numbered since the start", &C::events),
                      field("log_lines_dropped", "lines",
                            "of the log that could not be written in time", &C::log_lines_dropped)};
  }
};
static_assert(lists_all_fields<NodeCounters>());

// `network`: its name, where it is not the default one.
struct PeerState {
  std::string name;
  std::string state;         // as weft status has it
  std::uint64_t rtt_us = 0;  // 0: not known
  std::string network = {};
};
struct ServiceState {
  std::string name;
  std::uint64_t connections = 0;
  std::string network = {};
};
struct DoorState {
  std::string name;  // "blog@oak"
  std::uint64_t connections = 0;
  adapter::FlowCounters bytes;
  std::string network = {};
};

struct Snapshot {
  std::string version;
  NodeCounters node;
  session::SessionCounters session;
  dht::DhtCounters dht;
  post::PostCounters post;
  post::SealerCounters sealer;
  membership::SwimCounters membership;
  overlay::OverlayCounters unclaimed;
  overlay::LinkCounters links;
  overlay::MailCounters mail;
  nat::ResponderCounters stun;
  punch::WatchCounters nat;
  punch::PunchCounters punch;
  relay::ServerCounters relay;
  relay::ForwardCounters forward;
  relay::CircuitCounters circuits;
  carriers::StreamHubCounters connections;
  overlay::JournalCounters journal;
  carriers::UdpCounters udp;
  adapter::FlowCounters flow;
  api::ServerCounters api;
  Histogram store_commit;
  Gauges gauges;
  std::vector<PeerState> peers;
  std::vector<ServiceState> services;
  std::vector<DoorState> doors;
};

}  // namespace weft::metrics
