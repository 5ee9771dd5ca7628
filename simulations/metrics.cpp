#include "simulations/metrics.hpp"

#include <algorithm>
#include <cmath>

namespace weft::sim {

Percentiles summarise(const std::vector<Measured>& rows, Operation operation,
                      std::uint32_t from_second, bool victim_only) {
  Percentiles result;
  std::vector<std::uint32_t> times;
  double hops = 0, requests = 0, wasted = 0, recall = 0;
  for (const auto& row : rows) {
    if (row.operation != operation || row.at_second < from_second) continue;
    if (victim_only && !row.victim) continue;
    ++result.count;
    result.ok += row.ok ? 1 : 0;
    times.push_back(row.micros);
    hops += row.hops;
    requests += row.requests;
    wasted += row.failures;
    recall += row.recall;
  }
  if (times.empty()) return result;
  std::ranges::sort(times);
  const auto rank = [&](double share) {
    const auto at = static_cast<std::size_t>(
        std::max(0.0, std::ceil(share * static_cast<double>(times.size())) - 1));
    return times[std::min(at, times.size() - 1)] / 1000.0;
  };
  result.p50_ms = rank(0.50);
  result.p90_ms = rank(0.90);
  result.p99_ms = rank(0.99);
  const auto n = static_cast<double>(times.size());
  result.hops_mean = hops / n;
  result.requests_mean = requests / n;
  result.wasted_mean = wasted / n;
  result.recall_mean = recall / n;
  return result;
}

}  // namespace weft::sim
