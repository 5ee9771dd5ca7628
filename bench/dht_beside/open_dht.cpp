// The peer: N nodes of OpenDHT (libopendht-dev), the work of work.hpp.  open_dht N OPERATIONS
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

#include <opendht.h>

#include "bench/dht_beside/work.hpp"

namespace {

using namespace std::chrono_literals;

struct Nodes {
  explicit Nodes(std::size_t count) : connected(count) {
    for (std::size_t i = 0; i < count; ++i) {
      dht::DhtRunner::Config config;
      config.threaded = true;
      config.dht_config.node_config.network = 7;
      config.dht_config.node_config.max_req_per_sec = -1;
      config.dht_config.node_config.max_peer_req_per_sec = -1;
      auto node = std::make_unique<dht::DhtRunner>();
      node->setOnStatusChanged([flag = &connected[i]](dht::NodeStatus v4, dht::NodeStatus) {
        *flag = v4 == dht::NodeStatus::Connected;
      });
      node->run(static_cast<in_port_t>(20000 + i), config);
      if (i > 0) node->bootstrap("127.0.0.1", std::to_string(20000 + (i < 4 ? 0 : i % 4)));
      all.push_back(std::move(node));
    }
  }
  std::vector<std::atomic<bool>> connected;
  std::vector<std::unique_ptr<dht::DhtRunner>> all;
};

using beside::sleep;
using beside::Waiter;

dht::InfoHash key_of(std::size_t i) { return dht::InfoHash::get("key" + std::to_string(i)); }

beside::Phase puts(Nodes& nodes, std::size_t count, std::mt19937& random) {
  beside::Phase phase{count, {}, {}};
  const auto before = beside::traffic();
  const std::string body(beside::kValueSize, 'x');
  for (std::size_t i = 0; i < count; ++i) {
    auto waiter = std::make_shared<Waiter>();
    const double start = beside::now();
    nodes.all[random() % nodes.all.size()]->put(
        key_of(i), dht::Value(reinterpret_cast<const std::uint8_t*>(body.data()), body.size()),
        [waiter](bool ok) { waiter->finish(ok); });
    waiter->wait();
    if (waiter->ok) phase.took_ms.push_back((beside::now() - start) * 1e3);
  }
  phase.cost = beside::traffic() - before;
  return phase;
}

// Time to the first value; packets until the search has ended.
beside::Phase gets(Nodes& nodes, std::size_t count, std::mt19937& random) {
  beside::Phase phase{count, {}, {}};
  const auto before = beside::traffic();
  for (std::size_t i = 0; i < count; ++i) {
    auto waiter = std::make_shared<Waiter>();
    const double start = beside::now();
    std::size_t node = random() % nodes.all.size();
    while (!nodes.all[node]) node = random() % nodes.all.size();
    nodes.all[node]->get(
        key_of(i),
        [waiter](const std::vector<std::shared_ptr<dht::Value>>& values) {
          if (!values.empty()) waiter->found();
          return true;
        },
        [waiter](bool ok) { waiter->finish(ok); });
    waiter->wait();
    if (waiter->first > 0) phase.took_ms.push_back((waiter->first - start) * 1e3);
  }
  phase.cost = beside::traffic() - before;
  return phase;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::stoul(argv[1]) : 50;
  const std::size_t operations = argc > 2 ? std::stoul(argv[2]) : 100;
  const double memory_before = beside::resident_mib();
  const double start = beside::now();
  Nodes nodes(count);
  const auto joined = [&] {
    return std::all_of(nodes.connected.begin(), nodes.connected.end(), [](auto& c) { return +c; });
  };
  while (!joined() && beside::now() - start < 60) std::this_thread::sleep_for(10ms);
  beside::Report report;
  report.number("nodes", static_cast<double>(count));
  report.number("join_s", beside::now() - start);
  sleep(beside::kSettle);
  const auto idle = beside::traffic();
  sleep(beside::kIdle);
  report.number("idle_Bps", static_cast<double>((beside::traffic() - idle).bytes) / beside::kIdle /
                                static_cast<double>(count));
  std::mt19937 random(1);
  report.phase("put", puts(nodes, operations, random));
  report.phase("get", gets(nodes, operations, random));
  report.number("mib_per_node",
                (beside::resident_mib() - memory_before) / static_cast<double>(count));
  for (std::size_t i = 5; i < count; i += 10) nodes.all[i].reset();
  report.phase("get_killed", gets(nodes, operations, random));
  report.print();
  std::fflush(stdout);
  std::_Exit(0);
}
