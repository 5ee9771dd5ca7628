// The data plane of a relay without sockets: frames in, frames out, one core. Arguments: bytes of a
// frame, circuits whose frames are interleaved, frames that come joined (GRO).
#include <benchmark/benchmark.h>

#include <vector>

#include "base/seeded_rng.hpp"
#include "overlay/relay/circuits.hpp"
#include "overlay/relay/forwarder.hpp"

namespace weft {
namespace {

constexpr Instant kNow{1h};

Endpoint at(std::uint32_t n) { return Endpoint::v4(0x0a000000U + n, 7); }

void relay_forward(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const auto flows = static_cast<std::uint32_t>(state.range(1));
  const auto joined = static_cast<std::size_t>(state.range(2));
  SeededRng rng(1);
  path::PathTable paths;
  (void)paths.add({.kind = path::PathKind::Udp});
  relay::Forwarder forwarder(paths, 0);
  std::vector<Bytes> runs;
  for (std::uint32_t i = 0; i < flows; ++i) {
    const auto a = forwarder.add_client({PathId::Udp, at(2 * i)});
    const auto b = forwarder.add_client({PathId::Udp, at(2 * i + 1)});
    const auto pair = forwarder.add_pair(rng, a, b);
    forwarder.start(pair);
    Bytes run(size * joined, 7);
    for (std::size_t k = 0; k < joined; ++k)
      relay::write_header(MutableByteView(run).subspan(k * size), forwarder.label_of(pair.a));
    runs.push_back(std::move(run));
  }
  Bytes out(kTransmitBufferSize);
  Datagram in;
  std::uint64_t frames = 0;
  for (auto _ : state) {
    // What one wake-up of the socket brings: 64 KiB, from each flow in turn.
    std::size_t bytes = 0;
    for (std::uint32_t i = 0; bytes < (64u << 10); i = (i + 1) % flows) {
      in.from = at(2 * i);
      in.payload = runs[i];
      in.segment_size = joined > 1 ? size : 0;
      forwarder.handle_datagram(kNow, in);
      bytes += runs[i].size();
      frames += joined;
    }
    while (const auto transmit = forwarder.poll_transmit(out)) benchmark::DoNotOptimize(transmit);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(frames));
  state.SetBytesProcessed(static_cast<std::int64_t>(frames * size));
}
BENCHMARK(relay_forward)
    ->ArgNames({"bytes", "flows", "joined"})
    ->Args({120, 1, 1})
    ->Args({120, 32, 1})
    ->Args({120, 1, 32})
    ->Args({1208, 1, 1})
    ->Args({1208, 32, 1})
    ->Args({1208, 1, 44})
    ->Args({1208, 32, 44});

void relay_wrap(benchmark::State& state) {
  path::PathTable paths;
  (void)paths.add({.kind = path::PathKind::Udp});
  relay::Circuits circuits(paths);
  circuits.set_way(1, {PathId::Udp, at(1)});
  const auto path = *circuits.open({{}, 1, 1, 0x123456789abc, {}, {}, true});
  Bytes batch(44 * 1208);
  for (auto _ : state) {
    Transmit transmit{path, relay::stand_in(path), batch.size(), 1208};
    transmit.headroom = relay::kHeader;
    benchmark::DoNotOptimize(circuits.wrap(kNow, transmit, batch));
  }
  state.SetItemsProcessed(state.iterations() * 44);
}
BENCHMARK(relay_wrap);

}  // namespace
}  // namespace weft

BENCHMARK_MAIN();
