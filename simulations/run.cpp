#include "simulations/run.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::sim {

namespace {
constexpr unsigned kStepShift = 27;
constexpr std::uint32_t kArgumentMask = (1U << kStepShift) - 1;
constexpr std::size_t kBookCapacity = std::size_t{1} << 23;
double minutes(Instant at) { return static_cast<double>(at.time_since_epoch() / 1s) / 60.0; }
}  // namespace

Run::Run(const Scenario& scenario, std::uint32_t nodes, std::uint64_t seed)
    : scenario_(scenario), nodes_(nodes), seed_(seed), rng_(hash_of(seed, 0x726e67)) {}

Run::~Run() = default;

Result<std::unique_ptr<Run>> Run::create(const Scenario& scenario, std::uint32_t nodes,
                                         std::uint64_t seed, unsigned threads) {
  if (nodes < scenario.seeds + 1)
    return fail(Errc::Usage, "all of " + std::to_string(nodes) + " nodes would be seeds: it has " +
                                 std::to_string(scenario.seeds));
  std::unique_ptr<Run> run(new Run(scenario, nodes, seed));
  WEFT_CHECK(run->build(threads));
  return run;
}

Result<void> Run::build(unsigned threads) {
  WEFT_TRY(simulator_, Simulator::create(scenario_.network, seed_, threads));
  book_ = std::make_unique<dht::ContactBook>(dht::ContactBook::Use::Shared, kBookCapacity);
  for (std::size_t i = 0; i < network_.bytes.size(); ++i)
    network_.bytes[i] = static_cast<std::uint8_t>(hash_of(seed_, 14, i));
  make_victim(network_);
  population_ =
      std::make_unique<Population>(scenario_, nodes_, seed_, *simulator_, *book_, victim_.key());
  for (std::uint32_t node = 0; node < population_->size(); ++node)
    if (population_->at(node).fault != FaultKind::None)
      accomplices_.push_back(population_->at(node).contact);
  make_sides();
  simulator_->on_window = [this] { read_logs(); };
  simulator_->set_script([this](Instant now, std::uint32_t payload) { play(now, payload); });
  const auto share = scenario_.join_over / static_cast<std::int64_t>(nodes_);
  for (std::uint32_t node = 0; node < nodes_; ++node) post(Instant{share * node}, Step::Join, node);
  const auto first_sybil =
      static_cast<std::uint32_t>(population_->size()) - scenario_.attack.sybils;
  for (std::uint32_t i = 0; i < scenario_.attack.sybils; ++i)
    post(Instant{scenario_.join_over + 10ms * i}, Step::Join, first_sybil + i);
  post(Instant{scenario_.join_over + 1s}, Step::Balance);
  for (std::uint32_t i = 0; i < scenario_.events.size(); ++i)
    post(Instant{scenario_.events[i].at}, Step::Event, i);
  post(Instant{scenario_.sample}, Step::Sample);
  start_workload(Instant{scenario_.workload.warmup});
  return {};
}

