// Private to node/dht_*.cpp: what of DhtHost exists only while there is a network.
#pragma once

#include "node/dht_host.hpp"
#include "node/io/clock.hpp"

namespace weft::node {

struct DhtHost::Core {
  Core(Instant now, const dht::Config& config, const overlay::NetworkKeys& network_keys,
       const Endpoint& self, Rng& rng)
      : keys(network_keys),
        audience(dht::audience_key(keys.secret)),
        book(rng.bytes<16>()),
        sealer({keys.network, keys.secret, keys.identity.public_key(), keys.credential,
                io::read_wall_clock(), keys.trust, false}),
        dht(now,
            {config,
             book,
             sealer,
             rng,
             keys.network,
             {keys.identity.id, keys.identity.public_key(), keys.credential.key.public_key, self},
             io::read_wall_clock(),
             false}),
        port(sealer, dht) {}

  overlay::NetworkKeys keys;
  crypto::Key32 audience;
  dht::ContactBook book;
  post::RealSealer sealer;
  dht::Dht dht;
  post::LoneDht port;
};

}  // namespace weft::node
