// How long a datagram is on its way between two nodes. Either an embedding (five coordinates and
// a height per node, so that links are computed and never stored) or a matrix of round trips
// between sites. A pair's lasting detour and each packet's jitter are hashes of (seed, a, b).
// Units: nanoseconds one way. Integer arithmetic only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/time.hpp"

namespace weft::sim {

struct LatencyOptions {
  std::string model = "embedding";    // or "matrix"
  std::string matrix_file;            // csv: one row per site, round trips in milliseconds
  std::string region = "world";       // or "europe", "city", "lan": how wide the embedding is
  std::uint32_t jitter_percent = 8;   // spread (one sigma) of the log-normal jitter
  std::uint32_t detour_percent = 25;  // at most so much longer than the straight line
};

class LatencyModel {
 public:
  static Result<LatencyModel> create(const LatencyOptions& options, std::uint64_t seed);
  static bool knows_region(std::string_view region);

  // Somewhere of its own, or where `home`, an earlier node, is.
  void add_node(std::uint32_t node, std::uint32_t home);
  // Without jitter; symmetric.
  [[nodiscard]] Duration base(std::uint32_t a, std::uint32_t b) const;
  [[nodiscard]] Duration sample(std::uint32_t a, std::uint32_t b, std::uint64_t packet) const;
  // The median round trip of random pairs: what a report calls one RTT.
  [[nodiscard]] Duration median_round_trip(std::uint32_t nodes) const;
  // A world has two halves with an ocean between any two of their regions; all else is one.
  [[nodiscard]] std::uint32_t continents() const {
    return matrix_side_ == 0 && options_.region == "world" ? 2 : 1;
  }
  [[nodiscard]] std::uint32_t continent_of(std::uint32_t node) const;
  void warm(std::uint32_t node) const { __builtin_prefetch(&sites_[node]); }
  [[nodiscard]] std::uint32_t region_of(std::uint32_t node) const { return sites_[node].region; }
  [[nodiscard]] std::size_t memory_bytes() const { return sites_.capacity() * sizeof(Site); }

 private:
  struct Site {
    std::array<std::int32_t, 5> at{};  // microseconds one way
    std::uint16_t height = 0;          // microseconds: the last mile
    std::uint16_t region = 0;
  };
  LatencyModel() = default;
  void make_jitter_table();

  LatencyOptions options_;
  std::uint64_t seed_ = 0;
  std::vector<Site> sites_;
  std::vector<std::uint32_t> matrix_;  // microseconds one way, matrix_side_ squared
  std::size_t matrix_side_ = 0;
  std::array<std::uint32_t, 256> jitter_{};  // Q16 factors
};

}  // namespace weft::sim
