#include "nat/behaviour.hpp"

#include <algorithm>
#include <set>

namespace weft::nat {

std::string_view name_of(Mapping mapping) {
  switch (mapping) {
    case Mapping::None:
      return "none";
    case Mapping::Independent:
      return "independent";
    case Mapping::ByAddress:
      return "by address";
    case Mapping::ByAddressAndPort:
      return "by address and port";
    case Mapping::Dependent:
      return "by destination";
    case Mapping::Unknown:
      break;
  }
  return "unknown";
}

std::string_view name_of(Filtering filtering) {
  switch (filtering) {
    case Filtering::Independent:
      return "independent";
    case Filtering::ByAddressAtMost:
      return "by address at most";
    case Filtering::ByAddressAndPort:
      return "by address and port";
    case Filtering::Unknown:
      break;
  }
  return "unknown";
}

std::string_view name_of(Ports ports) {
  switch (ports) {
    case Ports::Kept:
      return "kept";
    case Ports::Changed:
      return "changed";
    case Ports::Sequential:
      return "sequential";
    case Ports::Random:
      return "random";
    case Ports::Unknown:
      break;
  }
  return "unknown";
}

void Behaviour::set_own(std::vector<Endpoint> own) {
  std::ranges::sort(own);
  if (own == own_) return;
  own_ = std::move(own);
  seen_.clear();
  facts_[0] = facts_[1] = {};
}

void Behaviour::observe(Instant now, const NodeId& by, const Endpoint& place,
                        const Endpoint& seen) {
  if (seen.port == 0 || seen.is_unspecified() || seen.is_loopback()) return;
  std::erase_if(seen_, [&](const Seen& s) { return s.place == place; });
  if (seen_.size() >= kPlaces) seen_.erase(seen_.begin());
  seen_.push_back({by, place, seen, now});
}

void Behaviour::note_other_port(Family family, bool came) {
  auto& fact = facts_[static_cast<std::size_t>(family)].other_port;
  fact = came || fact.value_or(false);
}

void Behaviour::note_stranger(Family family) {
  facts_[static_cast<std::size_t>(family)].stranger = true;
}

void Behaviour::note_hairpin(Family family, bool came) {
  facts_[static_cast<std::size_t>(family)].hairpin = came;
}

bool Behaviour::is_own(const Endpoint& endpoint) const {
  return std::ranges::find(own_, endpoint) != own_.end();
}

std::vector<Behaviour::Seen> Behaviour::fresh(Instant now, Family family) const {
  std::vector<Seen> out;
  for (const Seen& s : seen_)
    if (now - s.at <= kFresh && family_of(s.seen) == family) out.push_back(s);
  return out;
}

Mapping Behaviour::mapping_of(const std::vector<Seen>& seen) const {
  // Who sits on our side of the NAT says nothing about it.
  std::vector<Seen> beyond;
  for (const Seen& s : seen)
    if (!is_own(s.seen) || !s.place.is_private()) beyond.push_back(s);
  if (beyond.empty()) return Mapping::Unknown;
  if (std::ranges::any_of(beyond, [&](const Seen& s) { return is_own(s.seen); }))
    return Mapping::None;
  bool two_addresses = false, address_matters = false, port_matters = false, port_does_not = false;
  for (std::size_t i = 0; i < beyond.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      const bool same = beyond[i].seen == beyond[k].seen;
      if (beyond[i].place.address == beyond[k].place.address) {
        (same ? port_does_not : port_matters) = true;
      } else {
        two_addresses = true;
        address_matters = address_matters || !same;
      }
    }
  }
  if (port_matters) return Mapping::ByAddressAndPort;
  if (!two_addresses) return Mapping::Unknown;
  if (!address_matters) return Mapping::Independent;
  return port_does_not ? Mapping::ByAddress : Mapping::Dependent;
}

Ports Behaviour::ports_of(const std::vector<Seen>& seen, Mapping mapping) const {
  const auto kept = [&](const Seen& s) {
    return std::ranges::find(own_, s.seen.port, &Endpoint::port) != own_.end();
  };
  if (seen.empty()) return Ports::Unknown;
  if (std::ranges::all_of(seen, kept)) return Ports::Kept;
  if (mapping == Mapping::Unknown) return Ports::Unknown;
  if (mapping == Mapping::Independent || mapping == Mapping::None) return Ports::Changed;
  std::vector<std::uint16_t> order;  // of the ports that were drawn, as they were drawn
  for (const Seen& s : seen)
    if (std::ranges::find(order, s.seen.port) == order.end()) order.push_back(s.seen.port);
  if (order.size() < 3) return Ports::Unknown;
  for (std::size_t i = 1; i < order.size(); ++i) {
    const auto step = static_cast<std::uint16_t>(order[i] - order[i - 1]);
    if (step == 0 || step > kSequentialStep) return Ports::Random;
  }
  return Ports::Sequential;
}

Verdict Behaviour::verdict(Instant now, Family family) const {
  const auto seen = fresh(now, family);
  const Facts& facts = facts_[static_cast<std::size_t>(family)];
  Verdict out;
  out.mapping = mapping_of(seen);
  out.ports = ports_of(seen, out.mapping);
  if (facts.stranger)
    out.filtering = Filtering::Independent;
  else if (facts.other_port)
    out.filtering = *facts.other_port ? Filtering::ByAddressAtMost : Filtering::ByAddressAndPort;
  out.hairpin = facts.hairpin;
  std::set<NodeId> observers;
  for (auto s = seen.rbegin(); s != seen.rend(); ++s) {
    observers.insert(s->by);
    if (!is_own(s->seen) && out.outside.size() < kOutside &&
        std::ranges::find(out.outside, s->seen) == out.outside.end())
      out.outside.push_back(s->seen);
  }
  out.observers = observers.size();
  return out;
}

std::vector<Endpoint> Behaviour::outside(Instant now) const {
  auto out = verdict(now, Family::V6).outside;
  for (const Endpoint& endpoint : verdict(now, Family::V4).outside) out.push_back(endpoint);
  return out;
}

}  // namespace weft::nat
