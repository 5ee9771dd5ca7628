// Whether and how much this node relays for others.
#pragma once

#include <cstdint>

namespace weft::overlay {

struct RelaySettings {
  enum class Mode : std::uint8_t { Auto, On, Off };
  enum class Source : std::uint8_t { Default, Command, Config };
  Mode mode = Mode::Auto;
  std::uint64_t rate = 20'000'000 / 8;  // bytes a second; 0: no limit
  std::uint64_t cap = 50'000'000'000;   // bytes a calendar month, UTC; 0: no limit
  Source source = Source::Default;
};

}  // namespace weft::overlay
