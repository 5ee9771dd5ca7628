// Whether the targets behind our services answer: what callers' connections told, and the looks
// (probes) between them. Decides when to look; who connects is the owner.
//
// A target is looked at when it is exposed, at a start, and again kProbePause after it refused
// while somebody may use it. One that answered is left alone: programs log who connects and says
// nothing.
//
// Invariants
//  1. At most kMaxProbes looks are under way, and one of each service.
//  2. Peers are told of a change at once, and then not again for kNewsPause.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "overlay/service/access.hpp"
#include "overlay/service/service.hpp"

namespace weft::service {

inline constexpr Duration kProbePause = 10s;
inline constexpr std::size_t kMaxProbes = 8;  // a host has few descriptors to spare
inline constexpr Duration kNewsPause = 1s;

struct TargetHealth {
  Health health = Health::Unknown;
  Instant at{};                     // of the connection that told it
  std::string detail;               // why it failed
  std::optional<Instant> probe_at;  // nullopt: no look is planned
  bool probing = false;
};

class HealthTable {
 public:
  // A connection to the target of `service`, a caller's or a look's, went so.
  void saw(Instant now, const std::string& service, Health health, std::string_view detail);
  // Look at it as soon as there is room.
  void look(Instant now, const std::string& service) { targets_[service].probe_at = now; }
  // The same if its target failed: who may use it now wants to know.
  void look_if_bad(Instant now, const std::string& service);
  // Somebody may use now what nobody might: targets that failed are looked at in their turn.
  void rules_changed();
  void forget(const std::string& service) { targets_.erase(service); }

  // The services to look at now, counted as under way from here on; those that nobody may use and
  // that failed wait for look_if_bad() or rules_changed().
  [[nodiscard]] std::vector<std::string> due(Instant now, const AccessTable& access);
  // That look is over. False: none was under way.
  bool ended(const std::string& service);
  // True, once, when peers are to be told now.
  bool take_news(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] const TargetHealth* find(const std::string& service) const;

 private:
  [[nodiscard]] std::size_t under_way() const;

  std::map<std::string, TargetHealth> targets_;
  bool news_ = false;
  Instant next_news_{};
};

}  // namespace weft::service
