// A link between two ends: delay, loss, reordering, a maximum packet size, a bandwidth, all from
// one seed. Deliveries come out in (time, sequence) order, so a run replays exactly.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/core.hpp"
#include "base/seeded_rng.hpp"

namespace weft::harness {

struct LinkOptions {
  Duration delay = 10ms;
  Duration jitter = 0ns;  // uniform extra delay: reorders when larger than the spacing
  std::uint32_t loss_permille = 0;
  std::size_t mtu = 1452;             // UDP payload; larger datagrams vanish
  std::uint64_t bits_per_second = 0;  // 0: no limit
  bool drops_marked = false;          // datagrams with ECN marks vanish
  std::set<int> silent{};             // nothing gets to these
};

class Link {
 public:
  struct Delivery {
    Instant at;
    int to;  // whom send() named
    PathId path;
    Endpoint from;
    Ecn ecn;
    Bytes bytes;
  };

  explicit Link(std::uint64_t seed, LinkOptions options = {}) : options_(options), rng_(seed) {}

  LinkOptions& options() { return options_; }
  void send(Instant now, int to, PathId path, const Endpoint& from, Ecn ecn, ByteView bytes) {
    ++sent_;
    const bool barred =
        options_.silent.contains(to) || (options_.drops_marked && ecn != Ecn::NotEct);
    if (barred || bytes.size() > options_.mtu || rng_.uniform(1000) < options_.loss_permille) {
      ++lost_;
      return;
    }
    Instant at = now;
    if (options_.bits_per_second > 0) {
      auto& free_at = free_at_[to];
      free_at =
          std::max(free_at, now) + Duration(static_cast<std::int64_t>(
                                       bytes.size() * 8'000'000'000ULL / options_.bits_per_second));
      at = free_at;
    }
    at += options_.delay;
    if (options_.jitter > 0ns)
      at += Duration(static_cast<std::int64_t>(
          rng_.uniform(static_cast<std::uint64_t>(options_.jitter.count()))));
    queue_.emplace(std::pair{at, sequence_++}, Delivery{at, to, path, from, ecn, to_bytes(bytes)});
  }
  [[nodiscard]] std::optional<Instant> next() const {
    if (queue_.empty()) return std::nullopt;
    return queue_.begin()->first.first;
  }
  std::optional<Delivery> pop(Instant until) {
    if (queue_.empty() || queue_.begin()->first.first > until) return std::nullopt;
    auto delivery = std::move(queue_.begin()->second);
    queue_.erase(queue_.begin());
    return delivery;
  }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  LinkOptions options_;
  SeededRng rng_;
  std::map<std::pair<Instant, std::uint64_t>, Delivery> queue_;
  std::uint64_t sequence_ = 0;
  std::map<int, Instant> free_at_;
  std::uint64_t sent_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace weft::harness
