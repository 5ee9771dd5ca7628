#include "overlay/service/access.hpp"

#include <algorithm>

#include "base/label.hpp"
#include "base/wire.hpp"

namespace weft::service {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kVersionWithTerms = 2;
constexpr std::size_t kElements = 6;
constexpr std::size_t kElementsWithTerms = 9;
constexpr std::string_view kAll = "*";

bool covers(const Subject& subject, const TrustView& trust, const NetworkId& network,
            const NodeId& who) {
  switch (subject.kind) {
    case Subject::Kind::Node:
      return subject.node == who;
    case Subject::Kind::Group:
      return trust.in_group(network, who, subject.group);
    case Subject::Kind::Everyone:
      return true;
  }
  return false;
}

Bytes key_of(std::uint64_t id) {
  Bytes key;
  append_be(key, id);
  return key;
}

}  // namespace

Bytes Rule::encode() const {
  wire::Writer out;
  out.array(terms ? kElementsWithTerms : kElements);
  out.uint(terms ? kVersionWithTerms : kVersion).uint(id).boolean(allow);
  out.uint(static_cast<std::uint64_t>(subject.kind));
  switch (subject.kind) {
    case Subject::Kind::Node:
      out.bin(subject.node.view());
      break;
    case Subject::Kind::Group:
      out.str(subject.group);
      break;
    case Subject::Kind::Everyone:
      out.nil();
      break;
  }
  out.str(service);
  if (terms) terms->encode(out);
  return out.take();
}

Result<Rule> Rule::decode(ByteView bytes) {
  auto in = wire::Reader::canonical(bytes);
  WEFT_TRY(const auto count, in.array(kElementsWithTerms));
  WEFT_TRY(const auto version, in.uint());
  if (version != kVersion && version != kVersionWithTerms)
    return fail(Errc::Unsupported, "stored rule of a newer version");
  if (count != (version == kVersion ? kElements : kElementsWithTerms))
    return fail(Errc::Malformed, "stored rule");
  Rule rule;
  WEFT_TRY(rule.id, in.uint());
  WEFT_TRY(rule.allow, in.boolean());
  WEFT_TRY(const auto kind, in.uint());
  if (kind > 2) return fail(Errc::Unsupported, "stored rule's subject");
  rule.subject.kind = static_cast<Subject::Kind>(kind);
  if (rule.subject.kind == Subject::Kind::Node) {
    WEFT_TRY(rule.subject.node.bytes, in.fixed<32>());
  } else if (rule.subject.kind == Subject::Kind::Group) {
    WEFT_TRY(const auto group, in.str(kMaxLabel));
    rule.subject.group = std::string(group);
  } else {
    WEFT_CHECK(in.nil());
  }
  WEFT_TRY(const auto service, in.str(kMaxLabel));
  rule.service = std::string(service);
  if (version == kVersionWithTerms) {
    WEFT_TRY(rule.terms, Terms::decode(in));
    if (!rule.allow) return fail(Errc::Malformed, "stored rule: a denial with terms");
  }
  WEFT_CHECK(in.finish());
  return rule;
}

Decision decide(std::span<const Rule> rules, const TrustView& trust, const NetworkId& network,
                const NodeId& who, const std::string& service, const Asked& asked) {
  if (trust.verdict(network, who, asked.now) != Verdict::Member) return {};
  Decision decision;
  for (const auto& rule : rules) {
    if (rule.service != kAll && rule.service != service) continue;
    if (!covers(rule.subject, trust, network, who)) continue;
    if (!rule.allow) return {false, rule.id};
    if (decision.allowed) continue;
    const auto unmet = rule.terms ? rule.terms->unmet(asked) : Unmet::None;
    decision = {unmet == Unmet::None, rule.id, unmet};
  }
  return decision;
}

Result<void> AccessTable::check(const Subject& subject, const std::string& service) {
  if (service != kAll && !is_label(service))
    return fail(Errc::Usage, "a service name is 1 to 63 of a-z, 0-9 and -, or * for all");
  if (subject.kind == Subject::Kind::Group && !is_label(subject.group))
    return fail(Errc::Usage, "a group name is 1 to 63 of a-z, 0-9 and -");
  return {};
}

Result<AccessTable::Change> AccessTable::add(bool allow, Subject subject, std::string service) {
  WEFT_CHECK(check(subject, service));
  const auto same = std::ranges::find_if(rules_, [&](const Rule& rule) {
    return rule.subject == subject && rule.service == service && !rule.terms;
  });
  if (same != rules_.end()) {
    same->allow = allow;
    return Change{*same, {row_of(*same)}};
  }
  if (rules_.size() >= kMaxRules) return fail(Errc::Limit, "4096 access rules");
  rules_.push_back({next_id_++, allow, std::move(subject), std::move(service)});
  return Change{rules_.back(), {row_of(rules_.back())}};
}

