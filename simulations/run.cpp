#include "simulations/run.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "simulations/dht/workload.hpp"
#include "simulations/whole/workload.hpp"

namespace weft::sim {

namespace {
constexpr unsigned kStepShift = 27;
constexpr std::uint32_t kArgumentMask = (1U << kStepShift) - 1;
double minutes(Instant at) { return static_cast<double>(at.time_since_epoch() / 1s) / 60.0; }
}  // namespace

Run::Run(const Scenario& scenario, std::uint32_t nodes, std::uint64_t seed)
    : scenario_(scenario), nodes_(nodes), seed_(seed) {}

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
  population_ = std::make_unique<Population>(scenario_, nodes_, seed_, *simulator_);
  workload_ = make_workload();
  simulator_->on_window = [this] { workload_->window_over(simulator_->now()); };
  simulator_->set_script([this](Instant now, std::uint32_t payload) { play(now, payload); });
  const auto share = scenario_.join_over / static_cast<std::int64_t>(nodes_);
  for (std::uint32_t node = 0; node < nodes_; ++node)
    post_own(Instant{share * node}, Step::Join, node);
  const auto first_sybil =
      static_cast<std::uint32_t>(population_->size()) - scenario_.attack.sybils;
  for (std::uint32_t i = 0; i < scenario_.attack.sybils; ++i)
    post_own(Instant{scenario_.join_over + 10ms * i}, Step::Join, first_sybil + i);
  post_own(Instant{scenario_.join_over + 1s}, Step::Balance);
  for (std::uint32_t i = 0; i < scenario_.events.size(); ++i)
    post_own(Instant{scenario_.events[i].at}, Step::Event, i);
  post_own(Instant{scenario_.sample}, Step::Sample);
  workload_->start(Instant{scenario_.warmup()});
  return {};
}

// The table of workloads: one line each.
std::unique_ptr<Workload> Run::make_workload() {
  switch (scenario_.fidelity) {
    case Fidelity::Whole:
      return std::make_unique<WholeWorkload>(*this);
    case Fidelity::Dht:
      break;
  }
  return std::make_unique<DhtWorkload>(*this);
}

void Run::post_own(Instant at, Step step, std::uint32_t argument) {
  WEFT_ASSERT(argument <= kArgumentMask);
  simulator_->post_script(at, static_cast<std::uint32_t>(step) << kStepShift | argument);
}

void Run::post(Instant at, std::uint32_t step, std::uint32_t argument) {
  WEFT_ASSERT(step < kMostSteps && argument <= kArgumentMask);
  simulator_->post_script(
      at, (static_cast<std::uint32_t>(Step::kCount) + step) << kStepShift | argument);
}

// The whole network's requests are one Poisson process; who asks is drawn when it happens. Pauses
// are counted from when the last one was due, not from the window it waited for: else a window
// would never start two.
Duration Run::pause(std::uint32_t per_node_hour) {
  const std::uint64_t rate = std::uint64_t{per_node_hour} * population_->online().size();
  constexpr std::uint64_t kHour = 3'600'000'000'000;
  const std::uint64_t mean = kHour / std::max<std::uint64_t>(rate, 1);
  const std::uint64_t median = mean * 693'147 / 1'000'000;
  const std::uint64_t drawn = weibull(median, 1000, population_->random().next());
  return Duration{static_cast<std::int64_t>(std::min(drawn, kHour))};
}

void Run::mark(Instant now, std::string word) {
  marks_.emplace_back(minutes(now), std::move(word));
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
    case Step::Sample:
      return sample(now);
    case Step::Event:
      return play_event(scenario_.events[argument], now);
    case Step::Wake:
      return wake(argument, now);
    default:
      return workload_->play(
          now, (payload >> kStepShift) - static_cast<std::uint32_t>(Step::kCount), argument);
  }
}

void Run::join(std::uint32_t node, Instant now) {
  population_->enter(node, now);
  simulator_->go_online(node, workload_->arrive(now, node));
  Person& person = population_->at(node);
  person.fresh = false;
  workload_->arrived(now, node);
  if (person.leaves_at < Instant::max()) post_own(person.leaves_at, Step::Leave, node);
}

