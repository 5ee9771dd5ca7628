// A carrier that is one connection: TCP or a WebSocket. How it frames, how long it waits and what
// it drops is path::StreamLink's; this moves the bytes. StreamHub makes and ends it.
#pragma once

#include "node/carriers/carrier.hpp"
#include "overlay/path/stream_link.hpp"

namespace weft::carriers {

class StreamCarrier : public Carrier {
 public:
  // `used`: a session uses its path. False: it is over, end it.
  [[nodiscard]] virtual bool look(Instant now, bool used) = 0;
  [[nodiscard]] virtual Instant deadline() const = 0;
  [[nodiscard]] virtual const path::StreamCounters& counters() const = 0;
};

}  // namespace weft::carriers
