// People and what they may do: tickets, rights, names, and the way out.
#include <algorithm>

#include "base/assert.hpp"
#include "base/label.hpp"
#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

namespace {

struct Right {
  std::string_view name;
  roster::MayFlags flag;
};
constexpr Right kRights[] = {
    {"expose", roster::kMayExpose}, {"relay", roster::kMayRelay}, {"admin", roster::kMayAdmin}};

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

}  // namespace

std::string list_of(const std::vector<Endpoint>& endpoints) {
  std::string out;
  for (const auto& endpoint : endpoints) out += (out.empty() ? "" : ", ") + to_text(endpoint);
  return out.empty() ? "no address" : out;
}

std::string clocks_apart(UnixTime ours, std::uint64_t theirs) {
  constexpr std::uint64_t kFarFuture = std::uint64_t{1} << 40;
  if (theirs == 0 || theirs > kFarFuture) return {};
  const UnixTime by = ours - static_cast<UnixTime>(theirs);
  return by > kClockSkew || by < -kClockSkew ? off_by(by) : std::string();
}

std::string off_by(std::int64_t seconds) {
  const auto far = seconds < 0 ? -seconds : seconds;
  std::string size = std::to_string(far / 60) + " min";
  if (far >= 2 * 3600) size = std::to_string(far / 3600) + " h";
  if (far >= 2 * 86400) size = std::to_string(far / 86400) + " days";
  return size + (seconds > 0 ? " ahead" : " behind");
}

// ---- who is who
// ----------------------------------------------------------------------------------

// The id first: a node called like another's id, or like what is printed of it, must not take its
// place.
Result<NodeId> Overlay::Impl::find_node(const std::string& who) const {
  WEFT_CHECK(in_network());
  return network->members.find(who);
}

Result<NodeId> Overlay::find_node(const std::string& who) const { return impl_->find_node(who); }

bool Overlay::Impl::signs() const {
  const auto& roster = network->roster;
  return roster.may_sign(config.identity.public_key()) ||
         (config.person && roster.may_sign(config.person->public_key));
}

// The founder's node has the founder's key beside its own.
bool Overlay::Impl::administers(const roster::Member& member) const {
  const auto& state = network->roster.state();
  return (member.may & roster::kMayAdmin) != 0 ||
         (member.identity == state.genesis().node_key &&
          network->roster.may_sign(state.genesis().person_key));
}

std::vector<std::string> Overlay::Impl::admins() const {
  std::vector<std::string> out;
  for (const auto& member : network->roster.members())
    if (member.id != config.identity.id && administers(member)) out.push_back(member.name);
  return out;
}

std::vector<MemberView> Overlay::members() const {
  std::vector<MemberView> out;
  if (!impl_->network) return out;
  for (const auto& member : impl_->network->roster.members()) {
    MemberView view;
    view.id = member.id;
    view.name = member.name;
    view.state = "away";
    view.joined = member.since;
    view.admin = impl_->administers(member);
    view.may = may_words(member.may);
    const Peer* peer = impl_->network->peers.find(member.id);
    if (peer != nullptr && peer->changed) view.since = impl_->unix_now(*peer->changed);
    if (member.id == id()) {
      view.state = "self";
      view.since = impl_->unix_now(impl_->born);
    }
    if (peer != nullptr && peer->is_up()) {
      view.state = "alive";
      if (const auto info = impl_->sessions.info(*peer->preferred)) view.rtt = info->smoothed_rtt;
    }
    out.push_back(std::move(view));
  }
  return out;
}

// ---- clocks
// --------------------------------------------------------------------------------------

void Overlay::Impl::on(Instant, const session::ClockDiffers& e) {
  if (!network || network->id != e.network) return;
  const std::string off =
      " clock is " + off_by(e.ahead) + " of this machine's, and one of the two is wrong";
  if (network->roster.member(e.peer) == nullptr) {
    if (network->open_to_joiners)
      notice(Notice::Level::Warning, "a node that wants to join: its" + off);
    return;
  }
  const bool news =
      network->clocks_off.insert_or_assign(e.peer, Network::ClockOff{e.session, e.ahead}).second;
  if (news) notice(Notice::Level::Warning, label(e.peer) + "'s" + off);
}

