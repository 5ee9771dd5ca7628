// systemd's readiness protocol (sd_notify): one datagram to the socket that NOTIFY_SOCKET names.
#pragma once

#include <string_view>

namespace weft::node {

// "READY=1", "STOPPING=1". Nothing happens where no systemd started us.
void notify_systemd(std::string_view state);

}  // namespace weft::node
