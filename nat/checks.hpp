// Finds out which of a peer's addresses this node's socket reaches, by STUN checks as RFC 8445
// section 7 writes them: both ends, told each other's addresses and a password by way of others,
// send Binding requests to all of them at the same time, so that each opens its own NAT for the
// other. An answer proves the way there and back.
//
// What is not RFC 8445's: there are no pairs, roles, priorities or nominations, because there is
// one socket, and because the session above moves to whatever was proven (docs/decisions/0034).
//
// Invariants
// 1. Only requests and answers with the right password count; a request that was seen from another
//    source before is refused, so a copy proves nothing.
// 2. At most kMostTargets addresses are probed, those beyond the offered ones because an authentic
//    request came from there; each at most kMostChecks times, within kPatience.
// 3. The first packet to an address makes a mapping in our NAT: the owner's meter is asked for it.
//
// Order: handle() or set_peer(), then poll() until it is empty, then poll_timeout().
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/core.hpp"
#include "base/fields.hpp"
#include "base/meter.hpp"
#include "base/rng.hpp"
#include "nat/stun.hpp"

namespace weft::nat {

struct CheckCounters {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint32_t proven = 0;
  std::uint32_t refused = 0;
  std::uint32_t replayed = 0;

  static constexpr auto fields() {
    using C = CheckCounters;
    return std::tuple{
        field("checks_sent", "requests", "to addresses of peers", &C::sent),
        field("checks_answered", "requests", "of peers", &C::answered),
        field("checks_proven", "addresses", "that answered", &C::proven),
        field("checks_refused", "messages", "with a wrong password", &C::refused),
        field("checks_replayed", "requests", "that came again from elsewhere", &C::replayed)};
  }
};
static_assert(lists_all_fields<CheckCounters>());

// Names one end of an attempt in the user names of its checks, and what authenticates them.
struct CheckKey {
  ByteArray<8> name{};
  ByteArray<16> password{};

  static CheckKey generate(Rng& rng) { return {rng.bytes<8>(), rng.bytes<16>()}; }
  auto operator<=>(const CheckKey&) const = default;
};

class Checks {
 public:
  static constexpr std::size_t kMostTargets = 16;
  static constexpr int kMostChecks = 16;       // of one address
  static constexpr Duration kPatience = 10s;   // from the peer's offer on
  static constexpr Duration kFastPace = 20ms;  // between two checks, the first kFastChecks
  static constexpr Duration kPace = 50ms;      // Ta of RFC 8445
  static constexpr int kFastChecks = 10;
  static constexpr Duration kFirstWait = 250ms;  // to the next check of the same address
  static constexpr Duration kLongestWait = 1s;
  static constexpr Duration kSettle = 50ms;      // a better address may prove itself so long
  static constexpr std::uint8_t kOpenerTtl = 4;  // out of our NAT, not into theirs

  // `opener`: the first check to each address goes no further than a few hops, so that it opens
  // our NAT and does not arrive at theirs, which may take against it.
  Checks(CheckKey own, Rng& rng, bool opener) : own_(own), rng_(rng), opener_(opener) {}

  void set_peer(Instant now, const CheckKey& peer, const std::vector<Endpoint>& addresses);
  [[nodiscard]] bool has_peer() const { return peer_.has_value(); }
  [[nodiscard]] const CheckKey& own() const { return own_; }

  struct Heard {
    bool ours = false;               // it belongs to this attempt; then it is used up
    bool stranger = false;           // from an address that no check of ours went to
    std::optional<Endpoint> seen{};  // where the peer sees us, by its authentic answer
  };
  Heard handle(Instant now, const Datagram& in, const StunMessage& message);

  struct Out {
    PathId path = PathId::Udp;
    Endpoint to;
    Endpoint local;        // unspecified: any
    std::uint8_t ttl = 0;  // 0: as usual
    Bytes bytes;
  };
  std::optional<Out> poll(Instant now, Meter& mappings);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  struct Proven {
    PathId path = PathId::Udp;
    Endpoint endpoint;
    Duration rtt{};
  };
  // The best that answered, once nothing better is likely; the same from then on.
  [[nodiscard]] std::optional<Proven> proven(Instant now) const;
  [[nodiscard]] bool over(Instant now) const { return peer_ && now >= end_; }
  [[nodiscard]] std::size_t targets() const { return targets_.size(); }
  [[nodiscard]] const CheckCounters& counters() const { return counters_; }

 private:
  struct Target {
    PathId path = PathId::Udp;
    Endpoint endpoint;
    int sent = 0;
    Instant next{};
    Duration wait = kFirstWait;
    std::optional<Duration> rtt;
  };
  struct Asked {
    Endpoint to;
    Instant at{};
  };

  Heard request(Instant now, const Datagram& in, const StunMessage& message);
  Heard answer(Instant now, const Datagram& in, const StunMessage& message);
  void check_back(Instant now, const Datagram& in);
  [[nodiscard]] Target* find(const Endpoint& endpoint);
  [[nodiscard]] Target* due(Instant now);
  [[nodiscard]] Out check(Instant now, Target& target);

  CheckKey own_;
  Rng& rng_;
  bool opener_;
  std::optional<CheckKey> peer_;
  std::vector<Target> targets_;
  std::map<TransactionId, Asked> asked_;
  std::map<TransactionId, Endpoint> heard_;  // requests, and whence
  std::vector<Out> answers_;
  Instant next_slot_{};
  int sent_ = 0;
  Instant end_{};
  std::optional<Instant> first_proof_;
  CheckCounters counters_;
};

}  // namespace weft::nat
