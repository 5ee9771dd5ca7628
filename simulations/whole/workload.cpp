#include "simulations/whole/workload.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::sim {

namespace {
constexpr UnixTime kEpoch = 1'800'000'000;
constexpr Duration kDiskDelay = 2ms;
constexpr Duration kExposeAfter = 5s;  // of a member
// A session each way, one that replaces it, and one whose end has not come yet.
constexpr std::size_t kSessionsPerMember = 4;
constexpr std::size_t kJoiners = 64;
}  // namespace

WholeWorkload::WholeWorkload(Run& run)
    : run_(run),
      scenario_(run.scenario()),
      options_(run.scenario().whole),
      population_(run.population()),
      seed_(hash_of(run.seed(), 0x77686f6c)),
      talk_(laws_, run.population().size(), options_.settle),
      presence_(laws_, run.population().size(), options_.settle) {
  for (std::uint32_t i = 0; i < run_.simulator().network().shards(); ++i)
    sides_.push_back(std::make_unique<Side>());
  for (std::uint32_t node = 0; node < population_.size(); ++node) {
    auto whole = std::make_unique<Whole>(side_of(node).pool, kDiskDelay);
    whole->id = config_of(node).identity.id;
    if (options_.sabotage == Sabotage::ForgetfulDisk) whole->disk.forget(Table::Ticket);
    by_id_[whole->id] = node;
    nodes_.push_back(std::move(whole));
  }
  choose_readers();
}

WholeWorkload::~WholeWorkload() = default;

std::string WholeWorkload::name_of_node(std::uint32_t node) const {
  return "n" + std::to_string(node);
}

overlay::OverlayConfig WholeWorkload::config_of(std::uint32_t node) const {
  SeededRng rng(hash_of(seed_, node, 1));
  overlay::OverlayConfig config;
  config.identity = Identity::generate(rng);
  config.person = crypto::Ed25519KeyPair::from_seed(rng.bytes<32>());
  config.software = "weft sim";
  config.listen_endpoints = {run_.simulator().network().own_endpoint(node)};
  config.mapped_endpoints = mapped_of(node);
  return config;
}

// What a router says that it lets in for this node.
std::vector<Endpoint> WholeWorkload::mapped_of(std::uint32_t node) const {
  const auto& network = run_.simulator().network();
  if (!network.has_opened_port(node)) return {};
  return {network.public_endpoint(node)};
}

WholeNode& WholeWorkload::node_at(std::uint32_t node) {
  return static_cast<WholeNode&>(*run_.simulator().core(node));
}

bool WholeWorkload::exposes(std::uint32_t node) const {
  return hash_of(seed_, node, 2) % 100 < options_.expose_percent;
}

void WholeWorkload::remember(std::uint32_t node, overlay::CommandId id, const Pending& pending,
                             Table table) {
  node_at(node).promise(id, table);
  nodes_[node]->commands[id] = pending;
}

void WholeWorkload::start(Instant warm) {
  next_open_ = next_publish_ = warm;
  if (options_.publishes_per_node_hour > 0) run_.post(next_publish_, kPublish);
  if (options_.opens_per_node_hour > 0) run_.post(next_open_, kOpen);
}

std::unique_ptr<NodeCore> WholeWorkload::arrive(Instant now, std::uint32_t node) {
  Whole& whole = *nodes_[node];
  WholeSetup setup;
  setup.config = config_of(node);
  setup.name = name_of_node(node);
  setup.seed = hash_of(seed_, node, 100 + whole.processes++);
  setup.wall = {Instant{}, kEpoch};
  setup.double_a_byte = options_.sabotage == Sabotage::DoublesByte;
  return std::make_unique<WholeNode>(now, std::move(setup), node, whole.disk, side_of(node).log);
}

void WholeWorkload::arrived(Instant now, std::uint32_t node) {
  if (nodes_[node]->joined) {
    population_.at(node).ready = true;
    ++restarts_;
    subscribe(now, node, true);
    return check_restart(now, node);
  }
  if (node == 0) {
    network_ = *node_at(0).overlay().network();
    nodes_[0]->joined = population_.at(0).ready = true;
    subscribe(now, 0, true);
    if (exposes(0)) run_.post(now + kExposeAfter, kExpose, 0);
    return;
  }
  ask_ticket(now, node);
}

void WholeWorkload::departed(Instant now, std::uint32_t node, std::unique_ptr<NodeCore> core) {
  core.reset();
  went(now, node);
  talk_.died();
  nodes_[node]->disk.lose_unsynced();
  nodes_[node]->commands.clear();
  abandon(node);
}

void WholeWorkload::suspended(std::uint32_t node) {
  went(run_.simulator().now(), node);
  abandon(node);
}

void WholeWorkload::woke(Instant now, std::uint32_t node, NodeCore& core) {
  auto& overlay = static_cast<WholeNode&>(core).overlay();
  overlay.set_wall_clock({Instant{}, kEpoch});
  overlay.set_listen_endpoints(now, {run_.simulator().network().own_endpoint(node)});
  population_.at(node).ready = nodes_[node]->joined;
  if (!nodes_[node]->joined) return;
  talk_.subscribed(now, node, false);
  presence_.came(now, node);
}

void WholeWorkload::moved(Instant now, std::uint32_t node) {
  auto& overlay = node_at(node).overlay();
  overlay.set_listen_endpoints(now, {run_.simulator().network().own_endpoint(node)});
  overlay.set_mapped_endpoints(now, mapped_of(node));
  disturbed_ = now;
}

