#include "node/store/batch.hpp"

namespace weft::store {
namespace {

bool is_change(const Job& job) { return job.kind == Job::Kind::Change && !job.rows.empty(); }

Result<void> alone(Store& store, const Job& job) {
  return job.kind == Job::Kind::Change ? store.write(job.rows) : job.work(store);
}

// How many of the first jobs go together: changes of the first one's database, and reads.
std::size_t length_of_group(std::span<const Job> jobs) {
  const bool trust = is_trust(jobs.front().rows.front().table);
  std::size_t size = 1;
  for (; size < jobs.size(); ++size) {
    const auto& job = jobs[size];
    if (job.kind == Job::Kind::Work) break;
    if (is_change(job) && is_trust(job.rows.front().table) != trust) break;
  }
  while (size > 1 && !is_change(jobs[size - 1])) --size;  // no read waits for a commit in vain
  return size;
}

void run_group(Store& store, std::span<const Job> jobs, std::span<Result<void>> results) {
  Result<void> stored;
  if (jobs.size() > 1) stored = store.begin(is_trust(jobs.front().rows.front().table));
  if (jobs.size() > 1 && stored) {
    for (std::size_t i = 0; i < jobs.size(); ++i)
      results[i] = is_change(jobs[i])                  ? store.add(jobs[i].rows)
                   : jobs[i].kind == Job::Kind::Change ? Result<void>{}
                                                       : jobs[i].work(store);
    stored = store.finish();
    if (stored) return;
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!is_change(jobs[i]) || !store.read_only())
      results[i] = alone(store, jobs[i]);
    else if (results[i])
      results[i] = stored ? alone(store, jobs[i]) : stored;
  }
}

}  // namespace

std::size_t Job::bytes() const {
  std::size_t sum = 0;
  for (const auto& row : rows) sum += 64 + row.key.size() + (row.value ? row.value->size() : 0);
  return sum;
}

std::vector<Result<void>> run_batch(Store& store, std::span<const Job> jobs) {
  std::vector<Result<void>> results(jobs.size());
  for (std::size_t i = 0; i < jobs.size();) {
    const auto left = jobs.subspan(i);
    const std::size_t size = is_change(left.front()) ? length_of_group(left) : 1;
    run_group(store, left.first(size), std::span(results).subspan(i, size));
    i += size;
  }
  const auto anchored = store.anchor();
  if (anchored) return results;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (results[i] && is_change(jobs[i])) results[i] = anchored;
  return results;
}

}  // namespace weft::store
