// Fresh keys on a live session: the IKhfs handshake run again as messages on the control stream.
#pragma once

#include <cstdint>
#include <optional>

#include "overlay/session/key_schedule.hpp"

namespace weft::session {

class Rekey {
 public:
  struct Output {
    std::uint64_t generation = 0;
    DirectionSecrets fresh;
  };
};

}  // namespace weft::session
