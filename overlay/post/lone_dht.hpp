// A DHT that has the post for itself: what arrives is opened and handed to it, what it says is
// sealed. For simulations of the DHT alone, its benches and its tests; in a node the post office
// (post_office.hpp) stands here.
#pragma once

#include "base/core.hpp"
#include "dht/dht.hpp"
#include "overlay/post/sealer.hpp"

namespace weft::post {

class LoneDht {
 public:
  struct Counters {
    std::uint64_t bytes_out = 0;
    std::uint64_t not_opened = 0;  // forged, strangers, other networks
    std::uint64_t not_sealed = 0;  // too large, or a key that is none
  };

  LoneDht(Sealer& sealer, dht::Dht& dht) : sealer_(sealer), dht_(dht) {}

  void handle_datagram(Instant now, const Datagram& in) {
    if (const auto message = sealer_.open(now, in.payload))
      dht_.handle_message(now, {in.from, in.payload.size(), *message});
    else
      ++counters_.not_opened;
  }

  std::optional<Transmit> poll_transmit(Instant, MutableByteView out) {
    while (const auto next = dht_.poll_message()) {
      const std::size_t size = sealer_.seal(*next->to, next->to_seal(), out);
      if (size == 0) {
        ++counters_.not_sealed;
        continue;
      }
      counters_.bytes_out += size;
      Transmit transmit;
      transmit.to = next->to->endpoint;
      transmit.size = size;
      return transmit;
    }
    return std::nullopt;
  }

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  Sealer& sealer_;
  dht::Dht& dht_;
  Counters counters_;
};

}  // namespace weft::post
