#include <algorithm>

#include "base/assert.hpp"
#include "base/label.hpp"
#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

namespace {

constexpr std::string_view kGroupPrefix = "group:";

}  // namespace

CommandId Overlay::remove_node(Instant now, const std::string& who) {
  const CommandId id = impl_->next_command();
  const auto node = find_node(who);
  if (!node) {
    impl_->done(id, std::unexpected(node.error()));
  } else if (*node == this->id()) {
    impl_->done(id, fail(Errc::Usage, "a node does not remove itself: it leaves"));
  } else {
    MemberOutcome outcome{*node, impl_->label(*node)};
    impl_->append_own(now, id, roster::RemovalBody{false, node->bytes}, std::move(outcome));
  }
  impl_->settle(now);
  return id;
}

CommandId Overlay::group_change(Instant now, const std::string& group, const std::string& node,
                                bool add) {
  const CommandId id = impl_->next_command();
  const auto member = find_node(node);
  const bool so =
      member && impl_->network->roster.in_group(impl_->network->id, *member, group) == add;
  if (!member)
    impl_->done(id, std::unexpected(member.error()));
  else if (so && impl_->roster_unstored())
    impl_->done(id, fail(Errc::Storage, "it is so, but not stored yet; try again soon"));
  else if (so && add)
    impl_->done(id, std::monostate{});
  else if (so)
    impl_->done(id, fail(Errc::NotFound, node + " is not in the group \"" + group + "\""));
  else
    impl_->append_own(now, id, roster::GroupBody{group, add, *member}, std::monostate{});
  impl_->settle(now);
  return id;
}

// ---- services
// ------------------------------------------------------------------------------------

namespace {

Result<service::Subject> subject_of(const Overlay& overlay, const std::string& who) {
  if (who == "*") return service::Subject::everyone();
  if (who.starts_with(kGroupPrefix)) {
    std::string group = who.substr(kGroupPrefix.size());
    if (group.empty()) return fail(Errc::Usage, "group: needs the group's name behind it");
    // A rule for a group that is none matches nobody, without a word, for ever.
    const auto groups = overlay.groups();
    if (is_label(group) &&
        std::ranges::find(groups, group, [](const auto& g) { return g.first; }) == groups.end())
      return fail(Errc::NotFound, "there is no group \"" + group + "\"");
    return service::Subject::of_group(std::move(group));
  }
  WEFT_TRY(const auto node, overlay.find_node(who));
  return service::Subject::of(node);
}

Result<std::vector<service::Subject>> subjects_of(const Overlay& overlay,
                                                  const std::vector<std::string>& who) {
  std::vector<service::Subject> subjects;
  for (const auto& one : who) {
    WEFT_TRY(auto subject, subject_of(overlay, one));
    subjects.push_back(std::move(subject));
  }
  return subjects;
}

}  // namespace

CommandId Overlay::expose(Instant now, service::Exposure exposure, std::vector<std::string> allow,
                          Wish wish) {
  const CommandId id = impl_->next_command();
  auto& network = impl_->network;
  impl_->attempt(now, id, [&]() -> Result<void> {
    WEFT_CHECK(impl_->in_network());
    if (!impl_->may_expose(this->id()))
      return fail(Errc::Denied, "this node has no right to expose services in this network");
    WEFT_TRY(auto subjects, subjects_of(*this, allow));
    const auto name = exposure.name;
    auto access = network->access;  // a copy: a rule refused half way leaves nothing behind
    const bool configured = wish == Wish::Configuration;
    std::vector<Row> rows;
    for (auto& subject : subjects) {
      if (configured && access.denies(subject, name)) continue;
      WEFT_TRY(auto change, access.add(true, std::move(subject), name));
      for (auto& rule : change.rows) rows.push_back(std::move(rule));
    }
    WEFT_TRY(auto row, configured ? network->registry.replace(std::move(exposure))
                                  : network->registry.add(std::move(exposure)));
    rows.push_back(std::move(row));
    network->access = std::move(access);
    impl_->persist(std::move(rows),
                   [this, name, finish = impl_->done_when_stored(id, std::monostate{})](
                       Instant later, const Result<void>& stored) {
                     impl_->rules_changed(later);
                     impl_->probe(later, name);
                     finish(later, stored);
                   });
    return {};
  });
  return id;
}

CommandId Overlay::unexpose(Instant now, const std::string& name) {
  const CommandId id = impl_->next_command();
  auto& network = impl_->network;
  impl_->attempt(now, id, [&]() -> Result<void> {
    WEFT_CHECK(impl_->in_network());
    WEFT_TRY(auto row, network->registry.remove(name));
    std::vector<Row> rows{std::move(row)};
    network->health.forget(name);
    for (auto& rule : network->access.remove_service(name)) rows.push_back(std::move(rule));
    impl_->rules_changed(now);  // withdrawing takes effect before it is stored
    impl_->persist(std::move(rows), impl_->done_when_stored(id, std::monostate{}));
    return {};
  });
  return id;
}

