// How far the simulator is from reality: the same plan in both, figures side by side.
//   reality [LOOKUPS]      three cases: clean, 2 % loss, 10 % of the nodes dead
// Needs a machine that is not busy: the real half runs on the clock. Exit 1 if a median or a 90th
// percentile differs by more than 10 %.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/crypto.hpp"
#include "bench/reality/plan.hpp"

namespace weft::reality {
namespace {

struct Figures {
  double p50 = 0, p90 = 0, p99 = 0, found = 0, requests = 0, failures = 0;
  std::size_t answered = 0;
};

Figures figures_of(const Outcome& outcome) {
  Figures figures;
  std::vector<double> times;
  for (const auto& answer : outcome.answers) {
    if (!answer) continue;
    times.push_back(static_cast<double>(answer->took.count()) / 1e6);
    figures.found += answer->found ? 1 : 0;
    figures.requests += answer->requests;
    figures.failures += answer->failures;
  }
  figures.answered = times.size();
  if (times.empty()) return figures;
  std::ranges::sort(times);
  const auto n = static_cast<double>(times.size());
  const auto at = [&](double share) {
    return times[static_cast<std::size_t>(std::ceil(share * n)) - 1];
  };
  figures.p50 = at(0.5);
  figures.p90 = at(0.9);
  figures.p99 = at(0.99);
  figures.found *= 100.0 / static_cast<double>(outcome.answers.size());
  figures.requests /= n;
  figures.failures /= n;
  return figures;
}

void print(const char* name, const char* world, const Outcome& outcome, const Figures& f) {
  std::printf("| %s | %s | %zu of %zu | %.1f | %.1f | %.1f | %.1f | %.2f | %.2f | %llu |\n", name,
              world, f.answered, outcome.answers.size(), f.p50, f.p90, f.p99, f.found, f.requests,
              f.failures, static_cast<unsigned long long>(outcome.datagrams));
}

bool compare(const char* name, const PlanOptions& options) {
  const Plan plan = make_plan(options);
  const Outcome simulated = run_virtual(plan);
  const Outcome real = run_real(plan);
  const Figures a = figures_of(real);
  const Figures b = figures_of(simulated);
  print(name, "real", real, a);
  print(name, "simulated", simulated, b);
  const double p50 = 100.0 * (b.p50 - a.p50) / a.p50;
  const double p90 = 100.0 * (b.p90 - a.p90) / a.p90;
  std::printf("| %s | difference | | %+.1f %% | %+.1f %% | | | | | late by %.1f ms at most |\n",
              name, p50, p90, static_cast<double>(real.late.count()) / 1e6);
  std::fflush(stdout);
  return std::abs(p50) <= 10 && std::abs(p90) <= 10;
}

}  // namespace
}  // namespace weft::reality

int main(int argc, char** argv) {
  using namespace weft;
  crypto::initialise();
  reality::PlanOptions options;
  if (argc > 1) options.lookups = static_cast<std::uint32_t>(std::atoi(argv[1]));
  std::puts(
      "| case | world | answered | p50 ms | p90 ms | p99 ms | found % | requests | unanswered | "
      "datagrams |\n|---|---|---|---|---|---|---|---|---|---|");
  bool close = reality::compare("clean", options);
  options.loss_percent = 2;
  close &= reality::compare("2 % loss", options);
  options.loss_percent = 0;
  options.dead_percent = 10;
  close &= reality::compare("10 % dead", options);
  return close ? 0 : 1;
}
