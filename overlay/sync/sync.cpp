#include "overlay/sync/sync.hpp"

#include <algorithm>
#include <utility>

#include "overlay/journal/journal.hpp"
#include "overlay/links/links.hpp"
#include "overlay/streams/codes.hpp"
#include "overlay/sync/describe.hpp"

namespace weft::overlay {

namespace {

constexpr TypeRange kControls[] = {{4, 6}};
constexpr Subject kHave{1, {}};
constexpr Subject kGet{2, {}};

}  // namespace

Interests Sync::interests() const { return {.controls = kControls, .joiners = true}; }

void Sync::begin(Instant now) {
  announced_ = roster_.head();
  if (const auto* self = roster_.member(beside_.self())) known_as_ = self->name;
  repair(now);
}

bool Sync::unstored() const { return beside_.journal.roster_unstored(beside_.network()); }

void Sync::say(SessionId session, const ControlMessage& message, Subject subject) {
  put(Say{session, encode(message), subject});
}

// ---- sessions -----------------------------------------------------------------------------------

void Sync::handle_session(Instant now, const SessionNews& news) {
  std::visit([&](const auto& e) { on(now, e); }, news);
}

void Sync::on(Instant, const session::SessionUp& up) {
  if (up.joining) return;
  if (auto row = roster_.note_epoch(up.peer, up.certificate.epoch)) store({std::move(*row)});
}

void Sync::on(Instant, const LinkOpen& open) {
  const auto* up = beside_.links.find(open.session);
  if (up == nullptr) return;
  if (up->joining) {
    if (pulls_.contains(open.session)) say(open.session, RosterGet{roster_.locator()}, kGet);
    return;
  }
  open_.insert(open.session);
  say(open.session, RosterHave{announced_.seq, announced_.hash}, kHave);
  // Two may have one head and not the same removals beside it.
  if (const auto beside = roster_.beside(); !beside.empty() && !unstored())
    send_entries(open.session, std::span(beside).first(std::min(beside.size(), kEntriesPerAnswer)),
                 false);
}

void Sync::on(Instant, const LinkRoom& room) {
  if (room.lost && open_.contains(room.session))
    say(room.session, RosterHave{announced_.seq, announced_.hash}, kHave);
  const auto at = asked_.find(room.session);
  const auto* up = beside_.links.find(room.session);
  if (at == asked_.end() || up == nullptr || unstored()) return;
  const RosterGet question = std::move(at->second);
  asked_.erase(at);
  said_get(*up, question);
}

void Sync::on(Instant, const session::SessionDown& down) {
  open_.erase(down.session);
  asked_.erase(down.session);
  pulls_.erase(down.session);
}

// Its certificate is of our network and the handshake proved its address, yet our roster does not
// name it. If it has heard of entries that we have not, we fetch them: by a session that we dial,
// few at a time, so that who merely knows the network's secret makes us hold nothing else.
void Sync::on(Instant now, const session::MemberUnknown& e) {
  if (roster_.contains(e.roster_head)) return;
  if (now < next_pull_ || pulls_.size() >= kMaxPulls) return;
  for (const auto& [id, pull] : pulls_)
    if (pull.certificate.identity == e.certificate.identity) return;
  session::DialTarget target;
  target.network = e.network;
  target.identity = e.certificate.identity;
  target.endpoint = e.remote;
  target.path = e.path;
  target.join = true;  // it knows us as a member; we take its word for nothing but signed entries
  const auto dialled = beside_.sessions.dial(now, target);
  if (!dialled) return;
  next_pull_ = now + kPullPause;
  pulls_.emplace(*dialled, Pull{e.certificate, e.remote, now + kPullTimeout});
}

void Sync::finish_pull(Instant now, SessionId session) {
  const auto at = pulls_.find(session);
  if (at == pulls_.end()) return;
  const Pull& pull = at->second;
  beside_.sessions.close(now, session, kCodeDone, "roster fetched");
  const NodeId node = pull.certificate.node();
  if (roster_.member(node) == nullptr) return;
  put(Learned{node, pull.certificate, {pull.remote}, true});
  put(Want{node, true});
}

// ---- what members say ---------------------------------------------------------------------------

Result<void> Sync::handle_control(Instant now, const ControlIn& in) {
  WEFT_TRY(const auto message, decode_control(in.body));
  if (const auto* have = std::get_if<RosterHave>(&message)) said_have(in.from, *have);
  if (const auto* get = std::get_if<RosterGet>(&message)) said_get(in.from, *get);
  if (const auto* entries = std::get_if<RosterEntries>(&message))
    said_entries(now, in.from, *entries);
  return {};
}

void Sync::said_have(const session::SessionUp& from, const RosterHave& m) {
  if (from.joining) return;
  heard_ = m.head;
  if (roster_.contains(m.head)) return;
  // It has not heard why its head lost: what a removal voids, only who holds the removal knows.
  if (roster_.holds(m.head) && !unstored())
    return send_entries(from.session, roster_.news_for(m.head, kEntriesPerAnswer), false);
  say(from.session, RosterGet{roster_.locator()}, kGet);
}

void Sync::said_get(const session::SessionUp& from, const RosterGet& m) {
  // A joiner may read the roster once it is in it.
  if (from.joining && roster_.member(from.peer) == nullptr) return;
  // Nobody hears of an entry that a crash could still undo, nor more than they read.
  if (unstored() || beside_.links.busy(from.session, Room::Sync)) {
    asked_[from.session] = m;
    return;
  }
  auto chain = roster_.entries_for(m.locator, kEntriesPerAnswer + 1);
  const bool more = chain.size() > kEntriesPerAnswer;
  if (more) chain.resize(kEntriesPerAnswer);
  if (!more)
    for (auto& bytes : roster_.beside())
      if (chain.size() < 2 * kEntriesPerAnswer) chain.push_back(std::move(bytes));
  send_entries(from.session, chain, more);
}

void Sync::said_entries(Instant now, const session::SessionUp& from, const RosterEntries& m) {
  const SessionId session = from.session;
  if (m.entries.empty() || (from.joining && !pulls_.contains(session)))
    return finish_pull(now, session);
  const auto word = from.joining ? roster::From::Stranger : roster::From::Member;
  auto appended = roster_.append_all(m.entries, word);
  if (!appended) {
    notice(Notice::Level::Warning,
           "refused roster entries of " + label(from.peer) + ": " + appended.error().detail);
    return finish_pull(now, session);
  }
  if (appended->waiting && !from.joining) say(session, RosterGet{roster_.locator()}, kGet);
  if (appended->rows.empty()) return finish_pull(now, session);
  auto rows = appended->rows;
  store(std::move(rows), [this, appended = *appended, session, more = m.more && m.last,
                          last = m.last](Instant later, const Result<void>& is_stored) {
    took(later, session, appended, more, last, is_stored.has_value());
  });
}

void Sync::took(Instant now, SessionId session, const roster::Appended& appended, bool more,
                bool last, bool is_stored) {
  changed(now, appended);
  if (more && is_stored)
    say(session, RosterGet{roster_.locator()}, kGet);
  else if (last)
    finish_pull(now, session);
}

void Sync::send_entries(SessionId session, std::span<const Bytes> entries, bool more) {
  for (std::size_t i = 0; i == 0 || i < entries.size(); i += kMaxEntriesPerMessage) {
    const auto end = std::min(i + kMaxEntriesPerMessage, entries.size());
    RosterEntries part;
    part.entries.assign(entries.begin() + static_cast<std::ptrdiff_t>(i),
                        entries.begin() + static_cast<std::ptrdiff_t>(end));
    part.more = more;
    part.last = end == entries.size();
    say(session, part);
  }
}

// Who is behind will hear of the newest head, and ask for all at once.
void Sync::tell_entry(Bytes entry) {
  put(SayAll{encode(RosterEntries{{std::move(entry)}, false, true}), {}, std::nullopt, true});
}

// ---- our own entries ----------------------------------------------------------------------------

Result<roster::Entry> Sync::propose(Instant now, const roster::Body& body) const {
  // By its person's key a node that is out could sign, and nobody would ever hear it.
  const auto& config = beside_.config;
  if (roster_.member(beside_.self()) == nullptr)
    return fail(Errc::Denied,
                roster_.state().is_removed(beside_.self())
                    ? "this node was removed from its network: nobody there takes its word any more"
                    : "this node is not in the roster of its network (any more)");
  if (config.person && roster_.may_sign(config.person->public_key))
    return roster_.propose(*config.person, body, wall(now));
  const auto* removal = std::get_if<roster::RemovalBody>(&body);
  const bool itself = removal != nullptr && NodeId{removal->target} == beside_.self();
  if (itself || roster_.may_sign(config.identity.public_key()))
    return roster_.propose(config.identity.key, body, wall(now));
  return fail(Errc::Denied, "this node may not change who is in the network");
}

void Sync::sign(Instant now, Sign sign) {
  const Then then = std::move(sign.then);
  const auto answer = [&](const Result<void>& result) {
    if (then) then(now, result);
  };
  auto entry = propose(now, sign.body);
  if (!entry) return answer(std::unexpected(entry.error()));
  auto appended = roster_.append(*entry);
  if (!appended) return answer(std::unexpected(appended.error()));
  auto rows = appended->rows;
  if (rows.empty()) return answer({});
  std::ranges::move(sign.rows, std::back_inserter(rows));
  store(std::move(rows), [this, appended = *appended, bytes = entry->encode(), then](
                             Instant later, const Result<void>& is_stored) {
    if (is_stored) tell_entry(bytes);
    // A disk that refuses keeps the entry from others, not from having effect here.
    changed(later, appended);
    if (!then) return;
    if (is_stored) return then(later, {});
    then(later, fail(Errc::Storage, "it works now but is not saved, so a restart would lose it: " +
                                        is_stored.error().detail));
  });
}

// Entries of ours that lost were acknowledged all the same: signed again on the winner.
void Sync::repair(Instant now) {
  if (roster_.member(beside_.self()) == nullptr) return;
  const auto again = [&](const crypto::Ed25519KeyPair& key) {
    for (const auto& loser : roster_.pending_losers(key.public_key)) {
      const auto entry = roster_.resign(key, loser, wall(now));
      if (!entry) continue;
      const auto appended = roster_.append(*entry);
      if (!appended || appended->rows.empty()) continue;
      if (const auto body = entry->parse_body();
          body && std::holds_alternative<roster::NodeBody>(*body))
        alarm(now,
              "signed again, because another admin wrote at the same place before it was "
              "seen: " +
                  describe(roster_.state(), *body));
      store(appended->rows, [this, appended = *appended, bytes = entry->encode()](
                                Instant later, const Result<void>& is_stored) {
        if (is_stored) tell_entry(bytes);
        changed(later, appended);
      });
    }
  };
  if (beside_.config.person) again(*beside_.config.person);
  again(beside_.config.identity.key);
}

// ---- taking effect ------------------------------------------------------------------------------

void Sync::changed(Instant now, const roster::Appended& appended) {
  if (appended.equivocation)
    alarm(now, "the roster was signed twice at one place by the same key: a key may be stolen");
  if (appended.reorganised) tell_lost(now, appended.lost);
  if (appended.voided > 0)
    alarm(now, "somebody sent " + std::to_string(appended.voided) +
                   " entries of the roster that a removed node signed: they have no effect");
  if (roster_.stopped() && !std::exchange(stop_told_, true))
    notice(Notice::Level::Warning, stop_text());
  if (!roster_.stopped()) stop_told_ = false;
  if (!appended.head_changed && !appended.beside_changed) return;
  apply(now, appended.changed, appended.lost.size());
  announce();
}

void Sync::apply(Instant now, std::vector<NodeId> who, std::size_t lost) {
  put(OverlayEvent(RosterChanged{roster_.head().seq, lost}));
  // The streams of a removed node end here, its sessions once it heard why.
  put(RosterNews{std::move(who), lost});
  if (!judge_at_) judge_at_ = now + kJudgeDelay;
  const auto* self = roster_.member(beside_.self());
  if (roster_.verdict(beside_.network(), beside_.self(), wall(now)) == Verdict::Removed) {
    put(OverlayEvent(RemovedFromNetwork{beside_.network()}));
    notice(Notice::Level::Warning, "this node was removed from its network");
  } else if (self != nullptr && self->name != std::exchange(known_as_, self->name)) {
    notice(Notice::Level::Warning, "this node is called " + self->name + " now");
  }
  repair(now);
}

void Sync::announce() {
  if (unstored()) return;  // stored() does it then
  announced_ = roster_.head();
  put(SayAll{encode(RosterHave{announced_.seq, announced_.hash}), kHave, std::nullopt, false});
  // A head says nothing of removals beside the chain: they are sent on until all have them.
  auto beside = roster_.beside();
  if (beside == told_beside_) return;
  told_beside_ = std::move(beside);
  for (const auto session : open_) send_entries(session, told_beside_, false);
}

void Sync::stored(Instant now) {
  if (announced_.hash != roster_.head().hash || told_beside_ != roster_.beside()) {
    apply(now, {}, 0);
    announce();
  }
  for (const auto& [session, question] : std::exchange(asked_, {}))
    if (const auto* up = beside_.links.find(session)) said_get(*up, question);
}

// ---- time ---------------------------------------------------------------------------------------

void Sync::handle_timeout(Instant now) {
  if (judge_at_ && *judge_at_ <= now) {
    judge_at_.reset();
    beside_.sessions.trust_changed(now);
  }
  for (auto& [session, pull] : pulls_) {
    if (pull.deadline > now) continue;
    pull.deadline = now + kPullTimeout;
    beside_.sessions.close(now, session, kCodeDone, "no roster came");
  }
}

std::optional<Instant> Sync::poll_timeout() const {
  std::optional<Instant> earliest = judge_at_;
  for (const auto& [session, pull] : pulls_)
    if (!earliest || pull.deadline < *earliest) earliest = pull.deadline;
  return earliest;
}

}  // namespace weft::overlay
