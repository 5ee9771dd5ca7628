// What the NATs between this node and the internet do, in the words of RFC 4787 and RFC 5780, out
// of what members see: at which outside address one socket of ours arrives at each of several
// places. Pure: observations in, a verdict out.
//
// Two places with different addresses are needed to tell whether the mapping depends on the
// destination, and one of them with two ports to tell on what of it. Until then the verdict is
// Unknown, which is what honesty says; RFC 5780 has dedicated servers instead.
//
// Invariants
// 1. The last observation of each place counts, for kFresh; at most kPlaces of them, the oldest
//    gives way. All are forgotten when our own addresses change.
// 2. IPv4 and IPv6 are judged apart: verdict(family).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/node_id.hpp"
#include "base/time.hpp"

namespace weft::nat {

enum class Mapping : std::uint8_t {
  Unknown,
  None,         // others see our own address
  Independent,  // one outside address whatever the destination
  ByAddress,
  ByAddressAndPort,
  Dependent,  // on the destination's address, perhaps on its port too
};
enum class Filtering : std::uint8_t {
  Unknown,
  Independent,       // who was never sent to gets in
  ByAddressAtMost,   // another port of who was sent to gets in; perhaps everybody does
  ByAddressAndPort,  // only who was sent to gets in
};
enum class Ports : std::uint8_t { Unknown, Kept, Changed, Sequential, Random };

[[nodiscard]] std::string_view name_of(Mapping mapping);
[[nodiscard]] std::string_view name_of(Filtering filtering);
[[nodiscard]] std::string_view name_of(Ports ports);

enum class Family : std::uint8_t { V4, V6 };
[[nodiscard]] inline Family family_of(const Endpoint& endpoint) {
  return endpoint.is_v4() ? Family::V4 : Family::V6;
}

struct Verdict {
  Mapping mapping = Mapping::Unknown;
  Filtering filtering = Filtering::Unknown;
  Ports ports = Ports::Unknown;
  std::optional<bool> hairpin{};    // what we send to our outside address comes back
  std::vector<Endpoint> outside{};  // as it was seen, the newest first; at most kOutside
  std::size_t observers = 0;        // members whose word this is

  // A way can be punched from here towards whoever knows `outside`.
  [[nodiscard]] bool predictable() const {
    return mapping == Mapping::None || mapping == Mapping::Independent;
  }
  auto operator<=>(const Verdict&) const = default;
};

class Behaviour {
 public:
  static constexpr std::size_t kPlaces = 16;
  static constexpr std::size_t kOutside = 4;
  static constexpr Duration kFresh = 10min;
  static constexpr std::uint16_t kSequentialStep = 16;  // so far apart ports count as sequential

  // Our own addresses. Another list forgets what was seen from the one before.
  void set_own(std::vector<Endpoint> own);
  // `by`, asked at `place`, saw us at `seen`.
  void observe(Instant now, const NodeId& by, const Endpoint& place, const Endpoint& seen);
  // A datagram came from a port that we never sent to, of an address that we did (`asked` true: it
  // was asked for and may stay away).
  void note_other_port(Family family, bool came);
  // A datagram came from an address that we never sent to.
  void note_stranger(Family family);
  void note_hairpin(Family family, bool came);

  [[nodiscard]] Verdict verdict(Instant now, Family family) const;
  [[nodiscard]] const std::vector<Endpoint>& own() const { return own_; }
  // Where others see us, of both families, newest first: candidates for a punch.
  [[nodiscard]] std::vector<Endpoint> outside(Instant now) const;

 private:
  struct Seen {
    NodeId by;
    Endpoint place;
    Endpoint seen;
    Instant at{};
  };
  struct Facts {
    std::optional<bool> other_port;
    bool stranger = false;
    std::optional<bool> hairpin;
  };
  [[nodiscard]] std::vector<Seen> fresh(Instant now, Family family) const;  // oldest first
  [[nodiscard]] bool is_own(const Endpoint& endpoint) const;
  [[nodiscard]] Mapping mapping_of(const std::vector<Seen>& seen) const;
  [[nodiscard]] Ports ports_of(const std::vector<Seen>& seen, Mapping mapping) const;

  std::vector<Endpoint> own_;
  std::vector<Seen> seen_;  // oldest first
  Facts facts_[2];
};

}  // namespace weft::nat
