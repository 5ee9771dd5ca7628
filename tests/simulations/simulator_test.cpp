#include "simulations/simulator.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"
#include "simulations/model_random.hpp"

namespace weft::sim {
namespace {

// Sends a numbered datagram to a random other node every 50 ms and echoes what it gets once.
class ChatterCore final : public NodeCore {
 public:
  ChatterCore(Instant now, std::vector<Endpoint> peers, std::uint64_t seed)
      : peers_(std::move(peers)), random_(seed), next_(now + Duration{1'000'000}) {}

  void handle_datagram(Instant, const Datagram& in) override {
    ++received;
    if (in.payload.size() > 100) out_.push_back({in.from, Bytes(32, in.payload[0])});
  }
  void handle_timeout(Instant now) override {
    if (now < next_) return;
    next_ = now + 50ms;
    const auto peer = random_.below(peers_.size());
    Bytes payload(101 + random_.below(900));
    for (auto& byte : payload) byte = static_cast<std::uint8_t>(random_.next());
    out_.push_back({peers_[peer], std::move(payload)});
  }
  std::optional<Transmit> poll_transmit(Instant, MutableByteView out) override {
    if (out_.empty()) return std::nullopt;
    Transmit t;
    t.to = out_.back().first;
    t.size = out_.back().second.size();
    std::ranges::copy(out_.back().second, out.begin());
    out_.pop_back();
    return t;
  }
  bool drain_events(Instant) override { return false; }
  std::optional<Instant> poll_timeout() const override { return next_; }

  std::uint64_t received = 0;

