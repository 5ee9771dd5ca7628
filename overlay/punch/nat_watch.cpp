#include "overlay/punch/nat_watch.hpp"

#include <algorithm>

#include "nat/candidate.hpp"

namespace weft::punch {

using nat::StunClass;
using nat::StunMessage;

void NatWatch::set_own(std::vector<Endpoint> own) {
  std::ranges::sort(own);
  if (own == behaviour_.own()) return;
  behaviour_.set_own(std::move(own));
  asked_.clear();
  lately_.clear();
  other_port_[0] = other_port_[1] = hairpin_[0] = hairpin_[1] = false;
}

void NatWatch::ask(Instant now, const NodeId& member, const Endpoint& place) {
  if (nat::is_nearby(place) || place.is_loopback() || place.port == 0) return;
  std::erase_if(lately_, [&](const auto& entry) { return now - entry.second >= kAgain; });
  const auto same = [&](const auto& entry) { return entry.first == place; };
  if (std::ranges::any_of(lately_, same)) return;
  if (lately_.size() >= kMostAsked) lately_.pop_front();
  lately_.emplace_back(place, now);
  start(now, What::Mapping, member, place);
}

void NatWatch::start(Instant now, What what, const NodeId& member, const Endpoint& place) {
  if (asked_.size() >= kMostAsked) return;
  asked_.push_back({what, member, place, rng_.bytes<12>(), 0, now});
}

bool NatWatch::handle(Instant now, const Datagram& in, const StunMessage& message) {
  const auto at = std::ranges::find(asked_, message.id, &Asked::id);
  if (at == asked_.end()) return false;
  // What we sent to our outside address is the request itself; the others are answers.
  const bool hairpin = at->what == What::Hairpin;
  if ((message.kind == StunClass::Request) != hairpin) return false;
  const bool fits = hairpin || (at->what == What::OtherPort ? in.from.address == at->place.address
                                                            : in.from == at->place);
  if (!fits || (!hairpin && message.kind != StunClass::Success)) {
    ++counters_.misfits;
    return true;
  }
  const Asked asked = *at;
  asked_.erase(at);
  answered(now, asked, in, message);
  return true;
}

void NatWatch::answered(Instant now, const Asked& asked, const Datagram& in,
                        const StunMessage& message) {
  ++counters_.told;
  const auto family = nat::family_of(asked.place);
  if (asked.what == What::Hairpin) return behaviour_.note_hairpin(family, true);
  // A member without another port answers from the one that it was asked at.
  if (asked.what == What::OtherPort) {
    if (in.from != asked.place) behaviour_.note_other_port(family, true);
    return;
  }
  if (!message.mapped) return;
  behaviour_.observe(now, asked.member, asked.place, *message.mapped);
  const auto which = static_cast<std::size_t>(family);
  if (!std::exchange(other_port_[which], true))
    start(now, What::OtherPort, asked.member, asked.place);
  const auto& own = behaviour_.own();
  if (std::ranges::find(own, *message.mapped) == own.end() && !nat::is_nearby(*message.mapped) &&
      !std::exchange(hairpin_[which], true))
    start(now, What::Hairpin, asked.member, *message.mapped);
}

void NatWatch::give_up(const Asked& asked) {
  const auto family = nat::family_of(asked.place);
  switch (asked.what) {
    case What::Mapping:
      ++counters_.unanswered;
      break;
    case What::OtherPort:
      behaviour_.note_other_port(family, false);
      break;
    case What::Hairpin:
      behaviour_.note_hairpin(family, false);
      break;
  }
}

std::optional<NatWatch::Out> NatWatch::poll(Instant now) {
  for (auto at = asked_.begin(); at != asked_.end();) {
    if (at->next > now) {
      ++at;
      continue;
    }
    if (at->sent >= kTries) {
      give_up(*at);
      at = asked_.erase(at);
      continue;
    }
    ++at->sent;
    at->next = now + kWait;
    StunMessage request;
    request.id = at->id;
    request.change_port = at->what == What::OtherPort;
    request.fingerprint = true;
    ++counters_.asked;
    return Out{at->place, encode_stun(request)};
  }
  return std::nullopt;
}

std::optional<Instant> NatWatch::poll_timeout() const {
  if (asked_.empty()) return std::nullopt;
  return std::ranges::min_element(asked_, {}, &Asked::next)->next;
}

}  // namespace weft::punch
