#include "overlay/punch/punch.hpp"

#include <algorithm>

#include "overlay/links/links.hpp"

namespace weft::overlay {

namespace {

constexpr TypeRange kControls[] = {{punch::kOfferType, 63}};
constexpr std::uint8_t kChannels[] = {3};
constexpr std::size_t kOutside = 4;  // candidates as others see us; the rest are our own
constexpr Duration kSoon = 20ms;     // what happens at once is looked at once

}  // namespace

Interests Punch::interests() const { return {.controls = kControls, .channels = kChannels}; }

// ---- what is in need ----------------------------------------------------------------------------

Punch::Reach Punch::reach(const Peer& peer) const {
  if (!peer.is_up()) return peer.wanted ? Reach::None : Reach::NotWished;
  const auto info = beside_.sessions.info(*peer.preferred);
  if (!info) return Reach::None;
  return path::is_direct(beside_.sessions.paths().at(info->path).kind) ? Reach::Direct
                                                                       : Reach::Relayed;
}

bool Punch::somebody_up() const {
  return std::ranges::any_of(beside_.peers.all(),
                             [](const auto& entry) { return entry.second.is_up(); });
}

void Punch::look(Instant now) {
  look_at_.reset();
  const bool somebody = somebody_up();
  for (const auto& [node, peer] : beside_.peers.all()) {
    switch (reach(peer)) {
      case Reach::Relayed:
        pairs_.need(now, node, Duration{});
        break;
      case Reach::None:
        if (somebody) {
          pairs_.need(now, node, kDialFirst);
          break;
        }
        [[fallthrough]];  // nobody could carry our offer
      case Reach::Direct:
      case Reach::NotWished:
        pairs_.settled(node);
        break;
    }
  }
}

void Punch::ask_members(Instant now) {
  ask_at_.reset();
  std::size_t asked = 0;
  for (const auto& [node, peer] : beside_.peers.all()) {
    if (asked == kObservers) return;
    if (reach(peer) != Reach::Direct) continue;
    const auto info = beside_.sessions.info(*peer.preferred);
    if (nat::is_nearby(info->remote)) continue;  // beside us: it knows nothing of our NAT
    ask_at_ = now + kAskAgain;
    watch_.ask(now, node, info->remote);
    // Of a member with several addresses one more tells whether ours depends on whom we speak to.
    for (const Endpoint& other : peer.endpoints)
      if (other.address != info->remote.address && other.is_v4() == info->remote.is_v4()) {
        watch_.ask(now, node, other);
        break;
      }
    ++asked;
  }
}

bool Punch::knows(const Endpoint& from) const {
  return std::ranges::any_of(beside_.peers.all(), [&](const auto& entry) {
    const Peer& peer = entry.second;
    const auto here = [&](const Endpoint& endpoint) { return endpoint.address == from.address; };
    if (std::ranges::any_of(peer.endpoints, here)) return true;
    return std::ranges::any_of(peer.sessions, [&](const PeerSession& session) {
      const auto info = beside_.sessions.info(session.id);
      return info && here(info->remote);
    });
  });
}

// ---- inputs -------------------------------------------------------------------------------------

void Punch::handle_session(Instant now, const SessionNews& news) {
  if (std::holds_alternative<LinkRoom>(news) || std::holds_alternative<session::ClockDiffers>(news))
    return;
  const bool sooner = std::holds_alternative<LinkOpen>(news) ||
                      std::holds_alternative<session::RemoteMoved>(news) ||
                      std::holds_alternative<session::SessionDown>(news);
  if (sooner && (!look_at_ || *look_at_ > now + kSoon)) look_at_ = now + kSoon;
  if (std::holds_alternative<LinkOpen>(news) || std::holds_alternative<session::RemoteMoved>(news))
    ask_at_ = std::min(ask_at_.value_or(now + kSoon), now + kSoon);
}

Result<void> Punch::handle_control(Instant now, const ControlIn& in) {
  if (in.type == punch::kOfferType) {
    WEFT_TRY(const auto offer, punch::decode_offer(in.body));
    pairs_.handle_offer(now, in.from.peer, offer);
    flush(now);
  }
  return {};
}

void Punch::handle_sealed(Instant now, const SealedIn& in) {
  const auto offer = punch::decode_offer(in.body);
  if (!offer || beside_.peers.find(in.from) == nullptr) return;
  pairs_.handle_offer(now, in.from, *offer);
  flush(now);
}

void Punch::handle_roster(Instant now, const RosterNews& news) {
  for (const NodeId& node : news.changed)
    if (beside_.roster.member(node) == nullptr) pairs_.forget(node);
  if (!look_at_) look_at_ = now + kSoon;
}

void Punch::addresses_changed(Instant now) {
  watch_.set_own(beside_.config.listen_endpoints);
  pairs_.set_own(beside_.config.listen_endpoints);
  pairs_.network_changed(now);
  look_at_ = ask_at_ = now + kSoon;
}

bool Punch::handle_stun(Instant now, const Datagram& in, const nat::StunMessage& message) {
  if (watch_.handle(now, in, message)) {
    flush(now);
    return true;
  }
  const auto heard = pairs_.handle_stun(now, in, message);
  if (!heard.ours) return false;
  if (heard.seen) watch_.observe(now, heard.seen->by, in.from, heard.seen->endpoint);
  // Nothing went there before, neither from this attempt nor from a dial.
  if (heard.stranger)
    if (const Peer* peer = beside_.peers.find(*heard.stranger))
      if (std::ranges::none_of(peer->endpoints, [&](const Endpoint& endpoint) {
            return endpoint.address == in.from.address;
          }))
        watch_.note_stranger(in.from);
  flush(now);
  return true;
}

// ---- time and outputs ---------------------------------------------------------------------------

void Punch::handle_timeout(Instant now) {
  if (ask_at_ && now >= *ask_at_) ask_members(now);
  if (look_at_ && now >= *look_at_) look(now);
  pairs_.handle_timeout(now);
  flush(now);
}

std::optional<Instant> Punch::poll_timeout() const {
  std::optional<Instant> earliest;
  for (const auto at : {look_at_, ask_at_, pairs_.poll_timeout(), watch_.poll_timeout()})
    if (at && (!earliest || *at < *earliest)) earliest = at;
  return earliest;
}

void Punch::flush(Instant now) {
  while (const auto out = watch_.poll(now)) put(Cast{PathId::Udp, out->to, {}, 0, out->bytes});
  auto candidates = watch_.outside(now);
  if (candidates.size() > kOutside) candidates.resize(kOutside);
  const auto& mapped = beside_.config.mapped_endpoints;
  candidates.insert(candidates.begin(), mapped.begin(), mapped.end());
  candidates.insert(candidates.end(), beside_.config.listen_endpoints.begin(),
                    beside_.config.listen_endpoints.end());
  pairs_.set_candidates(candidates);
  const auto verdict = watch_.verdict(now, nat::Family::V4);
  pairs_.set_nat({verdict.mapping, verdict.filtering});
  while (auto letter = pairs_.poll_offer()) {
    const Peer* peer = beside_.peers.find(letter->to);
    if (peer == nullptr) continue;
    if (peer->is_up() && beside_.links.is_open(*peer->preferred))
      put(Say{*peer->preferred, punch::frame(letter->offer)});
    else
      put(Seal{letter->to, kChannels[0], punch::encode(letter->offer)});
  }
  while (auto out = pairs_.poll_datagram(now))
    put(Cast{out->path, out->to, out->local, out->ttl, std::move(out->bytes)});
  while (const auto found = pairs_.poll_found()) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(found->took).count();
    notice(Notice::Level::Info, "a direct way to " + label(found->member) + " was found in " +
                                    std::to_string(ms) + " ms: " + to_text(found->endpoint));
    put(Punched{found->member, found->path, found->endpoint});
    if (!look_at_) look_at_ = now + punch::Pairs::kLinger;
  }
  tell_verdict(verdict);
}

void Punch::tell_verdict(const nat::Verdict& verdict) {
  if (verdict.mapping == told_.mapping && verdict.filtering == told_.filtering) return;
  told_ = verdict;
  if (verdict.mapping == nat::Mapping::Unknown) return;
  notice(Notice::Level::Info, "the NAT here: mapping " + std::string(name_of(verdict.mapping)) +
                                  ", filtering " + std::string(name_of(verdict.filtering)) +
                                  ", ports " + std::string(name_of(verdict.ports)));
}

}  // namespace weft::overlay