CommandId Overlay::set_access(Instant now, const std::string& name,
                              const std::vector<std::string>& who, bool allow) {
  const CommandId id = impl_->next_command();
  auto& network = impl_->network;
  impl_->attempt(now, id, [&]() -> Result<void> {
    WEFT_CHECK(impl_->in_network());
    if (network->registry.find(name) == nullptr)
      return fail(Errc::NotFound, "this node exposes no service \"" + name + "\"");
    WEFT_TRY(auto subjects, subjects_of(*this, who));
    auto access = network->access;  // a copy: a rule refused half way leaves nothing behind
    std::vector<Row> rows;
    for (auto& subject : subjects) {
      WEFT_TRY(auto change, access.add(allow, std::move(subject), name));
      for (auto& row : change.rows) rows.push_back(std::move(row));
    }
    network->access = std::move(access);
    impl_->rules_stored(now, id, name, std::move(rows), !allow);
    return {};
  });
  return id;
}

CommandId Overlay::reset_access(Instant now, const std::string& name,
                                const std::vector<std::string>& who) {
  const CommandId id = impl_->next_command();
  auto& network = impl_->network;
  impl_->attempt(now, id, [&]() -> Result<void> {
    WEFT_CHECK(impl_->in_network());
    if (network->registry.find(name) == nullptr)
      return fail(Errc::NotFound, "this node exposes no service \"" + name + "\"");
    std::vector<Row> rows;
    if (who.empty()) {
      rows = network->access.remove_service(name);
    } else {
      std::vector<service::Subject> subjects;
      for (const auto& one : who) {
        const bool group = one.starts_with(kGroupPrefix);  // it may be gone, its rule is not
        auto subject = group ? service::Subject::of_group(one.substr(kGroupPrefix.size()))
                             : subject_of(*this, one);
        if (!subject) return std::unexpected(subject.error());
        subjects.push_back(std::move(*subject));
      }
      WEFT_TRY(rows, network->access.forget(subjects, name));
    }
    impl_->rules_stored(now, id, name, std::move(rows), true);
    return {};
  });
  return id;
}

// What takes a permission away has effect before it is stored.
void Overlay::Impl::rules_stored(Instant now, CommandId id, const std::string& name,
                                 std::vector<Row> rows, bool at_once) {
  if (at_once) rules_changed(now);
  network->health.look_if_bad(now, name);  // who may use it now wants to know
  auto finish = done_when_stored(id, std::monostate{});
  if (rows.empty()) return finish(now, {});
  persist(std::move(rows), [this, finish](Instant later, const Result<void>& stored) {
    rules_changed(later);
    finish(later, stored);
  });
}

std::vector<std::string> Overlay::denied_by(const std::string& service,
                                            const std::string& who) const {
  std::vector<std::string> out;
  const auto subject = subject_of(*this, who);
  if (!subject) return out;
  for (const auto& denied :
       impl_->network->access.denying(*subject, service, impl_->network->roster))
    out.push_back(impl_->who_text(denied));
  return out;
}

CommandId Overlay::add_mapping(Instant now, service::Mapping mapping) {
  const CommandId id = impl_->next_command();
  auto& network = impl_->network;
  impl_->attempt(now, id, [&]() -> Result<void> {
    WEFT_CHECK(impl_->in_network());
    WEFT_TRY(auto change, network->doors.add(std::move(mapping)));
    MappingOutcome outcome{change.mapping};
    if (!change.row) {
      impl_->done(id, std::move(outcome));
      return {};
    }
    // Kept or refused: its door is installed with the answer, and a mapping without one is none.
    impl_->persist(
        {std::move(*change.row)},
        [this, id, outcome = std::move(outcome)](Instant, const Result<void>& stored) {
          if (stored) return impl_->done(id, outcome);
          if (impl_->network) std::ignore = impl_->network->doors.remove(outcome.mapping.id);
          impl_->done(id, std::unexpected(stored.error()));
        },
        Again::Never);
    return {};
  });
  return id;
}

CommandId Overlay::remove_mapping(Instant now, std::uint64_t mapping) {
  const CommandId id = impl_->next_command();
  auto& network = impl_->network;
  impl_->attempt(now, id, [&]() -> Result<void> {
    WEFT_CHECK(impl_->in_network());
    WEFT_TRY(auto change, network->doors.remove(mapping));
    MappingOutcome outcome{change.mapping};
    if (change.row)
      impl_->persist({std::move(*change.row)}, impl_->done_when_stored(id, std::move(outcome)));
    else
      impl_->done(id, std::move(outcome));
    return {};
  });
  return id;
}

}  // namespace weft::overlay
