#include "overlay/streams/offering.hpp"

#include <algorithm>
#include <limits>

#include "base/label.hpp"

namespace weft::overlay {

using service::Health;
using Who = service::Subject;

namespace {

constexpr UnixTime kFarthest = 365 * 24 * 3600;
constexpr std::string_view kGroupPrefix = "group:";

Result<Who> subject_of(const roster::Roster& roster, const service::MembersView& members,
                       const std::string& who) {
  if (who == "*") return Who::everyone();
  if (who.starts_with(kGroupPrefix)) {
    std::string group = who.substr(kGroupPrefix.size());
    if (group.empty()) return fail(Errc::Usage, "group: needs the group's name behind it");
    // A rule for a group that is none matches nobody, without a word, for ever.
    if (is_label(group) && !roster.state().groups().contains(group))
      return fail(Errc::NotFound, "there is no group \"" + group + "\"");
    return Who::of_group(std::move(group));
  }
  WEFT_TRY(const auto node, members.find(who));
  return Who::of(node);
}

std::string text_of_subject(const service::MembersView& members, const Who& subject) {
  switch (subject.kind) {
    case Who::Kind::Node:
      return members.label(subject.node);
    case Who::Kind::Group:
      return "group:" + subject.group;
    case Who::Kind::Everyone:
      break;
  }
  return "*";
}

std::unexpected<Error> not_exposed(const std::string& name) {
  return fail(Errc::NotFound, "this node exposes no service \"" + name + "\"");
}

}  // namespace

Offering::Offering(const roster::Roster& roster, const service::MembersView& members, Outlet& out)
    : roster_(roster),
      members_(members),
      out_(out),
      registry_(roster.network()),
      access_(roster.network()) {}

// ---- commands -----------------------------------------------------------------------------------

void Offering::expose(CommandId id, service::Exposure exposure,
                      const std::vector<std::string>& allow, Wish wish) {
  const auto run = [&]() -> Result<void> {
    if (!may_expose())
      return fail(Errc::Denied, "this node has no right to expose services in this network");
    std::vector<Who> subjects;
    for (const auto& who : allow) {
      WEFT_TRY(auto subject, subject_of(roster_, members_, who));
      subjects.push_back(std::move(subject));
    }
    const auto name = exposure.name;
    auto access = access_;  // a copy: invariant 2
    const bool configured = wish == Wish::Configuration;
    std::vector<Row> rows;
    for (auto& subject : subjects) {
      if (configured && access.denies(subject, name)) continue;
      WEFT_TRY(auto change, access.add(true, std::move(subject), name));
      for (auto& rule : change.rows) rows.push_back(std::move(rule));
    }
    WEFT_TRY(auto row, configured ? registry_.replace(std::move(exposure))
                                  : registry_.add(std::move(exposure)));
    rows.push_back(std::move(row));
    access_ = std::move(access);
    out_.store(std::move(rows), [this, name, finish = out_.done_when_stored(id, std::monostate{})](
                                    Instant later, const Result<void>& stored) {
      changed_ = true;
      if (registry_.find(name) != nullptr) health_.look(later, name);
      finish(later, stored);
    });
    return {};
  };
  if (auto result = run(); !result) out_.done(id, std::unexpected(result.error()));
}

void Offering::unexpose(CommandId id, const std::string& name) {
  auto row = registry_.remove(name);
  if (!row) return out_.done(id, std::unexpected(row.error()));
  std::vector<Row> rows{std::move(*row)};
  health_.forget(name);
  for (auto& rule : access_.remove_service(name)) rows.push_back(std::move(rule));
  changed_ = true;
  out_.store(std::move(rows), out_.done_when_stored(id, std::monostate{}));
}

void Offering::set_access(Instant now, CommandId id, const std::string& name,
                          const std::vector<std::string>& who, bool allow) {
  const auto run = [&]() -> Result<void> {
    if (registry_.find(name) == nullptr) return not_exposed(name);
    auto access = access_;  // a copy: invariant 2
    std::vector<Row> rows;
    for (const auto& one : who) {
      WEFT_TRY(auto subject, subject_of(roster_, members_, one));
      WEFT_TRY(auto change, access.add(allow, std::move(subject), name));
      for (auto& row : change.rows) rows.push_back(std::move(row));
    }
    access_ = std::move(access);
    rules_stored(now, id, name, std::move(rows), !allow);
    return {};
  };
  if (auto result = run(); !result) out_.done(id, std::unexpected(result.error()));
}

void Offering::reset_access(Instant now, CommandId id, const std::string& name,
                            const std::vector<std::string>& who) {
  const auto run = [&]() -> Result<void> {
    if (registry_.find(name) == nullptr) return not_exposed(name);
    std::vector<Row> rows;
    if (who.empty()) {
      rows = access_.remove_service(name);
    } else {
      std::vector<Who> subjects;
      for (const auto& one : who) {
        const bool group = one.starts_with(kGroupPrefix);  // it may be gone, its rule is not
        auto subject = group ? Who::of_group(one.substr(kGroupPrefix.size()))
                             : subject_of(roster_, members_, one);
        if (!subject) return std::unexpected(subject.error());
        subjects.push_back(std::move(*subject));
      }
      WEFT_TRY(rows, access_.forget(subjects, name));
    }
    rules_stored(now, id, name, std::move(rows), true);
    return {};
  };
  if (auto result = run(); !result) out_.done(id, std::unexpected(result.error()));
}

void Offering::share(Instant now, CommandId id, const std::string& name,
                     const std::vector<std::string>& who, const service::Terms& terms) {
  const auto run = [&]() -> Result<void> {
    if (registry_.find(name) == nullptr) return not_exposed(name);
    auto access = access_;  // a copy: invariant 2
    std::vector<Row> rows;
    ShareOutcome outcome;
    for (const auto& one : who) {
      WEFT_TRY(auto subject, subject_of(roster_, members_, one));
      WEFT_TRY(auto change, access.share(std::move(subject), name, terms));
      outcome.ids.push_back(change.rule.id);
      for (auto& row : change.rows) rows.push_back(std::move(row));
    }
    access_ = std::move(access);
    clock_changed();
    rules_stored(now, id, name, std::move(rows), false, std::move(outcome));
    return {};
  };
  if (auto result = run(); !result) out_.done(id, std::unexpected(result.error()));
}

void Offering::unshare(Instant now, CommandId id, std::uint64_t share) {
  const auto* found = access_.find(share);
  if (found == nullptr || !found->terms)
    return out_.done(id, fail(Errc::NotFound, "there is no share " + std::to_string(share)));
  const auto name = found->service;
  auto row = access_.remove(share);
  if (!row) return out_.done(id, std::unexpected(row.error()));
  clock_changed();
  rules_stored(now, id, name, {std::move(*row)}, true);
}

// Rules with terms are few and seldom turn: they are walked when one does, when one is added, and
// when the clock was set.
void Offering::turn_terms(const service::Asked& asked) {
  if (asked.now < terms_due_) return;
  std::set<std::uint64_t> hold, over;
  by_place_ = false;
  terms_due_ = std::numeric_limits<UnixTime>::max();
  for (const auto& rule : access_.list()) {
    if (!rule.terms) continue;
    by_place_ = by_place_ || rule.terms->from.has_value();
    const auto unmet = rule.terms->unmet(asked);
    const auto turn = unmet == service::Unmet::Ended ? rule.terms->until + service::kKeepEnded
                                                     : rule.terms->next_turn(asked);
    if (turn) terms_due_ = std::min(terms_due_, *turn);
    if (unmet == service::Unmet::None || unmet == service::Unmet::Place) hold.insert(rule.id);
    if (unmet != service::Unmet::Ended) continue;
    over.insert(rule.id);
    if (hold_.contains(rule.id))
      out_.event(ShareEnded{rule.id, rule.service, text_of_subject(members_, rule.subject)});
  }
  changed_ = changed_ || hold != hold_;
  hold_ = std::move(hold);
  over_ = std::move(over);
  out_.store(access_.forget_ended(asked.now));
}

std::optional<Instant> Offering::poll_timeout(const WallClock& clock) const {
  auto due = health_.poll_timeout();
  if (terms_due_ == std::numeric_limits<UnixTime>::max()) return due;
  // Not beyond a year away, so that no time overflows.
  const auto away = std::clamp<UnixTime>(terms_due_ - clock.unix_at_anchor, -kFarthest, kFarthest);
  const auto turn = clock.anchor + std::chrono::seconds(away);
  return due ? std::min(*due, turn) : turn;
}

void Offering::rules_stored(Instant now, CommandId id, const std::string& name,
                            std::vector<Row> rows, bool at_once, Outcome outcome) {
  if (at_once) changed_ = true;
  health_.look_if_bad(now, name);  // who may use it now wants to know
  auto finish = out_.done_when_stored(id, std::move(outcome));
  if (rows.empty()) return finish(now, {});
  out_.store(std::move(rows), [this, finish](Instant later, const Result<void>& stored) {
    changed_ = true;
    finish(later, stored);
  });
}

std::vector<Row> Offering::promise(const NodeId& joiner, const std::vector<std::string>& services) {
  std::vector<Row> rows;
  for (const auto& service : services)
    if (auto change = access_.add(true, Who::of(joiner), service))
      for (auto& row : change->rows) rows.push_back(std::move(row));
  return rows;
}

// What somebody removed was allowed goes: nothing is left that could be meant for another. What it
// was denied stays, unseen, for the day a removal turns out to be void: it lets nobody in.
void Offering::forget_removed() {
  std::vector<std::uint64_t> gone;
  for (const auto& rule : access_.list())
    if (rule.allow && rule.subject.kind == Who::Kind::Node &&
        roster_.state().is_removed(rule.subject.node))
      gone.push_back(rule.id);
  std::vector<Row> rows;
  for (const auto rule : gone)
    if (auto row = access_.remove(rule)) rows.push_back(std::move(*row));
  out_.store(std::move(rows));
}

Result<void> Offering::load(const Row& row) {
  return row.table == Table::Exposure ? registry_.load(row) : access_.load(row);
}

// ---- whether targets answer ---------------------------------------------------------------------

void Offering::look_at_all(Instant now) {
  for (const auto& exposure : registry_.list()) health_.look(now, exposure.name);
}

void Offering::target_did(Instant now, const std::string& service, Health health,
                          std::string_view detail) {
  if (registry_.find(service) != nullptr) health_.saw(now, service, health, detail);
}

void Offering::probed(Instant now, const std::string& service, Health health,
                      std::string_view detail) {
  if (health_.ended(service)) target_did(now, service, health, detail);
}

bool Offering::sweep(Instant now) {
  for (const auto& service : health_.due(now, access_))
    if (const auto* exposure = registry_.find(service)) out_.event(ProbeTarget{*exposure});
  return health_.take_news(now);
}

// ---- answers ------------------------------------------------------------------------------------

std::vector<service::ServiceLine> Offering::lines_for(Instant now, const NodeId& caller,
                                                      const service::Asked& asked) const {
  std::vector<service::ServiceLine> out;
  if (!may_expose()) return out;
  for (const auto& exposure : registry_.list()) {
    if (out.size() == service::kMaxServicesPerMessage) break;
    if (!decide(caller, exposure.name, asked).allowed) continue;
    service::ServiceLine line{exposure.name, std::string(service::name_of(exposure.protocol)),
                              exposure.target.port};
    const auto* known = health_.find(exposure.name);
    if (known != nullptr && known->health != Health::Unknown) {
      line.health = known->health;
      line.health_age_s = static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::seconds>(now - known->at).count());
    }
    out.push_back(std::move(line));
  }
  return out;
}

