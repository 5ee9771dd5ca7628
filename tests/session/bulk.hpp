// A long stream over a Pair, and what becomes of it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <variant>

#include "tests/harness/pair.hpp"

namespace weft::session {

using harness::End;
using harness::Pair;

inline constexpr std::uint64_t kHundredMegabit = 100'000'000;

// a sends one long stream to b, which reads all of it.
struct Bulk {
  explicit Bulk(std::size_t size,
                harness::LinkOptions options = {.delay = 10ms, .bits_per_second = kHundredMegabit},
                std::uint64_t seed = 5, const std::optional<path::Path>& over = std::nullopt)
      : pair(seed, options) {
    auto target = pair.target();
    if (over) {
      carrier = *pair.a.paths.add(*over);
      if (over->kind != path::PathKind::Udp) target.path = carrier;
      pair.came_by = [by = target.path](int to, PathId path) { return to == 0 ? by : path; };
    }
    at_a = *pair.a.layer.dial(pair.now, target);
    pair.run_until([&] { return !Pair::of<SessionUp>(pair.b).empty(); }, 10s);
    at_b = Pair::of<SessionUp>(pair.b).at(0).session;
    stream = *pair.a.layer.open_stream(pair.now, at_a);
    pair.on_event = [this](End& at, const SessionEvent& event) { on(at, event); };
    if (size > 0) send(size, seed);
  }
  void send(std::size_t size, std::uint64_t seed = 5) {
    data = Bytes(size);
    SeededRng(seed).fill(data);
    pump();
  }
  void pump() {
    written += pair.a.layer.write(pair.now, at_a, stream, ByteView(data).subspan(written));
    if (written == data.size()) pair.a.layer.finish(pair.now, at_a, stream);
  }
  void on(End& at, const SessionEvent& event) {
    if (std::holds_alternative<StreamWritable>(event) && &at == &pair.a) pump();
    if (!std::holds_alternative<StreamReadable>(event) || &at != &pair.b) return;
    for (auto view = pair.b.layer.readable(at_b, stream); !view.empty();
         view = pair.b.layer.readable(at_b, stream)) {
      got.insert(got.end(), view.begin(), view.end());
      pair.b.layer.consume(pair.now, at_b, stream, view.size());
    }
    last_at = pair.now;
  }
  bool whole() const { return got.size() == data.size(); }
  // How long until something more arrives than what was on its way.
  Duration until_progress(Duration within) {
    pair.run(300ms);
    const auto before = got.size();
    const Instant begin = pair.now;
    pair.run_until([&] { return got.size() > before; }, within);
    return pair.now - begin;
  }
  bool finish(Duration within) {
    const bool done = pair.run_until([&] { return whole(); }, within);
    EXPECT_EQ(got.size(), data.size());
    EXPECT_TRUE(got == data);
    EXPECT_TRUE(Pair::of<SessionDown>(pair.a).empty());
    EXPECT_TRUE(Pair::of<SessionDown>(pair.b).empty());
    return done;
  }
  Bytes data, got;
  Pair pair;
  PathId carrier = PathId::Udp;  // a's, where one is given
  SessionId at_a = 0, at_b = 0;
  StreamId stream = 0;
  std::size_t written = 0;
  Instant last_at{};
};

}  // namespace weft::session
