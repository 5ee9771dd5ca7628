// What the switchboard drops because nobody here claims it.
#pragma once

#include <cstdint>
#include <tuple>

#include "base/fields.hpp"

namespace weft::overlay {

struct OverlayCounters {
  std::uint64_t no_such_first_byte = 0;
  std::uint64_t sealed_unclaimed = 0;
  std::uint64_t relay_unclaimed = 0;
  std::uint64_t streams_unclaimed = 0;

  static constexpr auto fields() {
    return std::tuple{
        field("no_such_first_byte", "datagrams", "whose first byte means nothing",
              &OverlayCounters::no_such_first_byte),
        field("sealed_unclaimed", "datagrams", "sealed, and nobody here opens them",
              &OverlayCounters::sealed_unclaimed),
        field("relay_unclaimed", "datagrams", "of relays, and nobody here knows their label",
              &OverlayCounters::relay_unclaimed),
        field("streams_unclaimed", "streams", "of a kind that no part here knows",
              &OverlayCounters::streams_unclaimed)};
  }
};
static_assert(lists_all_fields<OverlayCounters>());

}  // namespace weft::overlay