HealthView Offering::health(const std::string& service) const {
  const auto* known = health_.find(service);
  if (known == nullptr || known->health == Health::Unknown) return {};
  return {known->health, known->at, known->detail};
}

AccessView Offering::access(const std::string& service) const {
  AccessView out;
  std::vector<service::Rule> rules;
  for (const auto& rule : access_.list()) {
    if (rule.service != service && rule.service != "*") continue;
    // Kept should its node come back after all (forget_removed), and of no effect.
    if (rule.subject.kind == Who::Kind::Node && roster_.state().is_removed(rule.subject.node))
      continue;
    out.shared = out.shared || (rule.terms && !over_.contains(rule.id));
    if (rule.terms && !hold_.contains(rule.id)) continue;
    if (!rule.terms)
      (rule.allow ? out.allow : out.deny).push_back(text_of_subject(members_, rule.subject));
    rules.push_back(rule);
    rules.back().terms.reset();  // as far as time goes it holds
  }
  std::size_t looked_at = 0;
  for (const auto& [member, about] : roster_.state().members()) {
    if (rules.empty() || out.readers.size() == kMaxReaders || ++looked_at > kMaxLookedAt) break;
    if (member != members_.self() &&
        service::decide(rules, roster_, roster_.network(), member, service, {}).allowed)
      out.readers.push_back(about.name);
  }
  std::ranges::sort(out.readers);
  return out;
}

std::vector<ShareView> Offering::shares(UnixTime now) const {
  std::vector<ShareView> out;
  for (const auto& rule : access_.list())
    if (rule.terms)
      out.push_back({rule.id, rule.service, text_of_subject(members_, rule.subject), *rule.terms,
                     hold_.contains(rule.id), rule.terms->ended(now)});
  return out;
}

std::string Offering::who_text(std::optional<std::uint64_t> rule) const {
  const auto* found = rule ? access_.find(*rule) : nullptr;
  return found == nullptr ? std::string() : text_of_subject(members_, found->subject);
}

std::vector<std::string> Offering::denied_by(const std::string& service,
                                             const std::string& who) const {
  std::vector<std::string> out;
  const auto subject = subject_of(roster_, members_, who);
  if (!subject) return out;
  for (const auto& denied : access_.denying(*subject, service, roster_))
    out.push_back(text_of_subject(members_, denied));
  return out;
}

}  // namespace weft::overlay
