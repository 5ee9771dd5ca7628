// One way by which datagrams leave this machine and come to it: a UDP socket now, a TCP connection
// or a WebSocket beside it. Carriers owns them and knows each by its PathId.
#pragma once

#include "base/core.hpp"

namespace weft::carriers {

// The one who is fed. Called on the loop; must not destroy the carrier from within a callback.
class DatagramSink {
 public:
  // A datagram or a run of them; payload: valid during the call.
  virtual void on_datagram(const Datagram& datagram) = 0;
  virtual void on_batch_end() = 0;  // after the last on_datagram of a wake-up: drain cores now
  virtual void on_writable() = 0;   // the carrier is not blocked any more
  // Datagrams of `size` are longer than the interface takes (EMSGSIZE); they were dropped.
  virtual void on_too_large(const Transmit& transmit, std::size_t size) {
    static_cast<void>(transmit);
    static_cast<void>(size);
  }

 protected:
  ~DatagramSink() = default;
};

class Carrier {
 public:
  virtual ~Carrier() = default;
  // Sends transmit.size bytes from the front of `bytes`; true: sent, kept to be sent, or refused
  // for good and counted. False: dropped, too much is pending already.
  virtual bool send(const Transmit& transmit, ByteView bytes) = 0;
  // Nothing should be written for it now; on_writable() follows.
  [[nodiscard]] virtual bool blocked() const = 0;
  // How much one wake-up may hand over before others get their turn.
  virtual void set_receive_share(std::size_t bytes_per_wakeup) {
    static_cast<void>(bytes_per_wakeup);
  }
};

}  // namespace weft::carriers
