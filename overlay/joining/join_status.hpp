// How a join ended, on the wire and as an error here.
#pragma once

#include "overlay/control_message.hpp"

namespace weft::overlay {

[[nodiscard]] JoinStatus join_status_of(Errc code);
[[nodiscard]] Errc errc_of(JoinStatus status);

}  // namespace weft::overlay