void Run::leave(std::uint32_t node, Instant now, bool back_to_pool) {
  workload_->departed(now, node, simulator_->go_offline(node));
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
    post_own(now + Duration{static_cast<std::int64_t>(population_->random().below(1'000'000'000))},
             Step::Join, *node);
  }
  post_own(now + 2s, Step::Balance);
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

// So many percent of the homes, whichever the seed puts first, but for those whom the workload
// wants apart: the sides alternate between them.
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
  std::uint8_t side = 0;
  for (const auto node : workload_->kept_apart()) {
    network.set_side(node, side);
    side ^= 1;
  }
}

void Run::play_event(const ScriptedEvent& event, Instant now) {
  mark(now, std::string(name_of(event.kind)));
  switch (event.kind) {
    case ScriptedEvent::Kind::MassKill:
      for (const auto node : some_online(event.percent)) leave(node, now, false);
      population_->scale_target(population_->target_scale() * (100 - event.percent) / 100);
      return;
    case ScriptedEvent::Kind::FlashCrowd:
      crowd_left_ += event.percent * 10;
      return;
    case ScriptedEvent::Kind::Partition:
      cut_off(event.percent);
      return workload_->parted(now);
    case ScriptedEvent::Kind::Heal:
      simulator_->network().heal();
      return workload_->healed(now);
    case ScriptedEvent::Kind::Sleep:
      return sleep_some(event, now);
    case ScriptedEvent::Kind::Roam:
      for (const auto node : some_online(event.percent)) {
        simulator_->network().move_node(node);
        workload_->moved(now, node);
        simulator_->drain(node);
      }
      return;
    default:
      return workload_->play_event(now, event);
  }
}

void Run::sleep_some(const ScriptedEvent& event, Instant now) {
  std::uint32_t asleep = 0;
  for (const auto node : some_online(event.percent)) {
    asleep_[node] = simulator_->go_offline(node);
    workload_->suspended(node);
    population_->leave(node, now, false);
    post_own(now + event.lasts, Step::Wake, node);
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
  population_->at(node).ready = true;
  auto core = std::move(sleeper->second);
  asleep_.erase(sleeper);
  workload_->woke(now, node, *core);
  core->handle_timeout(now);  // everything that was due while it slept
  simulator_->go_online(node, std::move(core));
  if (leaves < Instant::max()) post_own(population_->at(node).leaves_at, Step::Leave, node);
}

void Run::sample(Instant now) {
  Sample row;
  row.minute = minutes(now);
  row.online = population_->online().size();
  const Traffic total = simulator_->total_traffic();
  row.datagrams = total.datagrams_out - before_.datagrams_out;
  row.bytes = total.bytes_out - before_.bytes_out;
  before_ = total;
  std::uint64_t lost = 0;
  for (std::size_t r = 0; r < static_cast<std::size_t>(Drop::kCount); ++r)
    lost += simulator_->network().dropped(static_cast<Drop>(r));
  row.lost = lost - lost_before_;
  lost_before_ = lost;
  const auto seconds = static_cast<double>(scenario_.sample / 1s);
  if (row.online > 0)
    row.bytes_per_node_second =
        static_cast<double>(row.bytes) / seconds / static_cast<double>(row.online);
  workload_->sample(now, row);
  samples_.push_back(std::move(row));
  post_own(now + scenario_.sample, Step::Sample);
}

RunResult Run::finish(bool interrupted) {
  RunResult result;
  result.scenario = scenario_.name;
  result.fidelity = name_of(scenario_.fidelity);
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
  result.warmup_second = static_cast<std::uint32_t>(scenario_.warmup() / 1s);
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
  result.overhead_bytes =
      simulator_->overhead_bytes() + population_->memory_bytes() + workload_->memory_bytes();
  workload_->finish(result);
  return result;
}

}  // namespace weft::sim
