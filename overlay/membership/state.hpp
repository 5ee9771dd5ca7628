// What a node holds of a member.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft::membership {

enum class State : std::uint8_t {
  Unknown = 0,  // no sign of life since this node started
  Alive = 1,    // it answers, or its own word says so and nobody has a doubt
  Suspect = 2,  // it is accused, and has a while to show itself
  Dead = 3,     // it did not
  Left = 4,     // it said that it goes
};

// "away", "alive", "suspect", "dead", "left"
[[nodiscard]] constexpr std::string_view name_of(State state) {
  constexpr std::string_view kNames[] = {"away", "alive", "suspect", "dead", "left"};
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace weft::membership
