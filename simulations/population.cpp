#include "simulations/population.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::sim {

namespace {

// Enough for a quarter to be away, and for the largest crowd of the script.
std::uint32_t pool_size(const Scenario& scenario, std::uint32_t nodes) {
  std::uint32_t percent = scenario.churn.median_session > 0s ? 30 : 0;
  for (const auto& event : scenario.events)
    if (event.kind == ScriptedEvent::Kind::FlashCrowd) percent += event.percent;
  return nodes / 100 * percent + nodes % 100 * percent / 100;
}

}  // namespace

Population::Population(const Scenario& scenario, std::uint32_t nodes, std::uint64_t seed,
                       Simulator& simulator)
    : scenario_(scenario),
      nodes_(nodes),
      seed_(hash_of(seed, 0x706f70)),
      simulator_(simulator),
      random_(hash_of(seed, 0x706f7075)) {
  const std::uint32_t count = nodes + pool_size(scenario, nodes);
  people_.reserve(count + scenario.attack.sybils);
  for (std::uint32_t node = 0; node < count; ++node) {
    const bool seed_node = is_seed(node);
    Person& person =
        place(node, seed_node ? Network::Placement::Public : Network::Placement::Mixed);
    person.stable = seed_node || hash_of(seed_, node, 11) % 100 < scenario.churn.stable_percent;
    if (!seed_node && hash_of(seed_, node, 12) % 100 < scenario.attack.byzantine_percent)
      person.fault = scenario.attack.behavior;
    if (node >= nodes) {
      person.place = static_cast<std::uint32_t>(pool_.size());
      pool_.push_back(node);
    }
  }
  for (std::uint32_t i = 0; i < scenario.attack.sybils; ++i) {
    Person& person = place(count + i, Network::Placement::Public);
    person.sybil = person.stable = true;
    person.fault = scenario.attack.behavior;
  }
}

Person& Population::place(std::uint32_t node, Network::Placement placement) {
  const std::uint32_t index = simulator_.add_node(placement);
  WEFT_ASSERT(index == node && node == people_.size());
  return people_.emplace_back();
}

void Population::enter(std::uint32_t node, Instant now) {
  Person& person = people_[node];
  WEFT_ASSERT(!person.online);
  person.online = true;
  person.ready = false;
  person.online_since = now;
  person.place = static_cast<std::uint32_t>(online_.size());
  online_.push_back(node);
  person.leaves_at = Instant::max();
  if (scenario_.churn.median_session > 0s && !person.stable) {
    const auto median = static_cast<std::uint64_t>(scenario_.churn.median_session.count());
    const std::uint64_t session =
        weibull(median, scenario_.churn.shape, hash_of(seed_, node, 100 + person.sessions));
    constexpr std::uint64_t kYear = 365ULL * 86400 * 1'000'000'000;
    person.leaves_at = now + Duration{static_cast<std::int64_t>(
                                 std::clamp<std::uint64_t>(session, 1'000'000'000, kYear))};
  }
  ++person.sessions;
}

void Population::leave(std::uint32_t node, Instant now, bool back_to_pool) {
  Person& person = people_[node];
  WEFT_ASSERT(person.online);
  person.online = false;
  person.online_before += now - person.online_since;
  people_[online_.back()].place = person.place;
  online_[person.place] = online_.back();
  online_.pop_back();
  if (!back_to_pool) return;
  person.place = static_cast<std::uint32_t>(pool_.size());
  pool_.push_back(node);
}

std::size_t Population::missing(Instant now) const {
  std::int64_t permille = target_permille_;
  if (scenario_.churn.diurnal_percent > 0) {  // a triangle wave stands in for the day
    constexpr std::int64_t kDay = 86'400'000'000'000;
    const std::int64_t phase = now.time_since_epoch().count() % kDay * 4000 / kDay;
    const std::int64_t wave = phase < 1000   ? phase
                              : phase < 3000 ? 2000 - phase
                                             : phase - 4000;  // -1000..1000
    permille += permille * wave * scenario_.churn.diurnal_percent / 100'000;
  }
  const auto target =
      static_cast<std::size_t>(std::int64_t{nodes_} * permille / 1000) + scenario_.attack.sybils;
  return target > online_.size() ? target - online_.size() : 0;
}

std::optional<std::uint32_t> Population::draw_from_pool() {
  if (pool_.empty()) return std::nullopt;
  const std::size_t pick = random_.below(pool_.size());
  const std::uint32_t node = pool_[pick];
  pool_[pick] = pool_.back();
  people_[pool_[pick]].place = static_cast<std::uint32_t>(pick);
  pool_.pop_back();
  return node;
}

std::optional<std::uint32_t> Population::draw_online() {
  for (int attempt = 0; attempt < 100 && !online_.empty(); ++attempt) {
    const std::uint32_t node = online_[random_.below(online_.size())];
    if (people_[node].ready && people_[node].fault == FaultKind::None) return node;
  }
  return std::nullopt;
}

std::size_t Population::memory_bytes() const {
  return people_.capacity() * sizeof(Person) +
         (online_.capacity() + pool_.capacity()) * sizeof(std::uint32_t);
}

}  // namespace weft::sim
