#include "overlay/relay/server.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::relay {

// ---- sessions -----------------------------------------------------------------------------------

void Server::set_on(Instant, bool on) {
  on_ = on;
  if (on) return;
  while (!circuits_.empty()) end(circuits_.begin()->first, std::nullopt, Status::Off);
  reservations_.clear();
  introductions_.clear();
}

void Server::enter(Session session, const Member& member, const Way& way) {
  const auto [at, fresh] = sessions_.try_emplace(session);
  if (!fresh) return set_way(session, way);
  at->second.member = member;
  at->second.client = forwarder_.add_client(way);
}

void Server::set_way(Session session, const Way& way) {
  const auto at = sessions_.find(session);
  if (at == sessions_.end()) return;
  Way next = way;
  // Where it calls was learnt from its frames; at another place that may be wrong.
  const Way& before = forwarder_.way_of(at->second.client);
  if (next.local == Endpoint{} && before.path == way.path && before.remote == way.remote)
    next.local = before.local;
  forwarder_.set_way(at->second.client, next);
}

void Server::leave(Instant, Session session) {
  const auto at = sessions_.find(session);
  if (at == sessions_.end()) return;
  while (!at->second.circuits.empty())
    end(*at->second.circuits.begin(), session, Status::NoSuchNode);
  const auto held = reservations_.find({at->second.member.network, at->second.member.node});
  if (held != reservations_.end() && held->second == session) reservations_.erase(held);
  std::erase_if(introductions_, [&](const auto& entry) { return entry.second.by == session; });
  forwarder_.remove_client(at->second.client);
  sessions_.erase(at);
}

// ---- what they say ------------------------------------------------------------------------------

void Server::handle(Instant now, Session from, const Message& message) {
  if (!sessions_.contains(from)) return;
  std::visit([&](const auto& m) { on(now, from, m); }, message);
}

void Server::on(Instant, Session from, const Reserve&) {
  const auto& entered = sessions_.at(from);
  if (entered.member.joining) return;
  const Place place{entered.member.network, entered.member.node};
  Status status = on_ ? Status::Ok : Status::Off;
  if (on_ && !reservations_.contains(place) && reservations_.size() >= kMaxReservations)
    status = Status::Full;
  if (status == Status::Ok) {
    reservations_[place] = from;
    ++counters_.reserved;
  } else {
    count(status);
  }
  say(from, Reserved{status});
}

Status Server::judge(Instant now, const Entered& asker, const Connect& m, Session& target) const {
  if (!on_) return Status::Off;
  if (forwarder_.left() == 0) return Status::Spent;
  if (circuits_.size() >= kMaxCircuits) return Status::Full;
  return asker.member.joining ? judge_joiner(now, asker, m, target)
                              : judge_member(asker, m, target);
}

Status Server::judge_member(const Entered& asker, const Connect& m, Session& target) const {
  const auto held = reservations_.find({asker.member.network, m.target});
  if (held == reservations_.end() || m.target == asker.member.node) return Status::NoSuchNode;
  target = held->second;
  std::size_t asked = 0;
  std::size_t of_pair = 0;
  for (const auto id : asker.circuits) {
    const Circuit& circuit = circuits_.at(id);
    if (sessions_.at(circuit.asker).client != asker.client) continue;
    ++asked;
    of_pair += circuit.target == target ? 1 : 0;
  }
  const bool room = asked < kMaxAsked && of_pair < kMaxOfPair &&
                    sessions_.at(target).circuits.size() < kMaxAsked + kMaxTo;
  return room ? Status::Ok : Status::Full;
}

Status Server::judge_joiner(Instant now, const Entered& asker, const Connect& m,
                            Session& target) const {
  const auto known = m.token ? introductions_.find(*m.token) : introductions_.end();
  if (known == introductions_.end() || known->second.until <= now) return Status::NoSuchNode;
  target = known->second.by;
  const Member& inviter = sessions_.at(target).member;
  if (inviter.node != m.target || inviter.network != asker.member.network)
    return Status::NoSuchNode;
  const auto joining =
      std::ranges::count_if(circuits_, [](const auto& entry) { return entry.second.joining; });
  const bool room = known->second.used < kMaxUses && asker.circuits.empty() &&
                    static_cast<std::size_t>(joining) < kMaxJoinCircuits;
  return room ? Status::Ok : Status::Full;
}

void Server::on(Instant now, Session from, const Connect& m) {
  Entered& asker = sessions_.at(from);
  if (!asker.asks.take(now)) {
    ++counters_.asked_too_often;
    return;
  }
  ++counters_.asked;
  Session target = 0;
  const Status status = judge(now, asker, m, target);
  if (status != Status::Ok) {
    count(status);
    return say(from, Connected{m.request, status});
  }
  Entered& far = sessions_.at(target);
  Circuit circuit{from, target, m.request};
  circuit.joining = asker.member.joining;
  circuit.legs = forwarder_.add_pair(rng_, asker.client, far.client,
                                     circuit.joining ? kJoinBytes : Forwarder::kNoLimit);
  circuit.since = now;
  const CircuitId id = ++last_;
  asker.circuits.insert(id);
  far.circuits.insert(id);
  say(target,
      Incoming{id, forwarder_.label_of(circuit.legs.b), asker.member.node, circuit.joining});
  if (circuit.joining) {
    ++counters_.introduced;
    ++introductions_.at(*m.token).used;
  }
  look_by(deadline_of(circuits_.emplace(id, circuit).first->second));
}