void Run::make_sides() {
  for (std::uint32_t i = 0; i < simulator_->network().shards(); ++i) {
    auto side = std::make_unique<Side>(hash_of(seed_, 0x726e67, i), kBookCapacity);
    for (std::uint32_t node = 0; node < population_->size(); ++node)
      WEFT_ASSERT(side->book.intern(book_->at(population_->at(node).contact)) ==
                  population_->at(node).contact);
    side->context = std::make_unique<NodeContext>(
        NodeContext{scenario_.dht, side->book, side->rng, network_,
                    WallClock{Instant{}, 1'800'000'000}, side->log, accomplices_});
    sides_.push_back(std::move(side));
  }
}

void Run::read_logs() {
  std::vector<EventLog::Entry> all;
  for (auto& side : sides_) side->log.take(all);
  std::ranges::stable_sort(all, {}, [](const auto& e) { return std::pair(e.at, e.node); });
  for (const auto& entry : all) on_event(entry.at, entry.node, entry.event);
}

void Run::post(Instant at, Step step, std::uint32_t argument) {
  WEFT_ASSERT(argument <= kArgumentMask);
  simulator_->post_script(at, static_cast<std::uint32_t>(step) << kStepShift | argument);
}

void Run::run_until(Instant end, const std::atomic<bool>* stop) {
  simulator_->run_until(end, stop);
}

void Run::play(Instant now, std::uint32_t payload) {
  const std::uint32_t argument = payload & kArgumentMask;
  switch (static_cast<Step>(payload >> kStepShift)) {
    case Step::Join:
      return join(argument, now);
    case Step::Leave:
      // A node killed and back again has another departure waiting for it, later than this one.
      if (population_->at(argument).online && population_->at(argument).leaves_at <= now)
        leave(argument, now, true);
      return;
    case Step::Balance:
      return balance(now);
    case Step::Lookup:
      return start_lookup(now);
    case Step::Get:
      return start_get(now);
    case Step::Put:
      return start_put(now, argument);
    case Step::Sample:
      return sample(now);
    case Step::Event:
      return play_event(scenario_.events[argument], now);
    case Step::Wake:
      return wake(argument, now);
    case Step::Retry:
      if (population_->at(argument).online && !population_->at(argument).bootstrapped) {
        node_at(argument).dht().bootstrap(now, seeds_for(argument));
        simulator_->drain(argument);
      }
      return;
  }
}

VirtualNode& Run::node_at(std::uint32_t node) {
  return static_cast<VirtualNode&>(*simulator_->core(node));
}

// What it remembers from last time, and two of the seeds everybody knows.
std::vector<dht::Contact> Run::seeds_for(std::uint32_t node) {
  std::vector<dht::Contact> contacts;
  const Person& person = population_->at(node);
  for (const auto handle : person.cache) contacts.push_back(book_->at(handle));
  for (std::uint64_t i = 0; i < 2; ++i) {
    const auto seed = static_cast<std::uint32_t>(
        hash_of(seed_, node, 40 + person.sessions * 2 + i) % scenario_.seeds);
    if (seed != node) contacts.push_back(book_->at(population_->at(seed).contact));
  }
  return contacts;
}

void Run::join(std::uint32_t node, Instant now) {
  population_->enter(node, now);
  Person& person = population_->at(node);
  const bool open = simulator_->network().is_public(node);
  const bool at_once = open && (population_->is_seed(node) || person.sybil ||
                                (person.fresh && node < nodes_ && scenario_.servers_at_once));
  const Fault fault{person.fault, Instant{scenario_.attack.from}};
  auto core = std::make_unique<VirtualNode>(now, *side_of(node).context, node, person.name,
                                            book_->at(person.contact), at_once, fault);
  dht::Dht& dht = core->dht();
  if (at_once) person.serving_since = now;
  person.fresh = false;
  dht.set_reachable(now, open);
  dht.bootstrap(now, seeds_for(node));
  simulator_->go_online(node, std::move(core));
  if (person.leaves_at < Instant::max()) post(person.leaves_at, Step::Leave, node);
}

void Run::leave(std::uint32_t node, Instant now, bool back_to_pool) {
  simulator_->go_offline(node);
  abandon(node);
  population_->leave(node, now, back_to_pool);
}

void Run::balance(Instant now) {
  // A crowd comes by a hundredth of all every two seconds; departures are replaced within as long.
  std::size_t missing = population_->missing(now);
  if (crowd_left_ > 0) {
    const std::uint32_t step =
        std::min(crowd_left_, std::max(1U, population_->target_scale() / 100));
    population_->scale_target(population_->target_scale() + step);
    crowd_left_ -= step;
  }
  for (std::size_t i = 0; i < missing; ++i) {
    const auto node = population_->draw_from_pool();
    if (!node) break;
    post(now + Duration{static_cast<std::int64_t>(population_->random().below(1'000'000'000))},
         Step::Join, *node);
  }
  post(now + 2s, Step::Balance);
}

// So many percent of those online, seeds aside: a share, not a chance for each. In their order.
std::vector<std::uint32_t> Run::some_online(std::uint32_t percent) {
  std::vector<std::uint32_t> nodes;
  for (const auto node : population_->online())
    if (!population_->is_seed(node)) nodes.push_back(node);
  std::size_t wanted = (nodes.size() * percent + 50) / 100;
  std::vector<std::uint32_t> chosen;
  for (std::size_t i = 0; i < nodes.size() && wanted > 0; ++i) {
    if (population_->random().below(nodes.size() - i) >= wanted) continue;
    chosen.push_back(nodes[i]);
    --wanted;
  }
  return chosen;
}

// So many percent of the homes, whichever the seed puts first.
void Run::cut_off(std::uint32_t percent) {
  auto& network = simulator_->network();
  std::vector<std::pair<std::uint64_t, std::uint32_t>> homes;
  for (std::uint32_t node = 0; node < population_->size(); ++node)
    homes.emplace_back(hash_of(seed_ ^ 0x73696465, network.home_of(node)), network.home_of(node));
  std::ranges::sort(homes);
  const auto [rest, end] = std::ranges::unique(homes);
  homes.erase(rest, end);
  homes.resize((homes.size() * percent + 50) / 100);
  for (std::uint32_t node = 0; node < population_->size(); ++node) {
    const std::pair home(hash_of(seed_ ^ 0x73696465, network.home_of(node)), network.home_of(node));
    network.set_side(node, std::ranges::binary_search(homes, home) ? 1 : 0);
  }
}

void Run::play_event(const ScriptedEvent& event, Instant now) {
  marks_.emplace_back(minutes(now), std::string(name_of(event.kind)));
  switch (event.kind) {
    case ScriptedEvent::Kind::MassKill:
      for (const auto node : some_online(event.percent)) leave(node, now, false);
      population_->scale_target(population_->target_scale() * (100 - event.percent) / 100);
      return;
    case ScriptedEvent::Kind::FlashCrowd:
      crowd_left_ += event.percent * 10;
      return;
    case ScriptedEvent::Kind::Partition:
      return cut_off(event.percent);
    case ScriptedEvent::Kind::Heal:
      return simulator_->network().heal();
    case ScriptedEvent::Kind::Sleep:
      return sleep_some(event, now);
    case ScriptedEvent::Kind::Roam:
      for (const auto node : some_online(event.percent)) {
        simulator_->network().move_node(node);
        node_at(node).moved(now, book_->at(population_->renew_contact(node)));
        simulator_->drain(node);
      }
      return;
  }
}

void Run::sleep_some(const ScriptedEvent& event, Instant now) {
  std::uint32_t asleep = 0;
  for (const auto node : some_online(event.percent)) {
    asleep_[node] = simulator_->go_offline(node);
    abandon(node);
    population_->leave(node, now, false);
    post(now + event.lasts, Step::Wake, node);
    ++asleep;
  }
  // Nobody takes a sleeper's place.
  const std::uint32_t share = std::min(asleep * 1000 / nodes_, population_->target_scale());
  asleep_share_ += share;
  population_->scale_target(population_->target_scale() - share);
}

void Run::wake(std::uint32_t node, Instant now) {
  const auto sleeper = asleep_.find(node);
  if (sleeper == asleep_.end()) return;
  if (asleep_.size() == 1) {
    population_->scale_target(population_->target_scale() + asleep_share_);
    asleep_share_ = 0;
  }
  const Instant leaves = population_->at(node).leaves_at;
  population_->enter(node, now);
  population_->at(node).leaves_at = std::max(leaves, now + 1s);
  population_->at(node).bootstrapped = true;
  auto core = std::move(sleeper->second);
  asleep_.erase(sleeper);
  auto& virtual_node = static_cast<VirtualNode&>(*core);
  if (virtual_node.dht().is_server()) population_->at(node).serving_since = now;
  virtual_node.moved(now, virtual_node.dht().self());
  core->handle_timeout(now);  // everything that was due while it slept
  simulator_->go_online(node, std::move(core));
  if (leaves < Instant::max()) post(population_->at(node).leaves_at, Step::Leave, node);
}

void Run::on_event(Instant now, std::uint32_t node, const dht::DhtEvent& event) {
  Person& person = population_->at(node);
  if (const auto* up = std::get_if<dht::Bootstrapped>(&event)) {
    if (up->ok)
      person.bootstrapped = true;
    else
      post(now + 10s, Step::Retry, node);
  } else if (const auto* found = std::get_if<dht::NodesFound>(&event)) {
    finished(now, node, *found);
  } else if (const auto* value = std::get_if<dht::RecordFound>(&event)) {
    value_arrived(now, node, *value);
  } else if (const auto* got = std::get_if<dht::GetDone>(&event)) {
    finished(now, node, *got);
  } else if (const auto* put = std::get_if<dht::PutDone>(&event)) {
    finished(now, node, *put);
  } else if (const auto* peers = std::get_if<dht::PeersToPersist>(&event)) {
    person.cache.clear();
    for (std::size_t i = 0; i < std::min<std::size_t>(peers->peers.size(), 6); ++i)
      person.cache.push_back(book_->intern(peers->peers[i]));
  } else if (const auto* mode = std::get_if<dht::ModeChanged>(&event)) {
    if (mode->server && person.serving_since == Instant::max()) person.serving_since = now;
    if (!mode->server) person.serving_since = Instant::max();
  }
}

RunResult Run::finish(bool interrupted) {
  RunResult result;
  result.scenario = scenario_.name;
  result.nodes = nodes_;
  result.scenario_nodes = scenario_.nodes;
  result.seed = seed_;
  result.virtual_time = simulator_->now() - Instant{};
  result.interrupted = interrupted;
  result.events = simulator_->events();
  result.delivered = simulator_->total_traffic().datagrams_in;
  result.digest = simulator_->digest();
  const auto rtt = simulator_->network().latency().median_round_trip(
      static_cast<std::uint32_t>(population_->size()));
  result.one_rtt_ms = static_cast<double>(rtt / 1us) / 1000.0;
  result.warmup_second = static_cast<std::uint32_t>(scenario_.workload.warmup / 1s);
  result.measured = measured_;
  result.samples = samples_;
  result.marks = marks_;
  for (std::size_t r = 0; r < static_cast<std::size_t>(Drop::kCount); ++r)
    result.drops.emplace_back(name_of(static_cast<Drop>(r)),
                              simulator_->network().dropped(static_cast<Drop>(r)));
  std::uint64_t memory = 0;
  for (std::uint32_t node = 0; node < population_->size(); ++node) {
    if (const auto* core = simulator_->core(node)) memory += core->memory_bytes();
    const Person& person = population_->at(node);
    Duration online = person.online_before;
    if (person.online) online += simulator_->now() - person.online_since;
    if (online < 1min) continue;
    const auto seconds = static_cast<std::uint64_t>(online / 1s);
    result.node_bytes_per_second.push_back(
        static_cast<std::uint32_t>(simulator_->traffic(node).bytes_out / seconds));
  }
  std::ranges::sort(result.node_bytes_per_second);
  if (simulator_->online_count() > 0)
    result.node_memory_bytes = memory / simulator_->online_count();
  result.overhead_bytes = simulator_->overhead_bytes() + population_->memory_bytes() +
                          (1 + sides_.size()) * book_->size() * sizeof(dht::Contact);
  result.abandoned = abandoned_ + pending_.size();
  check_expectations(result);
  return result;
}

}  // namespace weft::sim
