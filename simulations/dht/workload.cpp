#include "simulations/dht/workload.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::sim {

namespace {
constexpr std::size_t kBookCapacity = std::size_t{1} << 23;
}  // namespace

DhtWorkload::DhtWorkload(Run& run)
    : run_(run),
      scenario_(run.scenario()),
      population_(run.population()),
      seed_(run.seed()),
      rng_(hash_of(run.seed(), 0x726e67)),
      book_(dht::ContactBook::Use::Shared, kBookCapacity) {
  for (std::size_t i = 0; i < network_.bytes.size(); ++i)
    network_.bytes[i] = static_cast<std::uint8_t>(hash_of(seed_, 14, i));
  make_victim(network_);
  directory_ = std::make_unique<Directory>(population_, scenario_.attack.sybils, seed_,
                                           run_.simulator().network(), book_, victim_.key());
  for (std::uint32_t node = 0; node < population_.size(); ++node)
    if (population_.at(node).fault != FaultKind::None)
      accomplices_.push_back(directory_->at(node).contact);
  make_sides();
}

DhtWorkload::~DhtWorkload() = default;

void DhtWorkload::make_sides() {
  for (std::uint32_t i = 0; i < run_.simulator().network().shards(); ++i) {
    auto side = std::make_unique<Side>(hash_of(seed_, 0x726e67, i), kBookCapacity);
    for (std::uint32_t node = 0; node < population_.size(); ++node)
      WEFT_ASSERT(side->book.intern(book_.at(directory_->at(node).contact)) ==
                  directory_->at(node).contact);
    side->context = std::make_unique<NodeContext>(
        NodeContext{scenario_.dht, side->book, side->rng, network_,
                    WallClock{Instant{}, 1'800'000'000}, side->log, accomplices_});
    sides_.push_back(std::move(side));
  }
}

void DhtWorkload::start(Instant warm) { start_requests(warm); }

void DhtWorkload::window_over(Instant) {
  std::vector<EventLog::Entry> all;
  for (auto& side : sides_) side->log.take(all);
  std::ranges::stable_sort(all, {}, [](const auto& e) { return std::pair(e.at, e.node); });
  for (const auto& entry : all) on_event(entry.at, entry.node, entry.event);
}

void DhtWorkload::play(Instant now, std::uint32_t step, std::uint32_t argument) {
  switch (step) {
    case kLookup:
      return start_lookup(now);
    case kGet:
      return start_get(now);
    case kPut:
      return start_put(now, argument);
    case kRetry:
      if (population_.at(argument).online && !population_.at(argument).ready) {
        node_at(argument).dht().bootstrap(now, seeds_for(argument));
        run_.simulator().drain(argument);
      }
      return;
    default:
      WEFT_ASSERT(false);
  }
}

VirtualNode& DhtWorkload::node_at(std::uint32_t node) {
  return static_cast<VirtualNode&>(*run_.simulator().core(node));
}

// What it remembers from last time, and two of the seeds everybody knows.
std::vector<dht::Contact> DhtWorkload::seeds_for(std::uint32_t node) {
  std::vector<dht::Contact> contacts;
  for (const auto handle : directory_->at(node).cache) contacts.push_back(book_.at(handle));
  const std::uint32_t sessions = population_.at(node).sessions;
  for (std::uint64_t i = 0; i < 2; ++i) {
    const auto seed =
        static_cast<std::uint32_t>(hash_of(seed_, node, 40 + sessions * 2 + i) % scenario_.seeds);
    if (seed != node) contacts.push_back(book_.at(directory_->at(seed).contact));
  }
  return contacts;
}

std::unique_ptr<NodeCore> DhtWorkload::arrive(Instant now, std::uint32_t node) {
  const Person& person = population_.at(node);
  DhtPerson& named = directory_->at(node);
  const bool open = run_.simulator().network().is_public(node);
  const bool at_once = open && (population_.is_seed(node) || person.sybil ||
                                (person.fresh && node < run_.nodes() && scenario_.servers_at_once));
  const Fault fault{person.fault, Instant{scenario_.attack.from}};
  auto core = std::make_unique<VirtualNode>(now, *side_of(node).context, node, named.name,
                                            book_.at(named.contact), at_once, fault);
  named.serving_since = at_once ? now : Instant::max();
  core->dht().set_reachable(now, open);
  core->dht().bootstrap(now, seeds_for(node));
  return core;
}

void DhtWorkload::departed(Instant, std::uint32_t node, std::unique_ptr<NodeCore> core) {
  core.reset();
  abandon(node);
  directory_->at(node).serving_since = Instant::max();
}

void DhtWorkload::suspended(std::uint32_t node) {
  abandon(node);
  directory_->at(node).serving_since = Instant::max();
}

void DhtWorkload::woke(Instant now, std::uint32_t node, NodeCore& core) {
  auto& sleeper = static_cast<VirtualNode&>(core);
  directory_->at(node).serving_since = sleeper.dht().is_server() ? now : Instant::max();
  sleeper.moved(now, sleeper.dht().self());
}

void DhtWorkload::moved(Instant now, std::uint32_t node) {
  node_at(node).moved(now, book_.at(directory_->renew_contact(node)));
}

void DhtWorkload::on_event(Instant now, std::uint32_t node, const dht::DhtEvent& event) {
  DhtPerson& named = directory_->at(node);
  if (const auto* up = std::get_if<dht::Bootstrapped>(&event)) {
    if (up->ok)
      population_.at(node).ready = true;
    else
      run_.post(now + 10s, kRetry, node);
  } else if (const auto* found = std::get_if<dht::NodesFound>(&event)) {
    finished(now, node, *found);
  } else if (const auto* value = std::get_if<dht::RecordFound>(&event)) {
    value_arrived(now, node, *value);
  } else if (const auto* got = std::get_if<dht::GetDone>(&event)) {
    finished(now, node, *got);
  } else if (const auto* put = std::get_if<dht::PutDone>(&event)) {
    finished(now, node, *put);
  } else if (const auto* peers = std::get_if<dht::PeersToPersist>(&event)) {
    named.cache.clear();
    for (std::size_t i = 0; i < std::min<std::size_t>(peers->peers.size(), 6); ++i)
      named.cache.push_back(book_.intern(peers->peers[i]));
  } else if (const auto* mode = std::get_if<dht::ModeChanged>(&event)) {
    if (mode->server && named.serving_since == Instant::max()) named.serving_since = now;
    if (!mode->server) named.serving_since = Instant::max();
  }
}

void DhtWorkload::finish(RunResult& result) {
  result.measured = measured_;
  result.abandoned = abandoned_ + pending_.size();
  check_expectations(result);
}

std::size_t DhtWorkload::memory_bytes() const {
  return directory_->memory_bytes() + (1 + sides_.size()) * book_.size() * sizeof(dht::Contact);
}

}  // namespace weft::sim
