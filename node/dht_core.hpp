// Private to node/dht_*.cpp: what of DhtHost exists only while there is a network.
#pragma once

#include "node/dht_host.hpp"
#include "node/io/clock.hpp"

namespace weft::node {

struct DhtHost::Core {
  Core(Instant now, const overlay::NetworkKeys& network_keys, DhtHost& host, Rng& rng)
      : keys(network_keys),
        sealer({keys.network, keys.secret, keys.identity.public_key(), keys.credential,
                io::read_wall_clock(), keys.trust, false}),
        office(sealer, host, rng, keys.identity.id),
        discovery(now, {keys.network, keys.secret, keys.identity, keys.credential, *keys.trust,
                        sealer, host, rng, io::read_wall_clock()}) {}

  overlay::NetworkKeys keys;
  post::RealSealer sealer;
  post::PostOffice office;
  discovery::Discovery discovery;
};

}  // namespace weft::node