std::vector<std::uint32_t> WholeWorkload::kept_apart() const {
  std::vector<std::uint32_t> admins;
  for (std::uint32_t node = 0; node < options_.admins; ++node) admins.push_back(node);
  return admins;
}

void WholeWorkload::parted(Instant now) {
  parted_ = true;
  disturbed_ = now;
  presence_.disturbed(now);
}

void WholeWorkload::healed(Instant now) {
  parted_ = false;
  disturbed_ = now;
  presence_.disturbed(now);
  if (options_.sabotage != Sabotage::StaysParted) return;
  for (std::uint32_t node = 0; node < population_.size(); ++node)
    run_.simulator().network().set_side(node, static_cast<std::uint8_t>(node % 2));
}

void WholeWorkload::play_event(Instant now, const ScriptedEvent& event) {
  switch (event.kind) {
    case ScriptedEvent::Kind::Remove:
      return remove_some(now, event.percent);
    case ScriptedEvent::Kind::Transfer:
      return start_transfer(now, event);
    case ScriptedEvent::Kind::Sign:
      return sign_some(now, event.entries);
    default:
      return;
  }
}

void WholeWorkload::play(Instant now, std::uint32_t step, std::uint32_t argument) {
  switch (step) {
    case kInvite:
      if (online(argument) && !nodes_[argument]->joined) ask_ticket(now, argument);
      return;
    case kExpose:
      return expose(now, argument);
    case kAllow:
      return allow(now, argument);
    case kOpen:
      return open_some(now);
    case kPiece:
      return next_piece(now);
    case kSubscribe:
      return subscribe(now, argument, true);
    case kPublish:
      return publish_some(now);
    default:
      WEFT_ASSERT(false);
  }
}

void WholeWorkload::window_over(Instant) {
  std::vector<FactLog::Entry> all;
  for (auto& side : sides_) {
    std::ranges::move(side->log.entries, std::back_inserter(all));
    side->log.entries.clear();
  }
  std::ranges::stable_sort(all, {}, [](const auto& e) { return std::pair(e.at, e.node); });
  for (const auto& entry : all)
    std::visit([&](const auto& fact) { on(entry.at, entry.node, fact); }, entry.fact);
}

void WholeWorkload::note(Instant now, Operation operation, Instant since, bool ok) {
  Measured row;
  row.at_second = static_cast<std::uint32_t>(since.time_since_epoch() / 1s);
  row.micros = static_cast<std::uint32_t>((now - since) / 1us);
  row.operation = operation;
  row.ok = ok;
  measured_.push_back(row);
}

void WholeWorkload::sample(Instant now, Sample& row) {
  std::size_t members = 0, sessions = 0, most = 0;
  for (const auto node : population_.online()) {
    const std::size_t count = node_at(node).overlay().sessions().session_count();
    sessions += count;
    most = std::max(most, count);
    members += nodes_[node]->joined && !nodes_[node]->removed ? 1 : 0;
    const std::size_t bound = options_.sabotage == Sabotage::CountsSessions
                                  ? 0
                                  : kSessionsPerMember * nodes_.size() + kJoiners;
    laws_.check(Law::SessionsBounded, now, count <= bound, [&] {
      return name_of_node(node) + " has " + std::to_string(count) + " sessions, at most " +
             std::to_string(bound);
    });
  }
  check_heads(now);
  check_talk(now);
  check_presence(now);
  const double mib = static_cast<double>(moved_bytes_ - moved_before_) / 1048576.0;
  moved_before_ = moved_bytes_;
  row.own = {static_cast<double>(members),
             static_cast<double>(joins_),
             static_cast<double>(sessions) / 2,
             static_cast<double>(most),
             static_cast<double>(opens_),
             static_cast<double>(opens_ok_),
             mib,
             static_cast<double>(talk_.delivered() - delivered_before_),
             static_cast<double>(presence_.wrongly() - wrongly_before_),
             static_cast<double>(laws_.breaches()),
             static_cast<double>(restarts_)};
  delivered_before_ = talk_.delivered();
  wrongly_before_ = presence_.wrongly();
  opens_ = opens_ok_ = joins_ = restarts_ = 0;
}

void WholeWorkload::finish(RunResult& result) {
  result.columns = {{"members", 0},      {"joins", 0},       {"sessions", 1},  {"sessions_most", 0},
                    {"opens", 0},        {"opens_ok", 0},    {"moved_mib", 2}, {"messages", 0},
                    {"wrongly_dead", 0}, {"laws_broken", 0}, {"restarts", 0}};
  result.measured = measured_;
  result.abandoned = abandoned_ + openings_.size();
  result.broken = laws_.broken_sentences();
  result.kept = laws_.kept_sentences();
  result.notes.push_back(std::to_string(denied_) +
                         " opens by members that a service does not let "
                         "in were refused");
  for (auto& note : talk_notes()) result.notes.push_back(std::move(note));
  demand(result, "joins", summarise(measured_, Operation::Join, 0), scenario_.expect.join_success);
  demand(result, "opens", summarise(measured_, Operation::Open, result.warmup_second),
         scenario_.expect.open_success);
}

std::size_t WholeWorkload::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& side : sides_) bytes += side->pool.memory_bytes();
  return bytes;
}

}  // namespace weft::sim
