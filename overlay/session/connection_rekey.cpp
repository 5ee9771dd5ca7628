// Fresh keys on a live Connection (decision 11).
#include "overlay/session/connection.hpp"

namespace weft::session {

void Connection::handle_rekey(Instant, ByteView) { ++state_.counters.malformed; }

}  // namespace weft::session