// A session that came up without such a word is a clock set right.
void Overlay::Impl::clock_seems_right(const session::SessionUp& e) {
  const auto known = network->clocks_off.find(e.peer);
  if (known != network->clocks_off.end() && known->second.session != e.session)
    network->clocks_off.erase(known);
}

bool Overlay::Impl::join_failed_by_clock(Instant now, const session::SessionDown& e) {
  const auto ahead = e.clock_ahead.value_or(0);
  if (e.reason != session::CloseReason::HandshakeFailed ||
      (ahead <= kClockSkew && ahead >= -kClockSkew))
    return false;
  abort_join(now,
             {Errc::NotYetValid, "this machine's clock is " + off_by(-ahead) +
                                     " of the inviting node's, and one of the two is wrong"},
             Refusal::Clock);
  return true;
}

std::vector<std::pair<std::string, std::string>> Overlay::clocks_off() const {
  std::vector<std::pair<std::string, std::string>> out;
  if (!impl_->network) return out;
  for (const auto& [node, clock] : impl_->network->clocks_off)
    if (impl_->network->roster.member(node) != nullptr)
      out.emplace_back(impl_->label(node), off_by(clock.ahead));
  std::ranges::sort(out);
  return out;
}

// ---- tickets
// -------------------------------------------------------------------------------------

CommandId Overlay::invite(Instant now, const std::string& name, std::vector<std::string> may,
                          std::vector<std::string> allow, Duration ttl) {
  const CommandId id = impl_->next_command();
  auto& network = impl_->network;
  impl_->attempt(now, id, [&]() -> Result<void> {
    WEFT_CHECK(impl_->in_roster());
    WEFT_TRY(const auto flags, may_flags(may));
    if (role() != "admin")
      return fail(Errc::Denied, "only an admin invites, and this node is none");
    if (network->roster.node_named(network->id, name))
      return fail(Errc::AlreadyExists, "the name \"" + name + "\" is taken in this network");
    const UnixTime wall = impl_->unix_now(now);
    const auto life = std::chrono::duration_cast<std::chrono::seconds>(ttl).count();
    WEFT_TRY(auto issued, network->tickets.issue(impl_->rng, name, allow, flags, life, wall));
    roster::Ticket ticket;
    ticket.network = network->id;
    ticket.network_secret = network->roster.network_secret();
    ticket.inviter = impl_->config.identity.public_key();
    ticket.inviter_static = network->credential.key.public_key;
    ticket.addresses = udp_addresses(impl_->config.listen_endpoints);
    if (ticket.addresses.size() > roster::kMaxTicketAddresses)
      ticket.addresses.resize(roster::kMaxTicketAddresses);
    ticket.name = name;
    ticket.id = issued.invite.id;
    ticket.secret = issued.invite.secret;
    ticket.expires = issued.invite.expires;
    impl_->push_context(now);
    impl_->persist(
        std::move(issued.rows),
        impl_->done_when_stored(id, InviteOutcome{name, ticket.to_text(), ticket.expires}));
    return {};
  });
  return id;
}

CommandId Overlay::cancel_invite(Instant now, const std::string& who) {
  const CommandId id = impl_->next_command();
  auto& network = impl_->network;
  impl_->attempt(now, id, [&]() -> Result<void> {
    WEFT_CHECK(impl_->in_network());
    WEFT_TRY(auto cancelled, network->tickets.cancel(who, impl_->unix_now(now)));
    impl_->push_context(now);
    const auto& invite = cancelled.invite;
    impl_->persist({std::move(cancelled.row)},
                   impl_->done_when_stored(id, InviteOutcome{invite.name, {}, invite.expires}));
    return {};
  });
  return id;
}

