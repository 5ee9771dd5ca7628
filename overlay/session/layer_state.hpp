// What all connections of one SessionLayer share.
#pragma once

#include <deque>
#include <unordered_map>

#include "base/seen_cache.hpp"
#include "overlay/path/path_table.hpp"
#include "overlay/session/gate.hpp"
#include "overlay/session/session_layer.hpp"

namespace weft::session {

class Connection;

// Application codes of CONNECTION_CLOSE that the layer itself uses.
inline constexpr std::uint64_t kCodeRemoved = 0x77650001;
inline constexpr std::uint64_t kCodeSuperseded = 0x77650002;
inline constexpr std::uint64_t kCodeNetworkLeft = 0x77650003;
inline constexpr std::uint64_t kCodeUnknown = 0x77650004;
inline constexpr std::uint64_t kCodeJoinersFull = 0x77650005;

struct CidHash {
  std::uint64_t seed = 0;
  std::size_t operator()(std::uint64_t cid) const noexcept {
    cid = (cid ^ seed) * 0x9e3779b97f4a7c15ULL;
    return static_cast<std::size_t>(cid ^ cid >> 32);
  }
};
using CidMap = std::unordered_map<std::uint64_t, Connection*, CidHash>;

struct LayerState {
  const Identity& identity;
  const TrustView& trust;
  Rng& rng;
  path::PathTable& paths;
  WallClock clock;
  SessionLimits limits;
  SessionCounters counters;
  std::deque<SessionEvent> events;
  CidMap cids;
  std::size_t half_open = 0;
  std::unordered_map<Endpoint, std::size_t> half_open_by_ip;  // port 0
  std::size_t joiners = 0;  // strangers let in because a ticket is out
  std::unordered_map<Endpoint, std::size_t> joiners_by_place;
};

}  // namespace weft::session
