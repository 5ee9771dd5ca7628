// How a Byzantine node misbehaves. It runs the honest core and spoils what leaves it:
//   mute    answers pings, so that it stays in every table, but no question and no store
//   deaf    answers nothing, yet keeps asking, so that it is heard of
// Sybils are such nodes with ids mined next to a key.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/core.hpp"

namespace weft::sim {

enum class FaultKind : std::uint8_t { None, Mute, Deaf };

struct Fault {
  FaultKind kind = FaultKind::None;
  Instant from{};

  [[nodiscard]] bool active(Instant now) const { return kind != FaultKind::None && now >= from; }
  // Whether this datagram, about to leave, is swallowed.
  [[nodiscard]] bool swallows(Instant now, ByteView sealed) const;
};

std::optional<FaultKind> fault_named(std::string_view name);
// Sealed datagrams (decisions 15): first byte, version, flags with bit 1 for replies.
bool is_reply(ByteView sealed);

}  // namespace weft::sim
