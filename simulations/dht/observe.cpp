// What the simulator looks at while it runs: a row per sample, and the invariants that hold at
// every one of them. A broken table aborts (WEFT_ASSERT in the core); a lost record is counted.
#include <algorithm>

#include "dht/routing_table.hpp"
#include "simulations/dht/workload.hpp"

namespace weft::sim {

namespace {
constexpr std::size_t kTablesPerSample = 50;
constexpr std::size_t kHoldersNear = 200;
}  // namespace

void DhtWorkload::sample(Instant, Sample& row) {
  row.lookups = open_.lookups;
  row.lookups_ok = open_.lookups_ok;
  row.gets = open_.gets;
  row.gets_ok = open_.gets_ok;
  open_ = {};
  for (const auto node : population_.online())
    row.servers += directory_->at(node).serving_since != Instant::max() ? 1 : 0;
  if (!open_micros_.empty()) {
    std::ranges::sort(open_micros_);
    row.p50_ms = open_micros_[open_micros_.size() / 2] / 1000;
    row.p99_ms = open_micros_[open_micros_.size() * 99 / 100] / 1000;
    open_micros_.clear();
  }
  check_tables(row);
  check_records(row);
}

void DhtWorkload::check_tables(Sample& row) {
  const auto& online = population_.online();
  if (online.empty()) return;
  std::uint64_t entries = 0;
  std::uint64_t dead = 0;
  std::uint64_t believed = 0, liars = 0, near = 0, near_liars = 0;
  std::vector<dht::ContactHandle> nearest;
  std::size_t looked_at = 0;
  // A fixed stride, not a draw: watching must not change what happens.
  const std::size_t stride = std::max<std::size_t>(1, online.size() / kTablesPerSample);
  for (std::size_t i = 0; i < online.size(); i += stride) {
    auto& node = node_at(online[i]);
    node.check_invariants();
    const dht::RoutingTable& table = node.dht().table();
    const dht::ContactBook& book = side_of(online[i]).book;
    const bool honest = population_.at(online[i]).fault == FaultKind::None;
    table.closest(table.self(), scenario_.dht.k, 0, dht::ContactHandle::None, nearest);
    const Distance rim =
        nearest.empty() ? Distance{} : distance(book.id(nearest.back()), table.self());
    for (std::size_t b = 0; b < table.bucket_count(); ++b) {
      for (const auto& entry : table.bucket(b).live) {
        ++entries;
        const auto named = directory_->truth().closest(book.id(entry.handle), 1,
                                                       [](std::uint32_t) { return true; });
        const Person& person = population_.at(named[0]);
        dead += person.online ? 0 : 1;
        if (!honest) continue;
        ++believed;
        liars += person.fault == FaultKind::None ? 0 : 1;
        const auto nearer = distance(book.id(entry.handle), table.self());
        near += nearer > rim ? 0 : 1;
        near_liars += nearer > rim || person.fault == FaultKind::None ? 0 : 1;
      }
    }
    ++looked_at;
  }
  if (entries > 0)
    row.table_dead_percent = 100.0 * static_cast<double>(dead) / static_cast<double>(entries);
  if (believed > 0)
    row.table_liar_percent = 100.0 * static_cast<double>(liars) / static_cast<double>(believed);
  if (near > 0)
    row.near_liar_percent = 100.0 * static_cast<double>(near_liars) / static_cast<double>(near);
  row.table_mean = static_cast<std::uint32_t>(entries / looked_at);
}

void DhtWorkload::check_records(Sample& row) {
  std::uint64_t holders = 0;
  std::uint64_t stored = 0;
  const auto anyone = [&](std::uint32_t node) { return population_.at(node).online; };
  for (const auto& record : records_) {
    if (!record.done) continue;
    ++stored;
    std::uint64_t here = 0;
    for (const auto node : directory_->truth().closest(record.key, kHoldersNear, anyone))
      here += node_at(node).dht().holds(record.key) ? 1 : 0;
    for (std::size_t i = 0; here == 0 && i < population_.online().size(); ++i)
      here += node_at(population_.online()[i]).dht().holds(record.key) ? 1 : 0;
    row.records_lost += here == 0 ? 1 : 0;
    holders += here;
  }
  if (stored > 0) row.holders_mean = static_cast<double>(holders) / static_cast<double>(stored);
}

void DhtWorkload::check_expectations(RunResult& result) const {
  const auto& expect = scenario_.expect;
  const auto lookups = summarise(measured_, Operation::Lookup, result.warmup_second);
  const auto gets = summarise(measured_, Operation::Get, result.warmup_second);
  const auto last_quarter = static_cast<std::uint32_t>(result.virtual_time / 1s * 3 / 4);
  const auto last = summarise(measured_, Operation::Lookup, last_quarter);
  demand(result, "lookups", lookups, expect.lookup_success);
  demand(result, "lookups of the last quarter", last, expect.final_lookup_success);
  demand(result, "gets", gets, expect.get_success);
  if (expect.bytes_per_node_second > 0 && !result.samples.empty()) {
    double sum = 0;
    std::size_t rows = 0;
    for (const auto& row : result.samples) {
      if (row.minute * 60 <= result.warmup_second) continue;
      sum += row.bytes_per_node_second;
      ++rows;
    }
    const double mean = rows > 0 ? sum / static_cast<double>(rows) : 0;
    const bool met = mean <= expect.bytes_per_node_second;
    (met ? result.kept : result.broken)
        .push_back("traffic per node: " + std::to_string(static_cast<int>(mean)) +
                   " B/s, expected at most " + std::to_string(expect.bytes_per_node_second));
  }
  if (expect.no_lost_record && !result.samples.empty()) {
    const auto lost = result.samples.back().records_lost;
    (lost == 0 ? result.kept : result.broken)
        .push_back(std::to_string(lost) + " records are lost, expected none");
  }
}

}  // namespace weft::sim
