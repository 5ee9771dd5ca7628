// The edge without cryptography or sessions: the UDP carrier over loopback, the pump over a wire in
// memory. Both ends share this thread, so each figure is the cost of sender and receiver together.
#include <benchmark/benchmark.h>

#include <utility>

#include "node/adapter/tcp_pump.hpp"
#include "node/carriers/udp_carrier.hpp"
#include "tests/adapter/memory_wire.hpp"
#include "tests/adapter/socket_pair.hpp"

namespace weft {
namespace {

struct CountingSink final : carriers::DatagramSink {
  void on_datagram(const Datagram& datagram) override {
    for_each_datagram(datagram, [this](const Datagram& one) {
      ++datagrams;
      bytes += one.payload.size();
    });
  }
  void on_batch_end() override {}
  void on_writable() override {}
  std::uint64_t datagrams = 0;
  std::uint64_t bytes = 0;
};

void udp_batches(benchmark::State& state) {
  io::EventLoop loop;
  CountingSink in;
  CountingSink out;
  carriers::UdpOptions options;
  options.bind = *endpoint_from_text("127.0.0.1:0");
  options.gso = state.range(0) != 0;
  options.gro = state.range(1) != 0;
  const auto receiver = *carriers::UdpCarrier::open(loop, options, in);
  const auto sender = *carriers::UdpCarrier::open(loop, options, out);
  constexpr std::size_t kSegment = 1444;
  constexpr std::size_t kSegments = 44;
  const Bytes batch(kSegment * kSegments, 7);
  const Transmit transmit{PathId::Udp, receiver->local(), batch.size(), kSegment, Ecn::Ect0};
  std::uint64_t expected = 0;
  for (auto _ : state) {
    sender->send(transmit, batch);
    expected += kSegments;
    while (in.datagrams < expected && loop.run_for(100ms)) {
    }
    if (in.datagrams < expected) return state.SkipWithError("datagrams were lost");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(in.bytes));
}
BENCHMARK(udp_batches)->ArgNames({"gso", "gro"})->Args({1, 1})->Args({1, 0})->Args({0, 0});

struct IgnoringOwner final : adapter::FlowOwner {
  void on_flow_done(adapter::StreamKey, adapter::FlowEnd) override {}
};

// client <-> pump <-> wire <-> pump <-> service
struct Pumped {
  Pumped() {
    for (std::size_t side = 0; side < 2; ++side) {
      adapter::SocketPair pair = adapter::tcp_pair();
      programs[side] = std::move(pair.far);
      pumps[side] = std::make_unique<adapter::TcpPump>(loop, wire.side(side), key,
                                                       std::move(pair.near), owner);
      wire.attach(side, key, pumps[side].get());
      pumps[side]->start();
    }
  }
  [[nodiscard]] int program(std::size_t side) const { return programs[side].value(); }

  io::EventLoop loop;
  IgnoringOwner owner;
  adapter::MemoryWire wire{loop, 1 << 20};
  adapter::StreamKey key{1, 0};
  std::array<io::UniqueFd, 2> programs;
  std::array<std::unique_ptr<adapter::TcpPump>, 2> pumps;
};

// One byte there and back over plain TCP: what pump_echo is compared with.
void raw_tcp_echo(benchmark::State& state) {
  const adapter::SocketPair pair = adapter::tcp_pair();
  char byte = 'x';
  for (auto _ : state) {
    ::send(pair.far.value(), &byte, 1, 0);
    ::recv(pair.near.value(), &byte, 1, 0);
    ::send(pair.near.value(), &byte, 1, 0);
    ::recv(pair.far.value(), &byte, 1, 0);
  }
}
BENCHMARK(raw_tcp_echo);

void pump_echo(benchmark::State& state) {
  Pumped pumped;
  char byte = 'x';
  const auto pass = [&](std::size_t from, std::size_t to) {
    ::send(pumped.program(from), &byte, 1, 0);
    while (::recv(pumped.program(to), &byte, 1, MSG_DONTWAIT) != 1) pumped.loop.run_for(100ms);
  };
  for (auto _ : state) {
    pass(0, 1);
    pass(1, 0);
  }
}
BENCHMARK(pump_echo);

void pump_bulk(benchmark::State& state) {
  Pumped pumped;
  const Bytes chunk(256 * 1024, 7);
  Bytes sink(256 * 1024);
  std::int64_t moved = 0;
  for (auto _ : state) {
    ::send(pumped.program(0), chunk.data(), chunk.size(), MSG_DONTWAIT);
    pumped.loop.run_for(0ms);
    pumped.loop.run_for(0ms);
    const ssize_t got = ::recv(pumped.program(1), sink.data(), sink.size(), MSG_DONTWAIT);
    if (got > 0) moved += got;
  }
  state.SetBytesProcessed(moved);
}
BENCHMARK(pump_bulk);

}  // namespace
}  // namespace weft

BENCHMARK_MAIN();
