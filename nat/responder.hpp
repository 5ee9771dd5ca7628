// Answers STUN Binding requests on the node's own socket (decision 14): who may ask is the caller's
// judgement, how often is decided here. With it a member learns at which address it is seen, and
// what its NAT does (nat/behaviour.hpp).
//
// Invariants
// 1. An answer is at most twice as long as the request, and goes to its source: who forges a source
//    gains nothing over sending himself.
// 2. At most kPerSecond answers a second over all, and kPerSource of one address; kSources
//    addresses are metered at a time, and who asked longest ago gives way.
// 3. Nothing is answered to responses, to indications, or to whom the caller does not allow.
#pragma once

#include <map>
#include <tuple>

#include "base/core.hpp"
#include "base/fields.hpp"
#include "base/meter.hpp"
#include "nat/stun.hpp"

namespace weft::nat {

struct ResponderCounters {
  std::uint64_t answered = 0;
  std::uint32_t not_allowed = 0;
  std::uint32_t limited = 0;
  std::uint32_t malformed = 0;
  std::uint32_t stray = 0;

  static constexpr auto fields() {
    using C = ResponderCounters;
    return std::tuple{
        field("answered", "requests", "of STUN that were answered", &C::answered),
        field("not_allowed", "requests", "of STUN by who is no member", &C::not_allowed),
        field("limited", "requests", "of STUN beyond the rate", &C::limited),
        field("malformed", "datagrams", "of STUN that do not parse", &C::malformed),
        field("stray", "datagrams", "of STUN that answer nothing we asked", &C::stray)};
  }
};
static_assert(lists_all_fields<ResponderCounters>());

class Responder {
 public:
  static constexpr std::int64_t kPerSecond = 200;
  static constexpr std::int64_t kPerSource = 10;  // a second, and 20 at once
  static constexpr std::size_t kSources = 256;

  struct Answer {
    Bytes bytes;
    bool other_port = false;  // send it from another port than it was asked at (CHANGE-REQUEST)
  };
  // `allowed`: the caller lets this source ask. nullopt: nothing is to be sent.
  std::optional<Answer> answer(Instant now, const Endpoint& from, const StunMessage& request,
                               bool allowed);
  void note_malformed() { ++counters_.malformed; }
  void note_stray() { ++counters_.stray; }

  [[nodiscard]] const ResponderCounters& counters() const { return counters_; }

 private:
  struct Source {
    Instant last{};
    Meter meter{kPerSource, 2 * kPerSource};
  };
  bool within_rate(Instant now, const Endpoint& from);

  Meter all_{kPerSecond, kPerSecond};
  std::map<ByteArray<16>, Source> sources_;
  ResponderCounters counters_;
};

}  // namespace weft::nat
