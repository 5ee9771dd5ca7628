// How many connections others may hold here: of all, of one place (an IPv4 address, an IPv6 /56),
// and of those that no session uses yet, whom nobody has proven to be more than a stranger.
// Whoever comes beyond is not let in; nobody gives way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>

#include "base/endpoint.hpp"

namespace weft::path {

class Admission {
 public:
  static constexpr std::size_t kMost = 1024;
  static constexpr std::size_t kMostUnproven = 128;
  static constexpr std::size_t kMostOfPlace = 32;

  // False: there is no room for another from there.
  [[nodiscard]] bool enter(const Endpoint& from) {
    const auto at = places_.find(place_of(from));
    const std::size_t here = at == places_.end() ? 0 : at->second;
    if (all_ >= kMost || unproven_ >= kMostUnproven || here >= kMostOfPlace) return false;
    ++all_;
    ++unproven_;
    ++places_[place_of(from)];
    return true;
  }
  void proven() { --unproven_; }  // once for each that entered
  void leave(const Endpoint& from, bool was_proven) {
    --all_;
    if (!was_proven) --unproven_;
    const auto at = places_.find(place_of(from));
    if (--at->second == 0) places_.erase(at);
  }
  [[nodiscard]] std::size_t size() const { return all_; }

 private:
  static ByteArray<16> place_of(const Endpoint& from) {
    constexpr std::size_t kPrefix = 7;  // bytes
    ByteArray<16> out = from.address;
    if (!from.is_v4()) std::fill(out.begin() + kPrefix, out.end(), std::uint8_t{0});
    return out;
  }

  std::size_t all_ = 0;
  std::size_t unproven_ = 0;
  std::map<ByteArray<16>, std::size_t> places_;
};

}  // namespace weft::path
