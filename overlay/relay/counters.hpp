// What a relay counts.
#pragma once

#include <cstdint>
#include <tuple>

#include "base/fields.hpp"

namespace weft::relay {

struct ForwardCounters {
  std::uint64_t forwarded = 0;
  std::uint64_t forwarded_bytes = 0;
  std::uint64_t unknown_label = 0;
  std::uint64_t wrong_way = 0;
  std::uint64_t not_open = 0;
  std::uint64_t over_rate = 0;
  std::uint64_t over_volume = 0;
  std::uint64_t no_room = 0;

  static constexpr auto fields() {
    using C = ForwardCounters;
    return std::tuple{
        field("forwarded", "datagrams", "handed on", &C::forwarded),
        field("forwarded_bytes", "bytes", "handed on, headers included", &C::forwarded_bytes),
        field("unknown_label", "datagrams", "whose label was given to nobody", &C::unknown_label),
        field("wrong_way", "datagrams", "that came from elsewhere than who got their label",
              &C::wrong_way),
        field("not_open", "datagrams", "of circuits whose far end has not agreed", &C::not_open),
        field("over_rate", "datagrams", "dropped for the rate", &C::over_rate),
        field("over_volume", "datagrams", "dropped because a volume was used up", &C::over_volume),
        field("no_room", "datagrams", "dropped because the way out was full", &C::no_room)};
  }
};
static_assert(lists_all_fields<ForwardCounters>());

}  // namespace weft::relay
