// What this node tells the DHT about itself: its node record (certificate and addresses) and one
// provider record for each service it exposes, sealed to the members of the network, signed anew.
// Every kEvery, and soon after something in them changed; never while nobody could hold them.
//
// Sequence numbers are Unix seconds, and one more than the last where that is not enough: a node
// that lost its state still outdoes what it published before.
#pragma once

#include <string>
#include <vector>

#include "base/identity.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"
#include "dht/record.hpp"

namespace weft::discovery {

class Publisher {
 public:
  static constexpr Duration kEvery = 10min;
  static constexpr Duration kAgain = 1s;  // when there was nobody to hold a record
  static constexpr UnixTime kLife = 30 * 60;

  explicit Publisher(Instant now) : next_(now) {}

  // Best first; those that others see us at go in front (two at most), loopback is left out.
  void set_addresses(Instant now, const std::vector<Endpoint>& own,
                     const std::vector<Endpoint>& observed);
  // And by TCP and WebSocket: they have their places in the record, four at most, behind the others.
  void set_carriers(Instant now, std::vector<Address> carriers);
  void set_services(Instant now, std::vector<std::string> names);
  void soon(Instant at) { next_ = std::min(next_, at); }

  // Whether it is time; then the next time is set. `somebody`: there are nodes that can hold them.
  bool due(Instant now, bool somebody);
  [[nodiscard]] std::vector<dht::Record> records(const Identity& identity, const NetworkId& network,
                                                 const Certificate& certificate,
                                                 const crypto::Key32& audience, Rng& rng,
                                                 UnixTime wall);
  std::uint64_t next_sequence(UnixTime wall);

  [[nodiscard]] Instant poll_timeout() const { return next_; }
  [[nodiscard]] const std::vector<Address>& addresses() const { return addresses_; }

 private:
  Instant next_;
  void put_together(Instant now);

  std::vector<Endpoint> told_;
  std::vector<Address> carriers_;
  std::vector<Address> addresses_;
  std::vector<std::string> services_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace weft::discovery