 private:
  std::vector<Endpoint> peers_;
  ModelRandom random_;
  Instant next_;
  std::vector<std::pair<Endpoint, Bytes>> out_;
};

struct World {
  explicit World(std::uint64_t seed, const NetworkOptions& options = {}, std::uint32_t nodes = 60,
                 unsigned threads = 1) {
    simulator = std::move(*Simulator::create(options, seed, threads));
    std::vector<Endpoint> peers;
    for (std::uint32_t i = 0; i < nodes; ++i) {
      simulator->add_node(Network::Placement::Mixed);
      peers.push_back(simulator->network().public_endpoint(i));
    }
    for (std::uint32_t i = 0; i < nodes; ++i)
      simulator->go_online(i, std::make_unique<ChatterCore>(simulator->now(), peers, seed + i));
  }
  std::unique_ptr<Simulator> simulator;
};

NetworkOptions rough() {
  NetworkOptions options;
  options.loss.per_million = 20'000;
  options.nats = {{"port_restricted", 30}, {"symmetric", 10}};
  options.home_size = 2;
  return options;
}

TEST(Simulator, TheSameSeedGivesTheSameDigestAndAnotherSeedAnother) {
  World a(1, rough());
  World b(1, rough());
  World c(2, rough());
  for (World* world : {&a, &b, &c}) world->simulator->run_until(Instant{5s});
  EXPECT_EQ(a.simulator->digest(), b.simulator->digest());
  EXPECT_NE(a.simulator->digest(), c.simulator->digest());
  EXPECT_GT(a.simulator->total_traffic().datagrams_in, 3000U);
  EXPECT_GT(a.simulator->network().dropped(Drop::Loss), 0U);
  EXPECT_GT(a.simulator->network().dropped(Drop::Translator), 0U);
}

// Pinned: another compiler, build type or library must not change a single delivered byte.
TEST(Simulator, TheDigestIsTheOneEveryBuildGives) {
  World world(1, rough());
  world.simulator->run_until(Instant{5s});
  EXPECT_EQ(world.simulator->digest(),
            "9847bd975abe316e8f30d1c7dd1d7a013ea45b96878993ecfb31b88a6c255f0d");
}

TEST(Simulator, ASecondThreadChangesNothing) {
  World one(1, rough());
  World two(1, rough(), 60, 2);
  two.simulator->team_from(0);
  EXPECT_EQ(two.simulator->network().shards(), 2U);
  for (World* world : {&one, &two}) world->simulator->run_until(Instant{5s});
  EXPECT_EQ(one.simulator->digest(), two.simulator->digest());
  two.simulator->run_until(Instant{6s});  // a digest asked for in between disturbs nothing
  one.simulator->run_until(Instant{6s});
  EXPECT_EQ(one.simulator->digest(), two.simulator->digest());
}

TEST(Simulator, NothingCrossesTheOceanWithinAWindow) {
  World world(7);
  Network& network = world.simulator->network();
  std::uint32_t crossings = 0;
  world.simulator->log_deliveries([&](const Delivery& delivery) {
    crossings += network.shard_of(delivery.from) != network.shard_of(delivery.to) ? 1 : 0;
  });
  world.simulator->run_until(Instant{1s});
  EXPECT_GT(crossings, 200U);
  PacketHeader header;
  for (std::uint32_t from = 0; from < 60; ++from) {
    for (std::uint32_t to = 0; to < 60; ++to) {
      if (network.shard_of(from) == network.shard_of(to)) continue;
      const Instant now{10s};
      const auto arrival = network.send(now, from, network.public_endpoint(to), 100, header);
      ASSERT_TRUE(arrival);
      EXPECT_GE(*arrival - now, Network::kLookahead);
    }
  }
}

TEST(Simulator, TheScriptHasItsTurnAtTheNextStartOfAWindow) {
  World world(8);
  std::vector<std::pair<Instant, std::uint32_t>> turns;
  world.simulator->set_script(
      [&](Instant now, std::uint32_t payload) { turns.emplace_back(now, payload); });
  const Duration window = Simulator::kWindow;
  world.simulator->post_script(Instant{2 * window + 1ms}, 2);
  world.simulator->post_script(Instant{2 * window}, 1);
  world.simulator->run_until(Instant{2 * window + 2ms});
  EXPECT_EQ(turns.size(), 1U);
  world.simulator->run_until(Instant{1s});
  ASSERT_EQ(turns.size(), 2U);
  EXPECT_EQ(turns[0], std::pair(Instant{2 * window}, 1U));
  EXPECT_EQ(turns[1], std::pair(Instant{3 * window}, 2U));
}

TEST(Simulator, StoppingAndGoingOnChangesNothing) {
  World whole(3);
  World parts(3);
  whole.simulator->run_until(Instant{3s});
  for (int i = 1; i <= 30; ++i) parts.simulator->run_until(Instant{i * 100ms});
  EXPECT_EQ(whole.simulator->digest(), parts.simulator->digest());
}

TEST(Simulator, EveryDatagramSentIsDeliveredDroppedOrInFlight) {
  World world(4, rough());
  world.simulator->run_until(Instant{4s});
  std::uint64_t accounted =
      world.simulator->total_traffic().datagrams_in + world.simulator->packets_in_flight();
  for (std::size_t r = 0; r < static_cast<std::size_t>(Drop::kCount); ++r)
    accounted += world.simulator->network().dropped(static_cast<Drop>(r));
  EXPECT_EQ(world.simulator->total_traffic().datagrams_out, accounted);
}

TEST(Simulator, APartitionedSideHearsNothingUntilHealed) {
  World world(5, {}, 2);
  Simulator& simulator = *world.simulator;
  simulator.network().set_side(1, 1);
  simulator.run_until(Instant{2s});
  const auto* far = dynamic_cast<ChatterCore*>(simulator.core(1));
  ASSERT_NE(far, nullptr);
  const auto own = far->received;  // it also picks itself as a peer: those do arrive
  EXPECT_GT(simulator.network().dropped(Drop::Partition), 0U);
  const auto cut = simulator.network().dropped(Drop::Partition);
  simulator.network().heal();
  simulator.run_until(Instant{4s});
  EXPECT_GT(far->received, own + 20);
  EXPECT_LE(simulator.network().dropped(Drop::Partition), cut);
}

TEST(Simulator, AnOfflineNodeEatsWhatArrivesAndResumesWithItsMemory) {
  World world(6);
  Simulator& simulator = *world.simulator;
  simulator.run_until(Instant{1s});
  auto core = simulator.go_offline(0);
  const auto before = dynamic_cast<ChatterCore&>(*core).received;
  simulator.run_until(Instant{2s});
  EXPECT_GT(simulator.network().dropped(Drop::Offline), 0U);
  EXPECT_EQ(simulator.online_count(), 59U);
  simulator.go_online(0, std::move(core));
  simulator.run_until(Instant{3s});
  EXPECT_GT(dynamic_cast<ChatterCore&>(*simulator.core(0)).received, before);
}

}  // namespace
}  // namespace weft::sim
