// Who may open what: a local table of the exposing node, by NodeId or group id, never by a node's
// name. Deny beats allow; nothing matching is a no; somebody who is not a member is a no, always.
//
// An allowing rule may have terms (terms.hpp): a share. It counts while they hold; it stands beside
// a rule without terms for the same subject, and ends by itself. That it ended is remembered for
// kKeepEnded, so that who asks is told.
// Value of Table::Access = canonical msgpack [v=1, id, allow, subject kind, subject, service]; of a
// share v=2, and the terms behind.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/persist.hpp"
#include "base/trust_view.hpp"
#include "overlay/service/terms.hpp"

namespace weft::service {

inline constexpr std::size_t kMaxRules = 4096;
inline constexpr UnixTime kKeepEnded = 7 * 24 * 3600;

struct Subject {
  enum class Kind : std::uint8_t { Node = 0, Group = 1, Everyone = 2 };
  Kind kind = Kind::Everyone;
  NodeId node;
  std::string group;
  auto operator<=>(const Subject&) const = default;

  static Subject of(const NodeId& node) { return {Kind::Node, node, {}}; }
  static Subject of_group(std::string group) { return {Kind::Group, {}, std::move(group)}; }
  static Subject everyone() { return {}; }
};

struct Rule {
  std::uint64_t id = 0;
  bool allow = true;
  Subject subject;
  std::string service;  // a service name, or "*" for every service
  std::optional<Terms> terms = {};

  bool operator==(const Rule&) const = default;
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<Rule> decode(ByteView bytes);
};

struct Decision {
  bool allowed = false;
  std::optional<std::uint64_t> rule;  // the one that decided; none: the default said no
  Unmet unmet = Unmet::None;  // of the terms of that rule: it would let in, and does not now
};

// Pure. Among matching rules a denying one decides, else the allowing one with the lowest id, else
// the newest whose terms do not hold.
Decision decide(std::span<const Rule> rules, const TrustView& trust, const NetworkId& network,
                const NodeId& who, const std::string& service, const Asked& asked);

class AccessTable {
 public:
  explicit AccessTable(const NetworkId& network) : network_(network) {}

  struct Change {
    Rule rule;
    std::vector<Row> rows;  // to persist; also if the table already said so: the disk may not
  };
  // Replaces an opposite rule of the same subject and service. `kMaxRules` is the limit.
  [[nodiscard]] Result<Change> add(bool allow, Subject subject, std::string service);
  // A share; one of the same subject, service, hours and place has its end moved.
  [[nodiscard]] Result<Change> share(Subject subject, std::string service, const Terms& terms);
  [[nodiscard]] Result<Row> remove(std::uint64_t id);
  // Forgets the shares that ended kKeepEnded ago.
  [[nodiscard]] std::vector<Row> forget_ended(UnixTime now);
  // True if a rule denies just this subject just this service.
  [[nodiscard]] bool denies(const Subject& subject, const std::string& service) const;
  // The rules for just these subjects of just this service go; NotFound, and nothing goes, when one
  // of them has none.
  [[nodiscard]] Result<std::vector<Row>> forget(const std::vector<Subject>& subjects,
                                                const std::string& service);
  // The subjects of the denying rules that keep all of `subject` from the service.
  [[nodiscard]] std::vector<Subject> denying(const Subject& subject, const std::string& service,
                                             const TrustView& trust) const;
  // True if a rule allows the service to anybody.
  [[nodiscard]] bool lets_in_somebody(const std::string& service) const;
  [[nodiscard]] const Rule* find(std::uint64_t id) const;
  // Forgets the rules of a service: it is no longer exposed, or begins anew.
  std::vector<Row> remove_service(const std::string& service);
  [[nodiscard]] const std::vector<Rule>& list() const { return rules_; }  // by id
  [[nodiscard]] Decision decide(const TrustView& trust, const NodeId& who,
                                const std::string& service, const Asked& asked) const {
    return service::decide(rules_, trust, network_, who, service, asked);
  }

  [[nodiscard]] Result<void> load(const Row& row);

 private:
  [[nodiscard]] static Result<void> check(const Subject& subject, const std::string& service);
  [[nodiscard]] Row row_of(const Rule& rule) const;
  [[nodiscard]] Row row_without(std::uint64_t id) const;

  NetworkId network_;
  std::vector<Rule> rules_;
  std::uint64_t next_id_ = 1;
};

}  // namespace weft::service
