// How soon all know that a member died, how often one is thought dead that lives, and what that
// costs: the real cores on a virtual network, without signatures. Beside it plain SWIM, the same
// code with Lifeguard off, from the same seeds.
//
//   membership_bench [MEMBERS [RUNS [LOST]]]     LOST: datagrams of a thousand
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/seeded_rng.hpp"
#include "tests/membership/world.hpp"

namespace {

using namespace weft;
using namespace weft::membership;
using weft::membership::testing::World;

constexpr std::uint64_t kSealing = 62;  // what base/sealed adds to a packet between acquaintances

double seconds(Duration span) { return static_cast<double>(span.count()) / 1e9; }

double part(std::vector<double>& of, double share) {
  if (of.empty()) return -1;
  std::ranges::sort(of);
  const auto at = static_cast<std::size_t>(share * static_cast<double>(of.size() - 1) + 0.5);
  return of[at];
}

void settle(World& world) {
  for (int i = 0; i < 600 && !world.all_alive(); ++i) world.run(1s);
  world.run(60s);
}

void detection(std::size_t members, std::size_t runs, Duration latency, unsigned loss,
               bool lifeguard) {
  std::vector<double> first, each, last;
  std::uint64_t bytes = 0;
  double span = 0;
  for (std::size_t run = 0; run < runs; ++run) {
    World world(members, {.seed = run + 1,
                          .latency = latency,
                          .loss = loss,
                          .real = false,
                          .options = {.lifeguard = lifeguard}});
    settle(world);
    const auto sent = [&] {
      std::uint64_t sum = 0;
      for (const auto& peer : world.peers) sum += peer->bytes + peer->packets * kSealing;
      return sum;
    };
    const auto before = sent();
    const Instant calm = world.now;
    world.run(60s + Duration(static_cast<std::int64_t>(run) * 37'000'000));
    bytes += sent() - before;
    span += seconds(world.now - calm);
    const std::size_t victim = run % members;
    const Instant died = world.now;
    std::vector<double> heard;
    double suspected = -1;
    world.on_change = [&](std::size_t, const StateChanged& change) {
      if (world.index(change.node) != victim) return;
      if (change.state == State::Suspect && suspected < 0) suspected = seconds(world.now - died);
      if (change.state == State::Dead) heard.push_back(seconds(world.now - died));
    };
    world.crash(victim);
    for (int i = 0; i < 120 && heard.size() + 1 < members; ++i) world.run(1s);
    first.push_back(suspected);
    each.insert(each.end(), heard.begin(), heard.end());
    last.push_back(heard.empty() ? -1 : *std::ranges::max_element(heard));
  }
  std::printf(
      "%5zu  %-9s  one way %3d ms  suspected p50 %5.2f  dead p50 %5.2f p99 %5.2f  "
      "all know p50 %5.2f max %5.2f s  idle %4.0f B/s\n",
      members, lifeguard ? "lifeguard" : "plain", static_cast<int>(latency / 1ms), part(first, 0.5),
      part(each, 0.5), part(each, 0.99), part(last, 0.5), part(last, 1.0),
      static_cast<double>(bytes) / span / static_cast<double>(members));
}

// Some stand still again and again, as machines without time do. Who is well and is thought dead is
// so because of them.
struct Slow {
  std::size_t of;    // one in so many; 0: none
  Duration longest;  // pause; the shortest is an eighth of it
  Duration between;  // pauses, at most
};

void wrongly_dead(std::size_t members, const Slow& how, unsigned loss, bool lifeguard) {
  World world(members, {.seed = 5,
                        .latency = 20ms,
                        .loss = loss,
                        .real = false,
                        .options = {.lifeguard = lifeguard}});
  settle(world);
  const std::size_t slow = how.of == 0 ? 0 : std::max<std::size_t>(1, members / how.of);
  std::size_t deaths = 0, of_slow = 0;
  world.on_change = [&](std::size_t, const StateChanged& change) {
    if (change.state != State::Dead) return;
    ++(world.index(change.node) < slow ? of_slow : deaths);
  };
  SeededRng rng(3);
  const auto up_to = [&](Duration most) {
    return Duration(
        static_cast<std::int64_t>(rng.uniform(static_cast<std::uint64_t>(most.count()))));
  };
  std::vector<Instant> next(slow, world.now);
  const Instant until = world.now + 300s;
  while (world.now < until) {
    for (std::size_t i = 0; i < slow; ++i) {
      if (world.now < next[i]) continue;
      const auto span = how.longest / 8 + up_to(how.longest * 7 / 8);
      world.pause(i, span);
      next[i] = world.now + span + up_to(how.between);
    }
    world.run(20ms);
  }
  std::printf(
      "%5zu  %-9s  5 min, %3zu slow ones with pauses up to %2d s: well ones thought dead "
      "%zu times, slow ones %zu times\n",
      members, lifeguard ? "lifeguard" : "plain", slow, static_cast<int>(how.longest / 1s), deaths,
      of_slow);
}

}  // namespace

int main(int argc, char** argv) {
  crypto::initialise();
  const auto members = static_cast<std::size_t>(argc > 1 ? std::atoi(argv[1]) : 50);
  const auto runs = static_cast<std::size_t>(argc > 2 ? std::atoi(argv[2]) : 20);
  const auto loss = static_cast<unsigned>(argc > 3 ? std::atoi(argv[3]) : 0);
  for (const auto latency : {1ms, 50ms})
    for (const bool lifeguard : {true, false}) detection(members, runs, latency, loss, lifeguard);
  for (const auto& how :
       {Slow{0, 0s, 0s}, Slow{20, 3s, 400ms}, Slow{5, 8s, 2s}, Slow{3, 16s, 16ms}})
    for (const bool lifeguard : {true, false}) wrongly_dead(members, how, loss, lifeguard);
}