Result<AccessTable::Change> AccessTable::share(Subject subject, std::string service,
                                               const Terms& terms) {
  WEFT_CHECK(check(subject, service));
  const auto same = std::ranges::find_if(rules_, [&](const Rule& rule) {
    return rule.subject == subject && rule.service == service && rule.terms &&
           rule.terms->hours == terms.hours && rule.terms->from == terms.from;
  });
  if (same != rules_.end()) {
    same->terms = terms;
    return Change{*same, {row_of(*same)}};
  }
  if (rules_.size() >= kMaxRules) return fail(Errc::Limit, "4096 access rules");
  rules_.push_back({next_id_++, true, std::move(subject), std::move(service), terms});
  return Change{rules_.back(), {row_of(rules_.back())}};
}

std::vector<Row> AccessTable::forget_ended(UnixTime now) {
  std::vector<Row> rows;
  std::erase_if(rules_, [&](const Rule& rule) {
    if (!rule.terms || !rule.terms->ended(now - kKeepEnded)) return false;
    rows.push_back(row_without(rule.id));
    return true;
  });
  return rows;
}

Result<Row> AccessTable::remove(std::uint64_t id) {
  if (std::erase_if(rules_, [&](const Rule& rule) { return rule.id == id; }) == 0)
    return fail(Errc::NotFound, "no such rule");
  return row_without(id);
}

bool AccessTable::denies(const Subject& subject, const std::string& service) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    return !rule.allow && rule.subject == subject && rule.service == service;
  });
}

Result<std::vector<Row>> AccessTable::forget(const std::vector<Subject>& subjects,
                                             const std::string& service) {
  std::vector<Row> rows;
  auto left = rules_;
  for (const auto& subject : subjects) {
    const auto before = rows.size();
    std::erase_if(left, [&](const Rule& rule) {
      if (rule.subject != subject || rule.service != service) return false;
      rows.push_back(row_without(rule.id));
      return true;
    });
    if (rows.size() == before) return fail(Errc::NotFound, "there is no such rule of " + service);
  }
  rules_ = std::move(left);
  return rows;
}

std::vector<Subject> AccessTable::denying(const Subject& subject, const std::string& service,
                                          const TrustView& trust) const {
  std::vector<Subject> out;
  for (const auto& rule : rules_) {
    if (rule.allow || (rule.service != service && rule.service != kAll)) continue;
    const bool all = rule.subject.kind == Subject::Kind::Everyone;
    const bool node =
        subject.kind == Subject::Kind::Node && covers(rule.subject, trust, network_, subject.node);
    if (all || node || rule.subject == subject) out.push_back(rule.subject);
  }
  return out;
}

bool AccessTable::lets_in_somebody(const std::string& service) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    return rule.allow && (rule.service == kAll || rule.service == service);
  });
}

const Rule* AccessTable::find(std::uint64_t id) const {
  const auto at = std::ranges::lower_bound(rules_, id, {}, &Rule::id);
  return at != rules_.end() && at->id == id ? &*at : nullptr;
}

std::vector<Row> AccessTable::remove_service(const std::string& service) {
  std::vector<Row> rows;
  std::erase_if(rules_, [&](const Rule& rule) {
    if (rule.service != service) return false;
    rows.push_back(row_without(rule.id));
    return true;
  });
  return rows;
}

Result<void> AccessTable::load(const Row& row) {
  if (row.table != Table::Access || row.network != network_ || !row.value) return {};
  WEFT_TRY(auto rule, Rule::decode(*row.value));
  if (row.key != key_of(rule.id)) return fail(Errc::Malformed, "stored rule under another id");
  if (rule.id >= UINT64_MAX) return fail(Errc::Malformed, "stored rule's id");
  next_id_ = std::max(next_id_, rule.id + 1);
  const auto at = std::ranges::lower_bound(rules_, rule.id, {}, &Rule::id);
  if (at != rules_.end() && at->id == rule.id)
    *at = std::move(rule);
  else
    rules_.insert(at, std::move(rule));
  return {};
}

Row AccessTable::row_of(const Rule& rule) const {
  return {Table::Access, network_, key_of(rule.id), rule.encode()};
}

Row AccessTable::row_without(std::uint64_t id) const {
  return {Table::Access, network_, key_of(id), std::nullopt};
}

}  // namespace weft::service
