#include "simulations/simulator.hpp"

#include <algorithm>
#include <tuple>

#include "base/assert.hpp"
#include "simulations/team.hpp"

namespace weft::sim {

namespace {
constexpr std::int64_t kWindowNanos = Simulator::kWindow.count();
constexpr SourceIndex kScript = 0;
}  // namespace

Simulator::Simulator(Network network, unsigned threads)
    : world_{std::move(network), {}, {}, false}, agenda_(1) {
  const std::uint32_t shards = world_.network.shards();
  for (std::uint32_t i = 0; i < shards; ++i)
    shards_.push_back(std::make_unique<Shard>(world_, i, shards));
  if (threads > 1 && shards == 2)
    team_ = std::make_unique<Team>([this](std::int64_t end) { shards_[1]->run(end); });
}

Simulator::~Simulator() = default;

Result<std::unique_ptr<Simulator>> Simulator::create(const NetworkOptions& options,
                                                     std::uint64_t seed, unsigned threads) {
  WEFT_TRY(auto network, Network::create(options, seed));
  return std::unique_ptr<Simulator>(new Simulator(std::move(network), threads));
}

std::uint32_t Simulator::add_node(Network::Placement placement) {
  const std::uint32_t node = world_.network.add_node(placement);
  for (auto& shard : shards_) shard->add_node();
  world_.nodes.push_back(nullptr);
  world_.traffic.emplace_back();
  return node;
}

void Simulator::go_online(std::uint32_t node, std::unique_ptr<NodeCore> core) {
  WEFT_ASSERT(!world_.nodes[node] && core);
  world_.nodes[node] = std::move(core);
  ++online_;
  drain(node);
}

std::unique_ptr<NodeCore> Simulator::go_offline(std::uint32_t node) {
  WEFT_ASSERT(world_.nodes[node]);
  shard_of(node).cancel_timer(node);
  --online_;
  return std::move(world_.nodes[node]);
}

void Simulator::post_script(Instant at, std::uint32_t payload) {
  const std::int64_t time = std::max(at, now_).time_since_epoch().count();
  const std::int64_t start = (time + kWindowNanos - 1) / kWindowNanos * kWindowNanos;
  agenda_.post(Instant{Duration{start}}, kScript, payload);
}

void Simulator::run_window(std::int64_t end, std::int64_t then) {
  // Where little happens, handing over costs more than it saves.
  const std::uint64_t before = events();
  if (team_ != nullptr && lately_ >= worth_a_team_ && shards_[1]->next_time() < end) {
    team_->run(end, [&] { shards_[0]->run(end); });
  } else {
    for (auto& shard : shards_) shard->run(end);
  }
  lately_ = (3 * lately_ + (events() - before)) / 4;
  now_ = Instant{Duration{then}};
  if (log_) report_deliveries();
  if (on_window) on_window();
}

void Simulator::run_until(Instant end, const std::atomic<bool>* stop) {
  const std::int64_t last = end.time_since_epoch().count();
  while (stop == nullptr || !stop->load(std::memory_order_relaxed)) {
    std::int64_t next = Shard::kNever;
    for (auto& to : shards_)
      for (auto& from : shards_) to->collect(*from);
    for (auto& shard : shards_) next = std::min(next, shard->next_time());
    const auto scripted = agenda_.next_time();
    if (scripted && scripted->time_since_epoch().count() <= next) {
      if (*scripted > end) break;
      now_ = *scripted;
      ++script_events_;
      script_(now_, agenda_.pop()->payload);
      continue;
    }
    if (next > last) break;
    const std::int64_t whole = next / kWindowNanos * kWindowNanos + kWindowNanos;
    run_window(std::min(whole, last + 1), std::min(whole, last));
  }
  if (stop == nullptr || !stop->load(std::memory_order_relaxed)) now_ = std::max(now_, end);
}

void Simulator::log_deliveries(std::function<void(const Delivery&)> log) {
  log_ = std::move(log);
  world_.log_deliveries = log_ != nullptr;
}

void Simulator::report_deliveries() {
  std::vector<Delivery> all;
  for (auto& shard : shards_) {
    all.insert(all.end(), shard->deliveries().begin(), shard->deliveries().end());
    shard->deliveries().clear();
  }
  std::ranges::stable_sort(all, {}, [](const Delivery& delivery) {
    return std::tuple(delivery.at, delivery.from, delivery.to);
  });
  for (const Delivery& delivery : all) log_(delivery);
}

Traffic Simulator::total_traffic() const {
  Traffic sum;
  for (const auto& shard : shards_) {
    sum.bytes_in += shard->total().bytes_in;
    sum.bytes_out += shard->total().bytes_out;
    sum.datagrams_in += shard->total().datagrams_in;
    sum.datagrams_out += shard->total().datagrams_out;
  }
  return sum;
}

std::uint64_t Simulator::events() const {
  std::uint64_t sum = script_events_;
  for (const auto& shard : shards_) sum += shard->events();
  return sum;
}

std::string Simulator::digest() {
  std::vector<Digest::Value> parts;
  for (auto& shard : shards_) parts.push_back(shard->digest().value());
  return to_hex(combine(parts));
}

std::size_t Simulator::packets_in_flight() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->in_flight();
  return sum;
}

std::size_t Simulator::overhead_bytes() const {
  std::size_t sum = world_.network.memory_bytes() + agenda_.memory_bytes() +
                    world_.nodes.capacity() * sizeof(world_.nodes[0]) +
                    world_.traffic.capacity() * sizeof(Traffic);
  for (const auto& shard : shards_) sum += shard->memory_bytes();
  return sum;
}

}  // namespace weft::sim
