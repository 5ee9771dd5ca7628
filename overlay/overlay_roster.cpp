// The roster takes effect here: what a change of it means for peers and streams, what of ours is
// signed again, what is told to others, and what the operator must know.
#include <algorithm>
#include <ranges>

#include "overlay/overlay_impl.hpp"
#include "overlay/roster/export.hpp"

namespace weft::overlay {

namespace {

constexpr std::size_t kMaxAlarms = 16;
constexpr Duration kAlarmLife = 24h;
constexpr std::size_t kMaxTold = 5;  // lost entries named in one alarm
constexpr std::uint64_t kNearlyFull = roster::kMaxChain / 10 * 8;

// Names an entry's meaning to the operator, by what the roster says of the keys in it.
struct Describe {
  const roster::State& state;

  [[nodiscard]] std::string node(const NodeId& id) const {
    const auto* member = state.member(id);
    return member != nullptr ? member->name : short_text(id);
  }
  std::string operator()(const roster::NodeBody& b) const {
    return "let in or changed " + b.name + ((b.may & roster::kMayAdmin) != 0 ? " (an admin)" : "");
  }
  std::string operator()(const roster::PersonBody& b) const { return "the person " + b.name; }
  std::string operator()(const roster::GroupBody& b) const {
    return (b.add ? "put " : "took ") + node(b.node) + (b.add ? " into " : " out of ") +
           "the group " + b.group;
  }
  std::string operator()(const roster::GrantBody& b) const { return "a grant of " + b.service; }
  std::string operator()(const roster::QuotaBody& b) const { return "a quota of " + node(b.node); }
  std::string operator()(const roster::KeyChangeBody& b) const {
    return "a new key of " + node(b.node);
  }
  std::string operator()(const roster::RemovalBody& b) const {
    return b.person ? "removed a person" : "removed " + node(NodeId{b.target});
  }
  std::string operator()(const roster::CheckpointBody&) const { return "a checkpoint"; }
  std::string operator()(const roster::GenesisBody&) const { return "a genesis"; }
  std::string operator()(const roster::UnknownBody&) const {
    return "something of a newer version";
  }
};

}  // namespace

void Overlay::Impl::alarm(Instant now, std::string text) {
  notice(Notice::Level::Warning, text);
  auto& alarms = network->alarms;
  std::erase_if(alarms, [&](const Alarm& old) { return old.text == text; });
  if (alarms.size() >= kMaxAlarms) alarms.pop_front();
  alarms.push_back({now, std::move(text)});
}

std::string Overlay::Impl::signer_name(const IdentityKey& key) const {
  const auto& persons = network->roster.state().persons();
  if (const auto person = persons.find(key); person != persons.end())
    return "the person " + person->second.name;
  return label(node_id_of(key));
}

// What lost is no longer so; its authors sign it again unless they were removed, and then the
// admins that are left must know what went with them.
void Overlay::Impl::tell_lost(Instant now, const std::vector<roster::Entry>& lost) {
  std::string text =
      "entries of the roster no longer count, because a removal or a senior admin's "
      "entry came in before them; who signed them signs them again, unless removed: ";
  std::size_t told = 0;
  for (const auto& entry : lost) {
    const auto body = entry.parse_body();
    if (!body) continue;
    if (told++ == kMaxTold) {
      text += "; and " + std::to_string(lost.size() - kMaxTold) + " more, see weft members";
      break;
    }
    text += (told > 1 ? "; " : "") + signer_name(entry.signer) + ": " +
            std::visit(Describe{network->roster.state()}, *body);
  }
  alarm(now, text);
}

void Overlay::Impl::roster_changed(Instant now, const roster::Appended& appended) {
  if (appended.equivocation)
    alarm(now, "the roster was signed twice at one place by the same key: a key may be stolen");
  if (appended.reorganised) tell_lost(now, appended.lost);
  if (appended.voided > 0)
    alarm(now, "somebody sent " + std::to_string(appended.voided) +
                   " entries of the roster that a removed node signed: they have no effect");
  if (network->roster.stopped() && !std::exchange(network->stop_told, true))
    notice(Notice::Level::Warning, stop_text());
  if (!network->roster.stopped()) network->stop_told = false;
  if (!appended.head_changed && !appended.beside_changed) return;
  apply_roster(now, appended.lost.size());
  announce_roster(now);
}

void Overlay::Impl::apply_roster(Instant now, std::size_t lost) {
  events.push_back(RosterChanged{network->roster.head().seq, lost});
  adopt_members(now);
  forget_rules_of_removed();
  rules_changed(now);  // the streams of a removed node end here, its sessions once it heard why
  if (!judge_at) judge_at = now + kJudgeDelay;
  const auto* self = network->roster.member(config.identity.id);
  if (network->roster.verdict(network->id, config.identity.id, unix_now(now)) == Verdict::Removed) {
    events.push_back(RemovedFromNetwork{network->id});
    notice(Notice::Level::Warning, "this node was removed from its network");
    network->peers.unwant_all();
    if (leaving && !leaving->signed_here) left(true);
  } else if (self != nullptr && self->name != std::exchange(network->known_as, self->name)) {
    notice(Notice::Level::Warning, "this node is called " + self->name + " now");
  }
  repair_roster(now);
}

// Entries of ours that lost were acknowledged all the same: signed again on the winner.
void Overlay::Impl::repair_roster(Instant now) {
  if (network->roster.member(config.identity.id) == nullptr) return;
  const auto again = [&](const crypto::Ed25519KeyPair& key) {
    for (const auto& loser : network->roster.pending_losers(key.public_key)) {
      const auto entry = network->roster.resign(key, loser, unix_now(now));
      if (!entry) continue;
      const auto appended = network->roster.append(*entry);
      if (!appended || appended->rows.empty()) continue;
      if (const auto body = entry->parse_body();
          body && std::holds_alternative<roster::NodeBody>(*body))
        alarm(now,
              "signed again, because another admin wrote at the same place before it was seen: " +
                  Describe{network->roster.state()}(std::get<roster::NodeBody>(*body)));
      persist(appended->rows, [this, appended = *appended, bytes = entry->encode()](
                                  Instant later, const Result<void>& stored) {
        if (!network) return;
        if (stored) broadcast(later, RosterEntries{{bytes}, false, true});
        roster_changed(later, appended);
      });
    }
  };
  if (config.person) again(*config.person);
  again(config.identity.key);
}

void Overlay::Impl::announce_roster(Instant now) {
  if (roster_unstored()) return;  // roster_stored() does it then
  network->announced = network->roster.head();
  push_context(now);
  broadcast(now, RosterHave{network->announced.seq, network->announced.hash});
  // A head says nothing of removals beside the chain: they are sent on until all have them.
  auto beside = network->roster.beside();
  if (beside == network->told_beside) return;
  network->told_beside = beside;
  for (auto& [id, link] : links)
    if (!link.up.joining && link.control) send_entries(now, link, beside, false);
}

void Overlay::Impl::send_entries(Instant now, Link& link, std::span<const Bytes> entries,
                                 bool more) {
  for (std::size_t i = 0; i == 0 || i < entries.size(); i += kMaxEntriesPerMessage) {
    const auto end = std::min(i + kMaxEntriesPerMessage, entries.size());
    RosterEntries part;
    part.entries.assign(entries.begin() + static_cast<std::ptrdiff_t>(i),
                        entries.begin() + static_cast<std::ptrdiff_t>(end));
    part.more = more;
    part.last = end == entries.size();
    send(now, link, part);
  }
}

Result<void> Overlay::Impl::in_roster() const {
  WEFT_CHECK(in_network());
  const auto& roster = network->roster;
  if (roster.member(config.identity.id) != nullptr) return {};
  if (roster.state().is_removed(config.identity.id))
    return fail(Errc::Denied,
                "this node was removed from its network: nobody there takes its word any more");
  return fail(Errc::Denied, "this node is not in the roster of its network (any more)");
}

Result<roster::Entry> Overlay::Impl::propose(Instant now, const roster::Body& body) const {
  WEFT_CHECK(in_roster());  // by its person's key it could sign, and nobody would ever hear it
  const auto& r = network->roster;
  const UnixTime wall = unix_now(now);
  if (config.person && r.may_sign(config.person->public_key))
    return r.propose(*config.person, body, wall);
  const auto* removal = std::get_if<roster::RemovalBody>(&body);
  const bool itself = removal != nullptr && NodeId{removal->target} == config.identity.id;
  if (itself || r.may_sign(config.identity.public_key()))
    return r.propose(config.identity.key, body, wall);
  return fail(Errc::Denied, "this node may not change who is in the network");
}

void Overlay::Impl::append_own(Instant now, CommandId id, const roster::Body& body,
                               Outcome outcome) {
  auto entry = propose(now, body);
  if (!entry) return done(id, std::unexpected(entry.error()));
  auto appended = network->roster.append(*entry);
  if (!appended) return done(id, std::unexpected(appended.error()));
  auto finish = done_when_stored(id, std::move(outcome));
  auto rows = appended->rows;
  if (rows.empty()) return finish(now, {});
  persist(std::move(rows), [this, appended = *appended, bytes = entry->encode(), finish](
                               Instant later, const Result<void>& stored) {
    if (network) {
      if (stored) broadcast(later, RosterEntries{{bytes}, false, true});
      // A disk that refuses keeps the entry from others, not from having effect here.
      roster_changed(later, appended);
    }
    finish(later, stored);
  });
}

// ---- what the operator must know ----------------------------------------------------------------

std::string Overlay::Impl::stop_text() const {
  const auto stop = network->roster.stop();
  if (!stop) return {};
  const auto& r = network->roster;
  const bool ours = (config.person && r.may_lift(config.person->public_key)) ||
                    r.may_lift(config.identity.public_key());
  const std::string who = signer_name(stop->signer);
  return "the roster is stopped: " + who + " signed an entry of kind " +
         std::to_string(stop->kind) +
         ", which this version does not know, so nobody joins and "
         "nothing changes. If a newer weft is out, install it; if not, " +
         (ours ? "end it with weft remove " + label(node_id_of(stop->signer))
               : "an admin senior to " + who + " ends it with weft remove");
}

std::vector<std::string> Overlay::roster_attention(Instant now) const {
  std::vector<std::string> out;
  if (!impl_->network) return out;
  const Network& network = *impl_->network;
  const auto& state = network.roster.state();
  if (state.member(id()) == nullptr) {
    if (!state.is_removed(id()))
      out.push_back(
          "who let this node in did so while another admin changed the network, and that "
          "came first: it is let in again when its inviter meets the others");
    return out;
  }
  if (network.roster.stopped()) out.push_back(impl_->stop_text());
  if (role() == "admin") {
    if (const auto seq = network.roster.head().seq; seq >= kNearlyFull)
      out.push_back("the roster has " + std::to_string(seq) + " of " +
                    std::to_string(roster::kMaxChain) +
                    " entries, and ends there, but for removals: found a new network in time");
    for (const auto& alarm : network.alarms)
      if (now - alarm.at < kAlarmLife) out.push_back(alarm.text);
  }
  return out;
}

bool Overlay::removed() const {
  return impl_->network && impl_->network->roster.state().is_removed(id());
}

Result<std::string> Overlay::export_roster() const {
  WEFT_CHECK(impl_->in_network());
  return roster::export_json(impl_->network->roster);
}

}  // namespace weft::overlay