std::vector<InviteView> Overlay::invites(Instant now) const {
  std::vector<InviteView> out;
  if (!impl_->network) return out;
  for (const auto& invite : impl_->network->tickets.live(impl_->unix_now(now)))
    out.push_back(
        {to_hex(invite.id), invite.name, invite.expires, may_words(invite.may), invite.allow});
  return out;
}

CommandId Overlay::join(Instant now, const std::string& ticket_text,
                        std::optional<Duration> within) {
  const CommandId id = impl_->next_command();
  const auto refuse = [&](Errc code, const char* why, Refusal refusal) {
    impl_->done(id, fail(code, why), refusal);
    return Result<void>();
  };
  impl_->attempt(now, id, [&]() -> Result<void> {
    WEFT_TRY(auto ticket, roster::Ticket::from_text(ticket_text));
    const bool removed = role() == "none" && impl_->network;
    if (removed && impl_->network->id == ticket.network && !this->removed())
      return fail(Errc::Conflict,
                  "this node was let in, but another admin's change came first: it "
                  "is let in again when its inviter meets the others");
    if (impl_->network && impl_->network->id == ticket.network)
      return removed ? refuse(Errc::Denied, kRemovedStaysOut, Refusal::Removed)
                     : refuse(Errc::AlreadyExists, "this node is already in that network",
                              Refusal::Here);
    if (impl_->network && impl_->network->roster.members().size() > 1 && !removed)
      return refuse(Errc::Conflict, "this node is in a network with others already",
                    Refusal::Elsewhere);
    // Expired by our clock is asked all the same, for a moment: the inviter's clock decides, and
    // who of the two is wrong can be told only by both.
    auto limit = within.value_or(impl_->config.join_timeout);
    if (ticket.expires <= impl_->unix_now(now)) limit = std::min(limit, kAskExpired);
    impl_->start_join(now, id, std::move(ticket), limit);
    return {};
  });
  return id;
}

// ---- rights and names
// ----------------------------------------------------------------------------

void Overlay::Impl::change_member(Instant now, CommandId id, roster::NodeBody body) {
  const NodeId node = node_id_of(body.identity);
  const auto* member = network->roster.member(node);
  MemberOutcome outcome{node, body.name};
  if (member->name != body.name || member->may != body.may)
    return append_own(now, id, body, std::move(outcome));
  if (roster_unstored())
    return done(id, fail(Errc::Storage, "it is so, but not stored yet; try again soon"));
  done(id, std::move(outcome));
}

CommandId Overlay::change_rights(Instant now, const std::string& who,
                                 const std::vector<std::string>& rights, bool give) {
  const CommandId id = impl_->next_command();
  impl_->attempt(now, id, [&]() -> Result<void> {
    WEFT_TRY(const auto node, find_node(who));
    WEFT_TRY(const auto flags, may_flags(rights));
    const auto& roster = impl_->network->roster;
    const auto& member = *roster.member(node);
    if (!give && (flags & roster::kMayAdmin) != 0 &&
        member.identity == roster.state().genesis().node_key)
      return fail(Errc::Denied, member.name + " founded this network and stays its admin");
    const auto may = give ? member.may | flags : member.may & ~flags;
    impl_->change_member(now, id, {member.identity, member.name, member.owner, may});
    return {};
  });
  return id;
}

CommandId Overlay::rename_node(Instant now, const std::string& who, const std::string& name) {
  const CommandId id = impl_->next_command();
  impl_->attempt(now, id, [&]() -> Result<void> {
    WEFT_TRY(const auto node, find_node(who));
    if (!is_label(name)) return fail(Errc::Usage, "a node's name is 1 to 63 of a-z, 0-9 and -");
    const auto& roster = impl_->network->roster;
    const auto& member = *roster.member(node);
    if (const auto named = roster.node_named(impl_->network->id, name); named && *named != node)
      return fail(Errc::AlreadyExists, "the name \"" + name + "\" is taken in this network");
    impl_->change_member(now, id, {member.identity, name, member.owner, member.may});
    return {};
  });
  return id;
}