void Server::on(Instant now, Session from, const Accept& m) {
  const auto at = circuits_.find(m.circuit);
  if (at == circuits_.end() || at->second.target != from || at->second.live) return;
  Circuit& circuit = at->second;
  circuit.live = true;
  circuit.since = now;
  forwarder_.start(circuit.legs);
  look_by(deadline_of(circuit));
  ++counters_.opened;
  say(circuit.asker,
      Connected{circuit.request, Status::Ok, m.circuit, forwarder_.label_of(circuit.legs.a)});
}

void Server::on(Instant, Session from, const Close& m) {
  const auto at = circuits_.find(m.circuit);
  if (m.by_relay || at == circuits_.end() ||
      (at->second.asker != from && at->second.target != from))
    return;
  end(m.circuit, from, Status::Refused);
}

void Server::on(Instant now, Session from, const Introduce& m) {
  if (!on_ || sessions_.at(from).member.joining) return;
  const auto known = introductions_.find(m.token);
  const NodeId& node = sessions_.at(from).member.node;
  if (known != introductions_.end() && sessions_.at(known->second.by).member.node != node)
    return;  // somebody else's
  if (m.seconds == 0) {
    if (known != introductions_.end()) introductions_.erase(known);
    return;
  }
  const auto of_one = std::ranges::count_if(introductions_, [&](const auto& entry) {
    return sessions_.at(entry.second.by).member.node == node;
  });
  if (known == introductions_.end() && (introductions_.size() >= kMaxIntroductions ||
                                        static_cast<std::size_t>(of_one) >= kMaxIntroductionsOfOne))
    return count(Status::Full);
  const auto seconds = std::min(m.seconds, kMaxIntroductionSeconds);
  Introduction& let = introductions_[m.token];  // one that is said again has been used as often
  let.by = from;
  let.until = now + std::chrono::seconds(seconds);
  look_by(now + std::chrono::seconds(seconds));
}

void Server::count(Status status) {
  switch (status) {
    case Status::Ok:
      return;
    case Status::Off:
      ++counters_.refused_off;
      return;
    case Status::NoSuchNode:
      ++counters_.refused_unknown;
      return;
    case Status::Full:
      ++counters_.refused_full;
      return;
    case Status::Spent:
      ++counters_.refused_spent;
      return;
    case Status::Refused:
      ++counters_.refused_far;
      return;
  }
}

// Tells both ends but the one that said so or is gone.
void Server::end(CircuitId id, std::optional<Session> silent, Status why) {
  const auto at = circuits_.find(id);
  const Circuit circuit = at->second;
  circuits_.erase(at);
  forwarder_.remove_pair(circuit.legs);
  sessions_.at(circuit.asker).circuits.erase(id);
  sessions_.at(circuit.target).circuits.erase(id);
  if (!circuit.live) count(why);
  if (circuit.asker != silent) {
    if (circuit.live)
      say(circuit.asker, Close{id, true});
    else
      say(circuit.asker, Connected{circuit.request, why});
  }
  if (circuit.target != silent) say(circuit.target, Close{id, true});
}

std::optional<Server::Say> Server::poll_say() {
  if (says_.empty()) return std::nullopt;
  const std::optional<Say> next(says_.front());
  says_.pop_front();
  return next;
}

// ---- time ---------------------------------------------------------------------------------------

Instant Server::deadline_of(const Circuit& circuit) const {
  if (!circuit.live) return circuit.since + kAnswerTime;
  if (circuit.joining) return circuit.since + kJoinTime;
  return std::max(
             {circuit.since, forwarder_.used(circuit.legs.a), forwarder_.used(circuit.legs.b)}) +
         kIdle;
}

void Server::look_by(Instant at) {
  if (!look_at_ || at < *look_at_) look_at_ = at;
}

void Server::handle_timeout(Instant now) {
  if (!look_at_ || now < *look_at_) return;
  look_at_.reset();
  std::vector<CircuitId> over;
  for (const auto& [id, circuit] : circuits_) {
    if (const Instant at = deadline_of(circuit); at > now)
      look_by(at);
    else
      over.push_back(id);
  }
  for (const auto id : over) end(id, std::nullopt, Status::Refused);
  std::erase_if(introductions_, [&](const auto& entry) { return entry.second.until <= now; });
  for (const auto& [token, introduction] : introductions_) look_by(introduction.until);
}

bool Server::awaits_joiners(Instant now, const NetworkId& network) const {
  return std::ranges::any_of(introductions_, [&](const auto& entry) {
    return entry.second.until > now && sessions_.at(entry.second.by).member.network == network;
  });
}

void Server::check_invariants() const {
  std::size_t listed = 0;
  for (const auto& [place, session] : reservations_) {
    const auto at = sessions_.find(session);
    WEFT_ASSERT(at != sessions_.end());
    WEFT_ASSERT(at->second.member.network == place.first && at->second.member.node == place.second);
    ++listed;
  }
  WEFT_ASSERT(listed == reservations() && listed <= kMaxReservations);
  std::size_t ends = 0;
  for (const auto& [session, entered] : sessions_) ends += entered.circuits.size();
  for (const auto& [id, circuit] : circuits_) {
    WEFT_ASSERT(sessions_.at(circuit.asker).circuits.contains(id));
    WEFT_ASSERT(sessions_.at(circuit.target).circuits.contains(id));
    WEFT_ASSERT(sessions_.at(circuit.asker).member.network ==
                sessions_.at(circuit.target).member.network);
  }
  WEFT_ASSERT(ends == 2 * circuits_.size() && circuits_.size() <= kMaxCircuits);
  WEFT_ASSERT(forwarder_.labels() == 2 * circuits_.size());
  WEFT_ASSERT(on_ || (circuits_.empty() && reservations_.empty()));
  forwarder_.check_invariants();
}

}  // namespace weft::relay
