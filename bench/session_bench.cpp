// Sessions in memory, both ends on one core: bulk throughput, handshakes, memory.
#include <benchmark/benchmark.h>

#include <malloc.h>

#include "tests/harness/pair.hpp"

namespace {

using namespace weft;
using namespace weft::session;
using harness::End;
using harness::Pair;

std::size_t heap_in_use() { return mallinfo2().uordblks; }

// Moves datagrams straight across, no link between.
struct Wire {
  Bytes buffer = Bytes(kTransmitBufferSize);
  bool carry(Instant now, End& from, End& to) {
    bool moved = false;
    while (auto t = from.layer.poll_transmit(now, buffer)) {
      moved = true;
      const std::size_t step = t->segment_size ? t->segment_size : t->size;
      for (std::size_t at = 0; at < t->size; at += step) {
        const auto size = std::min(step, t->size - at);
        if (size > 1452) continue;
        to.layer.handle_datagram(
            now, {PathId::Udp, {}, from.endpoint, Ecn::NotEct, ByteView(buffer).subspan(at, size)});
      }
    }
    return moved;
  }
};

void bulk(benchmark::State& state) {
  ::mallopt(M_TRIM_THRESHOLD, 2 << 20);  // as the daemon: else each turn gives the heap's end back
  Pair pair(1, {.delay = 50us});
  const auto id = *pair.a.layer.dial(pair.now, pair.target());
  pair.run(3s);  // up, and the path MTU found
  const auto at_b = Pair::of<SessionUp>(pair.b).at(0).session;
  const auto stream = *pair.a.layer.open_stream(pair.now, id);
  Wire wire;
  const Bytes block(1 << 16, 3);
  std::size_t bytes = 0;
  for (auto _ : state) {
    while (pair.a.layer.write(pair.now, id, stream, block) == block.size()) {
    }
    pair.now += 100us;
    pair.a.layer.handle_timeout(pair.now);
    pair.b.layer.handle_timeout(pair.now);
    while (wire.carry(pair.now, pair.a, pair.b) | wire.carry(pair.now, pair.b, pair.a)) {
      for (auto v = pair.b.layer.readable(at_b, stream); !v.empty();
           v = pair.b.layer.readable(at_b, stream)) {
        bytes += v.size();
        pair.b.layer.consume(pair.now, at_b, stream, v.size());
      }
    }
    while (pair.a.layer.poll_event()) {
    }
    while (pair.b.layer.poll_event()) {
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.counters["Gbit/s"] =
      benchmark::Counter(static_cast<double>(bytes) * 8 / 1e9, benchmark::Counter::kIsRate);
}
BENCHMARK(bulk)->Unit(benchmark::kMillisecond);

void handshakes(benchmark::State& state) {
  Pair pair(2, {.delay = 1ms});
  for (auto _ : state) {
    const auto id = *pair.a.layer.dial(pair.now, pair.target(state.range(0) == 0));
    pair.run_until([&] { return !Pair::of<SessionUp>(pair.b).empty(); }, 1s);
    pair.a.layer.close(pair.now, id, 0, "");
    pair.run(2s);
    pair.a.events.clear();
    pair.b.events.clear();
  }
  state.SetItemsProcessed(state.iterations());
  state.SetLabel(state.range(0) == 0 ? "IK" : "XX");
}
BENCHMARK(handshakes)->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void memory(benchmark::State& state) {
  for (auto _ : state) {
    std::vector<std::unique_ptr<Pair>> pairs;
    const std::size_t before_layers = heap_in_use();
    for (std::uint64_t i = 0; i < 100; ++i)
      pairs.push_back(std::make_unique<Pair>(i, harness::LinkOptions{}));
    const std::size_t before = heap_in_use();
    for (auto& p : pairs) {
      static_cast<void>(p->a.layer.dial(p->now, p->target()));
      p->run(5s);
      p->a.events.clear();
      p->b.events.clear();
    }
    const std::size_t sessions = heap_in_use() - before;
    auto& pair = *pairs[0];
    const SessionId id = 1;
    const std::size_t before_streams = heap_in_use();
    for (int i = 0; i < 1000; ++i) {
      const auto s = *pair.a.layer.open_stream(pair.now, id);
      pair.a.layer.write(pair.now, id, s, bytes_of("x"));
    }
    pair.run(2s);
    for (const auto& opened : Pair::of<StreamOpened>(pair.b))
      pair.b.layer.consume(pair.now, opened.session, opened.stream, 1);
    pair.run(2s);
    pair.b.events.clear();
    pair.b.events.shrink_to_fit();
    state.counters["KiB/session_end"] = static_cast<double>(sessions) / 200 / 1024;
    state.counters["KiB/stream_end"] =
        static_cast<double>(heap_in_use() - before_streams) / 2000 / 1024;
    benchmark::DoNotOptimize(before_layers);
  }
}
BENCHMARK(memory)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
