#include "dht/lookup.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace weft::dht {

namespace {

using State = Lookup::State;

bool usable(const Lookup::Candidate& candidate) { return candidate.state != State::Failed; }

}  // namespace

Lookup::Lookup(const NodeId& target, const LookupLimits& limits)
    : target_(target), limits_(limits) {
  WEFT_ASSERT(limits.paths >= 1 && limits.paths <= kMaxPaths);
  WEFT_ASSERT(limits.alpha >= 1 && limits.max_in_flight >= limits.alpha && limits.converge >= 1);
}

void Lookup::add_seed(ContactHandle handle, const NodeId& node, std::uint16_t prefix) {
  insert(handle, node, prefix, limits_.paths == 1 ? 0 : kSpare, 0, false);
}

void Lookup::favour(ContactHandle handle) {
  if (Candidate* candidate = find(handle)) candidate->favoured = true;
}

std::vector<std::pair<ContactHandle, std::size_t>> Lookup::believed(std::size_t count) const {
  std::vector<std::pair<ContactHandle, std::size_t>> result;
  for (const Candidate& candidate : candidates_) {
    if (result.size() >= count) break;
    if (candidate.state == State::Replied && !candidate.doubted)
      result.emplace_back(candidate.handle, candidate.told);
  }
  return result;
}

ContactHandle Lookup::next() {
  if (queries_ >= limits_.queries || exact()) return ContactHandle::None;
  if (Candidate* goal = found()) {
    // The target itself is known: it is asked at once and, while it is not slow, nobody else.
    if (goal->state == State::New) return ask(*goal, 0);
    if (goal->state == State::Asked) return ContactHandle::None;
  }
  if (in_flight() >= limits_.max_in_flight) return ContactHandle::None;
  for (std::size_t i = 0; i < limits_.paths; ++i) {
    const std::size_t path = (turn_ + i) % limits_.paths;
    if (!may_ask(path) || satisfied(path)) continue;
    if (Candidate* candidate = pick(path)) {
      turn_ = path + 1;
      return ask(*candidate, path);
    }
  }
  // Whoever surely belongs to the region is asked as soon as known, the rest at the walk's end.
  const bool walked = limits_.exhaustive && all_satisfied();
  if (walked || (limits_.exhaustive && limits_.paths == 1))
    if (Candidate* candidate = pick_region(!walked))
      return ask(*candidate, candidate->path == kSpare ? 0 : candidate->path);
  return ContactHandle::None;
}

void Lookup::add(ContactHandle teller, ContactHandle handle, const NodeId& node,
                 std::uint16_t prefix, bool hearsay) {
  Candidate* from = find(teller);
  if (from == nullptr) return;
  if (from->told < 255) ++from->told;
  const auto hop = static_cast<std::uint8_t>(std::min<int>(from->hop + 1, 255));
  insert(handle, node, prefix, from->path, hop, from->doubted || hearsay);
}

void Lookup::doubt(ContactHandle teller) {
  Candidate* candidate = find(teller);
  if (candidate == nullptr || candidate->doubted) return;
  candidate->doubted = true;
  ++doubted_;
}

void Lookup::on_reply(ContactHandle handle) {
  Candidate* candidate = find(handle);
  if (candidate == nullptr) return;
  if (candidate->state == State::Asked) {
    --asked_;
    --path_asked_[candidate->path];
  } else if (candidate->state == State::Slow) {
    --slow_;
  } else {
    return;
  }
  candidate->state = State::Replied;
  ++replied_;
}

void Lookup::on_slow(ContactHandle handle) {
  Candidate* candidate = find(handle);
  if (candidate == nullptr || candidate->state != State::Asked) return;
  --asked_;
  --path_asked_[candidate->path];
  ++slow_;
  candidate->state = State::Slow;
}

void Lookup::on_failure(ContactHandle handle) {
  on_slow(handle);
  Candidate* candidate = find(handle);
  if (candidate == nullptr || candidate->state != State::Slow) return;
  --slow_;
  ++failed_;
  candidate->state = State::Failed;
}

std::vector<ContactHandle> Lookup::closest(std::size_t count, bool all) const {
  std::vector<ContactHandle> result;
  for (const Candidate& candidate : candidates_) {
    if (result.size() >= count) break;
    if (candidate.state == State::Replied || (all && usable(candidate)))
      result.push_back(candidate.handle);
  }
  return result;
}

std::size_t Lookup::region_size() const {
  std::size_t size = 0;
  for (const Candidate& candidate : candidates_) {
    if (size >= limits_.k && candidate.distance > limits_.region) break;
    if (size >= limits_.region_max) break;
    if (usable(candidate)) ++size;
  }
  return size;
}

bool Lookup::in_region(ContactHandle handle) const {
  const Candidate* candidate = find(handle);
  if (candidate == nullptr || !usable(*candidate)) return false;
  const std::size_t nearer = rank(handle);
  if (nearer >= limits_.region_max) return false;
  return nearer < limits_.k || candidate->distance <= limits_.region;
}

std::size_t Lookup::rank(ContactHandle handle) const {
  std::size_t nearer = 0;
  for (const Candidate& candidate : candidates_) {
    if (candidate.handle == handle) break;
    if (usable(candidate)) ++nearer;
  }
  return nearer;
}

std::size_t Lookup::path_of(ContactHandle handle) const {
  const Candidate* candidate = find(handle);
  return candidate == nullptr || candidate->path == kSpare ? 0 : candidate->path;
}