// What somebody removed was allowed goes: nothing is left that could be meant for another. What it
// was denied stays, unseen, for the day a removal turns out to be void: it lets nobody in.
void Overlay::Impl::forget_rules_of_removed() {
  std::vector<std::uint64_t> gone;
  for (const auto& rule : network->access.list())
    if (rule.allow && rule.subject.kind == service::Subject::Kind::Node &&
        network->roster.state().is_removed(rule.subject.node))
      gone.push_back(rule.id);
  std::vector<Row> rows;
  for (const auto rule : gone)
    if (auto row = network->access.remove(rule)) rows.push_back(std::move(*row));
  persist_quietly(std::move(rows));
}

// ---- leaving
// -------------------------------------------------------------------------------------

CommandId Overlay::leave(Instant now, Duration within) {
  const CommandId id = impl_->next_command();
  auto& impl = *impl_;
  impl.attempt(now, id, [&]() -> Result<void> {
    WEFT_CHECK(impl.in_network());
    if (impl.joining || impl.leaving) return fail(Errc::Busy, "a join or a leave is under way");
    auto& roster = impl.network->roster;
    const auto* self = roster.member(this->id());
    if (self == nullptr) {
      impl.done(id, LeaveOutcome{network_name(), true, {}});
      return {};
    }
    if (roster.members().size() == 1)
      return fail(Errc::Conflict, "this node is alone in its network: there is nobody to leave");
    if (impl.signs() && impl.admins().empty())
      return fail(Errc::Conflict,
                  "this node is the only admin: without it nobody could invite or remove any more");
    impl.leaving = Leaving{id, now + within, now, {}, impl.signs()};
    for (const auto& [node, peer] : impl.network->peers.all())
      if (const auto* member = roster.member(node); member != nullptr && impl.administers(*member))
        impl.network->peers.want(now, *impl.network->peers.find(node), true);
    if (!impl.leaving->signed_here) {
      impl.ask_to_leave(now);
      return {};
    }
    // The person's right goes first, while this node is still heard: who leaves must not be able to
    // sign from outside.
    const auto person = impl.config.person ? impl.config.person->public_key : IdentityKey{};
    if (const auto at = roster.state().persons().find(person);
        roster.may_sign(person) && at != roster.state().persons().end())
      impl.append_own(now, 0, roster::PersonBody{person, at->second.name, 0}, std::monostate{});
    impl.append_own(now, 0, roster::RemovalBody{false, this->id().bytes}, std::monostate{});
    impl.leaving->next_ask = impl.leaving->deadline;
    return {};
  });
  return id;
}

// One admin after another: two that sign at once make a fork for nothing.
void Overlay::Impl::ask_to_leave(Instant now) {
  leaving->next_ask = std::min(now + kSweepInterval, leaving->deadline);
  for (auto& [session, link] : links) {
    if (link.up.joining || !link.control || !network) continue;
    const auto* member = network->roster.member(link.up.peer);
    if (member == nullptr || !administers(*member)) continue;
    if (!leaving->asked.insert(link.up.peer).second) continue;
    leaving->next_ask = std::min(now + kAskAnother, leaving->deadline);
    return send(now, link, Leave{});
  }
}

void Overlay::Impl::said(Instant now, Link& link, const Leave&) {
  if (link.up.joining || !network || network->roster.member(link.up.peer) == nullptr) return;
  if (!signs()) return;  // it asks another
  notice(Notice::Level::Info, label(link.up.peer) + " leaves the network");
  append_own(now, 0, roster::RemovalBody{false, link.up.peer.bytes}, std::monostate{});
}

void Overlay::Impl::left(bool told) {
  const CommandId command = leaving->command;
  leaving.reset();
  done(command, LeaveOutcome{network->roster.network_name(), told, admins()});
}

}  // namespace weft::overlay
