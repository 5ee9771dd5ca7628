// The ACK frame at the head of a packet's plaintext (RFC 9000 19.3), as far as PathWatch needs it.
// ngtcp2 writes it first in a packet and tells nobody which packets were acknowledged.
//
// Not a judge: what does not parse says nothing here, and ngtcp2 closes for it. The sender is
// authenticated; false ranges mislead only the session they came in.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"

namespace weft::session {

struct AckRanges {
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;  // both included
  };
  static constexpr std::size_t kMost = 16;  // the newest; older ones were told before

  std::array<Range, kMost> ranges{};  // newest first
  std::size_t count = 0;
};

// Empty if the plaintext does not begin with a well-formed ACK frame.
[[nodiscard]] AckRanges leading_ack(ByteView plaintext);

}  // namespace weft::session
