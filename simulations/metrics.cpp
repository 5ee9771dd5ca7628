#include "simulations/metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "simulations/svg_plot.hpp"

namespace weft::sim {

std::string_view name_of(Operation operation) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Operation::kCount)> kNames{
      "lookup", "get",   "put",     "bootstrap", "join",
      "open",   "piece", "publish", "delivery",  "detect"};
  return kNames[static_cast<std::size_t>(operation)];
}

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

void demand(RunResult& result, const std::string& what, const Percentiles& measured,
            std::uint32_t least) {
  if (least == 0 || (measured.count == 0 && result.interrupted)) return;
  if (measured.count == 0) {
    result.broken.push_back(what + ": none was measured");
    return;
  }
  const bool met = measured.ok * 1000 >= measured.count * least;
  // Rounded down: what is below the mark must not read as if it had met it.
  const std::uint64_t hundredths = measured.ok * 10'000 / measured.count;
  const auto after_point = std::to_string(100 + hundredths % 100).substr(1);
  (met ? result.kept : result.broken)
      .push_back(what + ": " + std::to_string(hundredths / 100) + "." + after_point +
                 " % right, expected at least " + std::to_string(least / 10) + "." +
                 std::to_string(least % 10) + " % (" + grouped(measured.ok) + " of " +
                 grouped(measured.count) + ")");
}

}  // namespace weft::sim
