// One plan, carried out twice: by real nodes over real UDP sockets and by the simulator. Who joins,
// dies and looks for whom, and when, is drawn beforehand from the seed, so that the two runs differ
// in nothing but the world.
#pragma once

#include <optional>
#include <vector>

#include "base/identity.hpp"
#include "dht/config.hpp"
#include "simulations/network.hpp"

namespace weft::reality {

struct PlanOptions {
  std::uint32_t nodes = 50;
  std::uint32_t lookups = 600;
  std::uint32_t loss_percent = 0;
  std::uint32_t dead_percent = 0;
  Duration pace = 50ms;   // between two lookups
  Duration warmup = 20s;  // joining and settling; then some die
  std::uint64_t seed = 1;
};

struct Plan {
  struct Ask {
    Instant at;
    std::uint32_t node = 0;
    NodeId target;
  };
  sim::NetworkOptions network;
  dht::Config dht;
  std::vector<Identity> identities;
  std::vector<Instant> joins;       // by node
  std::vector<std::uint32_t> dead;  // gone without a word at `death`
  Instant death;
  std::vector<Ask> asks;  // by time
  Instant end;
  std::uint64_t seed = 1;
  NetworkId network_id;
};
Plan make_plan(const PlanOptions& options);

struct Answer {
  Duration took{};
  bool found = false;  // the target is the first of the answer
  std::uint16_t requests = 0;
  std::uint16_t failures = 0;
};
struct Outcome {
  std::vector<std::optional<Answer>> answers;  // by Ask
  std::uint64_t datagrams = 0;
  std::uint64_t bytes = 0;
  Duration late{};  // the longest a datagram of the real run left behind its time
};

Outcome run_real(const Plan& plan);
Outcome run_virtual(const Plan& plan);

}  // namespace weft::reality
