// On what terms a rule of `weft share` lets in: until when, at which hours, from where. Pure.
//
// Hours are the exposing node's local time; from > to goes over midnight. A place counts only of a
// caller that is reached directly: a relay, or a proxy before a WebSocket, would lend it its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "base/wire.hpp"
#include "overlay/service/address_range.hpp"

namespace weft::service {

// When and from where somebody asks.
struct Asked {
  UnixTime now = 0;
  std::int32_t east_s = 0;     // of the exposing node's clock: local time minus UTC
  std::optional<Endpoint> at;  // unless it is reached through others
};

struct Hours {
  std::uint16_t from = 0, to = 0;  // minutes of the day: [from, to)
  bool operator==(const Hours&) const = default;
  // "08:00-17:00", to the minute; "24:00" ends a day. Usage, with what to write.
  [[nodiscard]] static Result<Hours> from_text(std::string_view text);
  [[nodiscard]] std::string to_text() const;
};

enum class Unmet : std::uint8_t { None, Ended, Hours, Place };

struct Terms {
  UnixTime until = 0;  // 0: without an end
  std::optional<Hours> hours;
  std::optional<AddressRange> from;
  bool operator==(const Terms&) const = default;

  [[nodiscard]] bool ended(UnixTime now) const { return until != 0 && now >= until; }
  // The first of them that does not hold.
  [[nodiscard]] Unmet unmet(const Asked& asked) const;
  // When time alone may change that next; nothing: never.
  [[nodiscard]] std::optional<UnixTime> next_turn(const Asked& asked) const;
  // For the caller: "the access that it was given ended 12 min ago".
  [[nodiscard]] std::string refusal(Unmet unmet, UnixTime now) const;

  // Three elements of the row of a rule.
  void encode(wire::Writer& out) const;
  [[nodiscard]] static Result<Terms> decode(wire::Reader& in);
};

}  // namespace weft::service
