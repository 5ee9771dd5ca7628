#include "overlay/members/members.hpp"

#include <algorithm>

#include "base/label.hpp"
#include "overlay/control_message.hpp"
#include "overlay/links/links.hpp"
#include "overlay/peers/peer_table.hpp"

namespace weft::overlay {

namespace {

constexpr TypeRange kControls[] = {{16, 16}};  // Leave

struct Right {
  std::string_view name;
  roster::MayFlags flag;
};
constexpr Right kRights[] = {
    {"expose", roster::kMayExpose}, {"relay", roster::kMayRelay}, {"admin", roster::kMayAdmin}};

const auto kNotStored = fail(Errc::Storage, "it is so, but not stored yet; try again soon");

}  // namespace

Result<roster::MayFlags> may_flags(const std::vector<std::string>& may) {
  roster::MayFlags flags = 0;
  for (const auto& word : may) {
    const auto* right = std::ranges::find(kRights, word, &Right::name);
    if (right == std::end(kRights))
      return fail(Errc::Usage, "\"" + word + "\" is none of expose, relay, admin");
    flags |= right->flag;
  }
  return flags;
}

std::vector<std::string> may_words(roster::MayFlags flags) {
  std::vector<std::string> out;
  for (const auto& right : kRights)
    if ((flags & right.flag) != 0) out.emplace_back(right.name);
  return out;
}

Interests Members::interests() const { return {.controls = kControls}; }

// ---- changes ------------------------------------------------------------------------------------

void Members::sign(CommandId id, roster::Body body, Outcome outcome) {
  put(Sign{std::move(body),
           [this, id, outcome = std::move(outcome)](Instant, const Result<void>& result) {
             if (id == 0) return;
             if (result) return done(id, outcome);
             done(id, std::unexpected(result.error()));
           }});
}

void Members::remove(CommandId id, const std::string& who) {
  const auto node = find(who);
  if (!node) return done(id, std::unexpected(node.error()));
  if (*node == beside_.self())
    return done(id, fail(Errc::Usage, "a node does not remove itself: it leaves"));
  sign(id, roster::RemovalBody{false, node->bytes}, MemberOutcome{*node, label(*node)});
}

void Members::change(CommandId id, roster::NodeBody body) {
  const NodeId node = node_id_of(body.identity);
  const auto* member = beside_.roster.member(node);
  MemberOutcome outcome{node, body.name};
  if (member->name != body.name || member->may != body.may)
    return sign(id, std::move(body), std::move(outcome));
  if (sync_.unstored()) return done(id, kNotStored);
  done(id, std::move(outcome));
}

void Members::change_rights(CommandId id, const std::string& who,
                            const std::vector<std::string>& rights, bool give) {
  const auto node = find(who);
  if (!node) return done(id, std::unexpected(node.error()));
  const auto flags = may_flags(rights);
  if (!flags) return done(id, std::unexpected(flags.error()));
  const auto& member = *beside_.roster.member(*node);
  if (!give && (*flags & roster::kMayAdmin) != 0 &&
      member.identity == beside_.roster.state().genesis().node_key)
    return done(id, fail(Errc::Denied, member.name + " founded this network and stays its admin"));
  const auto may = give ? member.may | *flags : member.may & ~*flags;
  change(id, {member.identity, member.name, member.owner, may});
}

void Members::rename(CommandId id, const std::string& who, const std::string& name) {
  const auto node = find(who);
  if (!node) return done(id, std::unexpected(node.error()));
  if (!is_label(name))
    return done(id, fail(Errc::Usage, "a node's name is 1 to 63 of a-z, 0-9 and -"));
  const auto& roster = beside_.roster;
  const auto& member = *roster.member(*node);
  if (const auto named = roster.node_named(beside_.network(), name); named && *named != *node)
    return done(id,
                fail(Errc::AlreadyExists, "the name \"" + name + "\" is taken in this network"));
  change(id, {member.identity, name, member.owner, member.may});
}

void Members::group_change(CommandId id, const std::string& group, const std::string& node,
                           bool add) {
  const auto member = find(node);
  if (!member) return done(id, std::unexpected(member.error()));
  if (beside_.roster.in_group(beside_.network(), *member, group) != add)
    return sign(id, roster::GroupBody{group, add, *member}, std::monostate{});
  if (sync_.unstored()) return done(id, kNotStored);
  if (add) return done(id, std::monostate{});
  done(id, fail(Errc::NotFound, node + " is not in the group \"" + group + "\""));
}

// ---- leaving ------------------------------------------------------------------------------------

Result<void> Members::may_leave() const {
  if (leaving_) return fail(Errc::Busy, "a join or a leave is under way");
  if (beside_.roster.members().size() == 1)
    return fail(Errc::Conflict, "this node is alone in its network: there is nobody to leave");
  if (signs() && admins().empty())
    return fail(Errc::Conflict,
                "this node is the only admin: without it nobody could invite or remove any more");
  return {};
}

void Members::leave(Instant now, CommandId id, Duration within, bool only) {
  const auto& roster = beside_.roster;
  const bool alone = roster.members().size() == 1;
  if (roster.member(beside_.self()) == nullptr || (alone && !only)) {
    gone_ = true;
    return done(id, LeaveOutcome{roster.network_name(), true, {}});
  }
  if (const auto may = may_leave(); !may) return done(id, std::unexpected(may.error()));
  leaving_ = Leaving{id, now + within, now, {}, signs()};
  for (const auto& member : roster.members())
    if (member.id != beside_.self() && administers(member)) put(Want{member.id, true});
  if (!leaving_->signed_here) return ask_to_leave(now);
  // The person's right goes first, while this node is still heard: who leaves must not be able to
  // sign from outside.
  const auto& config = beside_.config;
  const auto person = config.person ? config.person->public_key : IdentityKey{};
  if (const auto at = roster.state().persons().find(person);
      roster.may_sign(person) && at != roster.state().persons().end())
    sign(0, roster::PersonBody{person, at->second.name, 0}, std::monostate{});
  sign(0, roster::RemovalBody{false, beside_.self().bytes}, std::monostate{});
  leaving_->next_ask = leaving_->deadline;
}

void Members::ask_to_leave(Instant now) {
  leaving_->next_ask = std::min(now + kAskPause, leaving_->deadline);
  for (const auto session : open_) {
    const auto* up = beside_.links.find(session);
    const auto* member = up == nullptr ? nullptr : beside_.roster.member(up->peer);
    if (member == nullptr || !administers(*member)) continue;
    if (!leaving_->asked.insert(up->peer).second) continue;
    leaving_->next_ask = std::min(now + kAskAnother, leaving_->deadline);
    return put(Say{session, encode(Leave{})});
  }
}

Result<void> Members::handle_control(Instant, const ControlIn& in) {
  WEFT_TRY(const auto message, decode_control(in.body));
  if (!std::holds_alternative<Leave>(message)) return {};
  const NodeId& peer = in.from.peer;
  if (beside_.roster.member(peer) == nullptr || !signs()) return {};  // it asks another
  notice(Notice::Level::Info, label(peer) + " leaves the network");
  sign(0, roster::RemovalBody{false, peer.bytes}, std::monostate{});
  return {};
}

void Members::handle_session(Instant now, const SessionNews& news) {
  if (const auto* open = std::get_if<LinkOpen>(&news)) {
    open_.insert(open->session);
    if (leaving_ && !leaving_->signed_here && leaving_->next_ask > now)
      leaving_->next_ask = std::min(leaving_->next_ask, now + kAskPause);
  } else if (const auto* down = std::get_if<session::SessionDown>(&news)) {
    open_.erase(down->session);
    if (leaving_ && leaving_->signed_here && down->reason == session::CloseReason::RemovedByPeer)
      left(true);
  }
}

void Members::handle_roster(Instant now, const RosterNews&) {
  const bool out =
      beside_.roster.verdict(beside_.network(), beside_.self(), wall(now)) == Verdict::Removed;
  if (out && leaving_ && !leaving_->signed_here) left(true);
}

void Members::settle() {
  if (leaving_ && leaving_->signed_here && sync_.head_is_known()) left(true);
}

void Members::handle_timeout(Instant now) {
  if (leaving_ && leaving_->deadline <= now) left(false);
  if (leaving_ && leaving_->next_ask <= now) ask_to_leave(now);
}

std::optional<Instant> Members::poll_timeout() const {
  if (!leaving_) return std::nullopt;
  return std::min(leaving_->deadline, leaving_->next_ask);
}

void Members::left(bool told) {
  const CommandId command = leaving_->command;
  leaving_.reset();
  gone_ = true;
  done(command, LeaveOutcome{beside_.roster.network_name(), told, admins()});
}

// ---- views --------------------------------------------------------------------------------------

std::string Members::name() const {
  return beside_.roster.name_of(beside_.network(), beside_.self()).value_or("");
}

std::string Members::role() const {
  if (beside_.roster.member(beside_.self()) == nullptr) return "none";
  return signs() ? "admin" : "member";
}

bool Members::signs() const {
  const auto& config = beside_.config;
  return beside_.roster.may_sign(config.identity.public_key()) ||
         (config.person && beside_.roster.may_sign(config.person->public_key));
}

// The founder's node has the founder's key beside its own.
bool Members::administers(const roster::Member& member) const {
  const auto& state = beside_.roster.state();
  return (member.may & roster::kMayAdmin) != 0 ||
         (member.identity == state.genesis().node_key &&
          beside_.roster.may_sign(state.genesis().person_key));
}

std::vector<std::string> Members::admins() const {
  std::vector<std::string> out;
  for (const auto& member : beside_.roster.members())
    if (member.id != beside_.self() && administers(member)) out.push_back(member.name);
  return out;
}

std::vector<MemberView> Members::view() const {
  std::vector<MemberView> out;
  for (const auto& member : beside_.roster.members()) {
    MemberView view;
    view.id = member.id;
    view.name = member.name;
    view.state = "away";
    view.joined = member.since;
    view.admin = administers(member);
    view.may = may_words(member.may);
    const Peer* peer = beside_.peers.find(member.id);
    if (peer != nullptr && peer->changed) view.since = wall(*peer->changed);
    if (member.id == beside_.self()) {
      view.state = "self";
      view.since = wall(born_);
    }
    if (peer != nullptr && peer->is_up()) {
      view.state = "alive";
      if (const auto info = beside_.sessions.info(*peer->preferred)) view.rtt = info->smoothed_rtt;
    }
    out.push_back(std::move(view));
  }
  return out;
}

std::vector<std::pair<std::string, std::vector<std::string>>> Members::groups() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  for (const auto& [group, nodes] : beside_.roster.state().groups()) {
    std::vector<std::string> names;
    for (const auto& node : nodes) names.push_back(label(node));
    std::ranges::sort(names);
    out.emplace_back(group, std::move(names));
  }
  return out;
}

}  // namespace weft::overlay