std::size_t Lookup::hop_of(ContactHandle handle) const {
  const Candidate* candidate = find(handle);
  return candidate == nullptr ? 0 : candidate->hop;
}

void Lookup::check_invariants() const {
  std::size_t asked = 0;
  std::size_t slow = 0;
  WEFT_ASSERT(candidates_.size() <= limits_.candidates);
  WEFT_ASSERT(queries_ <= limits_.queries);
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    WEFT_ASSERT(i == 0 || candidates_[i - 1].distance < candidates_[i].distance);
    WEFT_ASSERT(candidates_[i].state == State::New || candidates_[i].path < limits_.paths);
    asked += candidates_[i].state == State::Asked ? 1 : 0;
    slow += candidates_[i].state == State::Slow ? 1 : 0;
  }
  WEFT_ASSERT(asked == asked_ && slow == slow_);
  WEFT_ASSERT(in_flight() <= limits_.max_in_flight);
}

Lookup::Candidate* Lookup::find(ContactHandle handle) {
  return const_cast<Candidate*>(std::as_const(*this).find(handle));
}

const Lookup::Candidate* Lookup::find(ContactHandle handle) const {
  for (const Candidate& candidate : candidates_)
    if (candidate.handle == handle) return &candidate;
  return nullptr;
}

void Lookup::insert(ContactHandle handle, const NodeId& node, std::uint16_t prefix,
                    std::uint8_t path, std::uint8_t hop, bool hearsay) {
  Candidate candidate{distance(node, target_), handle, prefix, State::New, path, hop};
  candidate.hearsay = hearsay;
  const auto place =
      std::ranges::lower_bound(candidates_, candidate.distance, {}, &Candidate::distance);
  if (place != candidates_.end() && place->distance == candidate.distance) {
    // Known already. Somebody believed names it too: it is hearsay no more.
    if (!hearsay && place->state == State::New && place->hearsay) {
      place->hearsay = false;
      place->path = path;
      place->hop = hop;
    }
    // Another address is worth one more try if the first one is dead.
    if (place->handle == handle || place->renewed || place->state != State::Failed) return;
    --failed_;
    *place = candidate;
    place->renewed = true;
    return;
  }
  if (candidates_.size() >= limits_.candidates) {
    // The farthest one nobody asked makes room, if the new one is nearer.
    const auto last =
        std::ranges::find(candidates_.rbegin(), candidates_.rend(), State::New, &Candidate::state);
    if (last == candidates_.rend() || last->distance < candidate.distance) return;
    candidates_.erase(std::next(last).base());
    insert(handle, node, prefix, path, hop, hearsay);
    return;
  }
  candidates_.insert(place, candidate);
}

Lookup::Candidate* Lookup::found() {
  if (limits_.exhaustive || limits_.paths > 1 || candidates_.empty()) return nullptr;
  return candidates_.front().distance.is_zero() ? &candidates_.front() : nullptr;
}

bool Lookup::prefix_used(const Candidate& candidate, std::size_t path) const {
  if (candidate.prefix == 0) return false;
  const std::size_t allowed = limits_.paths > 1 ? 1 : 2;
  std::size_t used = 0;
  for (const Candidate& other : candidates_)
    if (other.path == path && other.prefix == candidate.prefix && other.state != State::New &&
        other.state != State::Failed && ++used >= allowed)
      return true;
  return false;
}

bool Lookup::may_ask(std::size_t path) const {
  const std::size_t share =
      limits_.alpha / limits_.paths + (path < limits_.alpha % limits_.paths ? 1 : 0);
  const std::size_t most = std::max<std::size_t>(share, 1);
  return path_asked_[path] < most;
}

Lookup::Candidate* Lookup::pick(std::size_t path) {
  Candidate* spare = nullptr;
  Candidate* rumoured = nullptr;
  if (replied_ == 0)
    for (Candidate& candidate : candidates_)
      if (candidate.favoured && candidate.state == State::New &&
          (candidate.path == path || candidate.path == kSpare) && !prefix_used(candidate, path))
        return &candidate;
  for (Candidate& candidate : candidates_) {
    if (candidate.state != State::New || prefix_used(candidate, path)) continue;
    if (candidate.hearsay) {
      if (rumoured == nullptr && candidate.path == path) rumoured = &candidate;
      continue;
    }
    if (candidate.path == path) return &candidate;
    if (spare == nullptr && (candidate.path == kSpare || satisfied(candidate.path)))
      spare = &candidate;
  }
  return spare != nullptr ? spare : rumoured;
}

Lookup::Candidate* Lookup::pick_region(bool surely) {
  std::size_t nearer = 0;
  const bool by_rank = !surely || headed();
  for (Candidate& candidate : candidates_) {
    const bool outside = candidate.distance > limits_.region;
    if (nearer >= limits_.region_max || (nearer >= limits_.k && outside)) return nullptr;
    if ((surely && nearer >= limits_.k) || (!by_rank && outside)) return nullptr;
    if (!usable(candidate)) continue;
    if (candidate.state == State::New) return &candidate;
    ++nearer;
  }
  return nullptr;
}

ContactHandle Lookup::ask(Candidate& candidate, std::size_t path) {
  WEFT_ASSERT(candidate.state == State::New && path < limits_.paths);
  candidate.state = State::Asked;
  candidate.path = static_cast<std::uint8_t>(path);
  ++path_asked_[path];
  ++asked_;
  ++queries_;
  return candidate.handle;
}

}  // namespace weft::dht
