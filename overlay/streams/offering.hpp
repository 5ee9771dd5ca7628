// What this node offers in one network and to whom: its exposures, the access rules, and whether
// the targets answer. Every change is asked for by a person or the configuration.
//
// Invariants
//  1. What takes a permission away has effect before it is stored, what gives one after.
//  2. A rule refused half way leaves nothing behind: all of a command's rules, or none.
//  3. A command answers with exactly one CommandDone.
//
// rules_changed() of the owner is due when take_change() says so: streams that are no longer
// allowed end, and members hear what they may use.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "overlay/service/access.hpp"
#include "overlay/service/health.hpp"
#include "overlay/service/members_view.hpp"
#include "overlay/service/registry.hpp"
#include "overlay/service/service_line.hpp"
#include "overlay/streams/outlet.hpp"
#include "overlay/view.hpp"

namespace weft::overlay {

inline constexpr std::size_t kMaxLookedAt = 2048;  // members, to say who may use a service

class Offering {
 public:
  // All outlive it.
  Offering(const roster::Roster& roster, const service::MembersView& members, Outlet& out);

  void expose(CommandId id, service::Exposure exposure, const std::vector<std::string>& allow,
              Wish wish);
  void unexpose(CommandId id, const std::string& name);
  void set_access(Instant now, CommandId id, const std::string& name,
                  const std::vector<std::string>& who, bool allow);
  // Access on terms, one rule for each of `who`. ShareOutcome.
  void share(Instant now, CommandId id, const std::string& name,
             const std::vector<std::string>& who, const service::Terms& terms);
  // Takes such a rule back.
  void unshare(Instant now, CommandId id, std::uint64_t share);
  // Forgets the rules for these; for all of the service's when nobody is named.
  void reset_access(Instant now, CommandId id, const std::string& name,
                    const std::vector<std::string>& who);
  // A ticket's promise to who joins by it; the rows go to the disk before its entry does.
  [[nodiscard]] std::vector<Row> promise(const NodeId& joiner,
                                         const std::vector<std::string>& services);
  // Rules that let in nodes which were removed.
  void forget_removed();
  // The roster changed: other rules match now.
  void rules_changed() { changed_ = true; }
  // Who asks is somewhere else now: rules that name places match others.
  void places_changed() { changed_ = changed_ || by_place_; }
  // Time goes on, or was set: rules with terms begin and end to hold.
  void clock_changed() { terms_due_ = 0; }
  void turn_terms(const service::Asked& asked);
  // At a start, and once the rows are loaded.
  [[nodiscard]] Result<void> load(const Row& row);
  void look_at_all(Instant now);

  // How a caller's connection to the target went; Ok when it was accepted.
  void target_did(Instant now, const std::string& service, service::Health health,
                  std::string_view detail);
  // The answer to ProbeTarget.
  void probed(Instant now, const std::string& service, service::Health health,
              std::string_view detail);
  // Asks for the looks that are due. True: members are to be told.
  [[nodiscard]] bool sweep(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout(const WallClock& clock) const;
  [[nodiscard]] bool take_change() {
    if (changed_) health_.rules_changed();
    return std::exchange(changed_, false);
  }

  [[nodiscard]] service::Decision decide(const NodeId& caller, const std::string& service,
                                         const service::Asked& asked) const {
    return access_.decide(roster_, caller, service, asked);
  }
  [[nodiscard]] bool may_expose() const { return members_.may_expose(members_.self()); }
  // What this member may use.
  [[nodiscard]] std::vector<service::ServiceLine> lines_for(Instant now, const NodeId& caller,
                                                            const service::Asked& asked) const;
  [[nodiscard]] const service::Registry& registry() const { return registry_; }
  [[nodiscard]] HealthView health(const std::string& service) const;
  [[nodiscard]] AccessView access(const std::string& service) const;
  // Of all services, also those that ended a while ago; by id.
  [[nodiscard]] std::vector<ShareView> shares(UnixTime now) const;
  [[nodiscard]] const service::Rule* rule(std::uint64_t id) const { return access_.find(id); }
  // How people write whom this rule names: a name, group:NAME, *.
  [[nodiscard]] std::string who_text(std::optional<std::uint64_t> rule) const;
  // Rules that keep out all of `who` whatever allows it.
  [[nodiscard]] std::vector<std::string> denied_by(const std::string& service,
                                                   const std::string& who) const;

 private:
  void rules_stored(Instant now, CommandId id, const std::string& name, std::vector<Row> rows,
                    bool at_once, Outcome outcome = std::monostate{});

  const roster::Roster& roster_;
  const service::MembersView& members_;
  Outlet& out_;
  service::Registry registry_;
  service::AccessTable access_;
  service::HealthTable health_;
  bool changed_ = false;
  bool by_place_ = false;         // some rule names places
  std::set<std::uint64_t> hold_;  // rules whose terms held when last looked at, places aside
  std::set<std::uint64_t> over_;  // rules that had ended then
  UnixTime terms_due_ = 0;        // when they are looked at again
};

}  // namespace weft::overlay
