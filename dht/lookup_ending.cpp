// When a lookup ends: the policy of dht/lookup.hpp, and nothing else.
#include "dht/lookup.hpp"

namespace weft::dht {

namespace {

using State = Lookup::State;

bool usable(const Lookup::Candidate& candidate) { return candidate.state != State::Failed; }

}  // namespace

bool Lookup::done() const {
  if (exact()) return true;
  const bool exhausted = queries_ >= limits_.queries || !anything_to_ask();
  if (limits_.exhaustive) return exhausted && asked_ == 0 && slow_ == 0;
  return all_satisfied() || (exhausted && in_flight() == 0);
}

bool Lookup::exact() const {
  return !limits_.exhaustive && !candidates_.empty() && candidates_.front().distance.is_zero() &&
         candidates_.front().state == State::Replied;
}

bool Lookup::thin() const {
  return limits_.paths == 1 && !exact() && !converged(0, true) && converged(0, false);
}

bool Lookup::converged(std::size_t path, bool among_many) const {
  std::size_t heard = 0;
  std::size_t doubted = 0;
  std::size_t waiting = 0;
  for (const Candidate& candidate : candidates_) {
    if (candidate.path != path) continue;
    if (candidate.state == State::Replied) {
      if (candidate.doubted) {
        if (++doubted >= 4 * limits_.k) return true;
        continue;
      }
      if (++heard < limits_.converge) continue;
      const bool dense = !(candidate.distance > limits_.dense);
      if (heard >= limits_.k || (dense && (!among_many || crowded()))) return true;
      continue;
    }
    if (candidate.state == State::New && (candidate.hearsay || prefix_used(candidate, path)))
      continue;
    if (candidate.state == State::New) return false;
    if (candidate.state == State::Asked &&
        (++waiting > limits_.stragglers || candidate.distance.is_zero()))
      return false;
  }
  return false;
}

// Candidates are sorted: the one that makes the crowd is near, or there is none.
bool Lookup::crowded() const {
  std::size_t found = 0;
  const std::size_t wanted = doubted_ > 0 ? limits_.crowd_doubting : limits_.crowd;
  if (wanted == 0) return true;
  for (const Candidate& candidate : candidates_) {
    if (candidate.distance > limits_.crowded) return false;
    if (usable(candidate) && !candidate.hearsay && ++found >= wanted) return true;
  }
  return false;
}

// Somebody has replied, and the nearest have all been asked.
bool Lookup::headed() const {
  if (limits_.head == 0 || replied_ == 0) return false;
  std::size_t nearest = 0;
  for (const Candidate& candidate : candidates_) {
    if (nearest >= limits_.head) break;
    if (candidate.state == State::New) return false;
    if (usable(candidate)) ++nearest;
  }
  return true;
}

bool Lookup::all_satisfied() const {
  for (std::size_t path = 0; path < limits_.paths; ++path) {
    if (satisfied(path)) continue;
    // Nothing left for this path: it ends with what it has.
    bool open = path_asked_[path] > 0;
    for (const Candidate& candidate : candidates_) {
      if (open) break;
      if (candidate.state == State::Slow && candidate.path == path) open = true;
      if (candidate.state != State::New || prefix_used(candidate, path)) continue;
      if (candidate.path == path || candidate.path == kSpare || satisfied(candidate.path))
        open = true;
    }
    if (open && queries_ < limits_.queries) return false;
  }
  return true;
}

bool Lookup::anything_to_ask() const {
  auto& self = const_cast<Lookup&>(*this);
  for (std::size_t path = 0; path < limits_.paths; ++path)
    if (!satisfied(path) && self.pick(path) != nullptr) return true;
  return limits_.exhaustive && all_satisfied() && self.pick_region(false) != nullptr;
}

}  // namespace weft::dht
