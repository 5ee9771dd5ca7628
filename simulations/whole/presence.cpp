#include "simulations/whole/presence.hpp"

#include <string>

namespace weft::sim {

void Presence::came(Instant now, std::uint32_t node) {
  Person& person = people_[node];
  person.since = now;
  person.there = person.known = true;
  person.told.clear();
}

void Presence::went(Instant now, std::uint32_t node) {
  Person& person = people_[node];
  person.since = now;
  person.there = false;
  person.told.assign(people_.size(), false);
}

std::optional<Instant> Presence::called_dead(Instant now, std::uint32_t by, std::uint32_t about) {
  Person& person = people_[about];
  if (!person.known || person.removed || now - disturbed_ < settle_) return std::nullopt;
  if (person.there) {
    if (long_there(now, about)) ++wrongly_;
    return std::nullopt;
  }
  // Who was not there then, or is new itself, has nothing to notice.
  if (!people_[by].there || people_[by].since + settle_ > person.since || person.told[by])
    return std::nullopt;
  person.told[by] = true;
  return person.since;
}

void Presence::check(Instant now, std::uint32_t by, std::uint32_t about, membership::State state) {
  const Person& person = people_[about];
  if (!person.known || person.removed || now - disturbed_ < settle_ ||
      now - person.since < settle_ || !long_there(now, by))
    return;
  using membership::State;
  const bool right =
      person.there ? state != State::Dead && state != State::Left : state != State::Alive;
  laws_.check(Law::PresenceIsTrue, now, right, [&] {
    return "n" + std::to_string(by) + " holds n" + std::to_string(about) + " for " +
           std::string(name_of(state)) + ", which " + (person.there ? "is there" : "went") +
           " since second " + std::to_string(person.since.time_since_epoch() / 1s);
  });
}

}  // namespace weft::sim
