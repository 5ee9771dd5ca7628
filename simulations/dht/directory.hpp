// What the nodes of a DHT simulation are called: identities, contacts in one book, and where each
// would rank among all (the ground truth). Sybils have ids mined next to the key they are after.
#pragma once

#include <vector>

#include "dht/contact_book.hpp"
#include "dht/record.hpp"
#include "simulations/dht/ground_truth.hpp"
#include "simulations/population.hpp"

namespace weft::sim {

struct DhtPerson {
  dht::ContactHandle contact = dht::ContactHandle::None;
  dht::ContactHandle name = dht::ContactHandle::None;  // its first contact
  Instant serving_since = Instant::max();
  std::vector<dht::ContactHandle> cache;  // peers remembered over a restart
};

class Directory {
 public:
  // Of all that are placed in `population`. `sybils` of them, the last ones, lie next to `victim`.
  Directory(const Population& population, std::uint32_t sybils, std::uint64_t seed,
            const Network& network, dht::ContactBook& book, const dht::Key& victim);

  [[nodiscard]] DhtPerson& at(std::uint32_t node) { return people_[node]; }
  [[nodiscard]] const DhtPerson& at(std::uint32_t node) const { return people_[node]; }
  [[nodiscard]] const GroundTruth& truth() const { return truth_; }
  // The node has another address: another contact.
  dht::ContactHandle renew_contact(std::uint32_t node);
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  void name(std::uint32_t node, const IdentityKey& identity);

  const Network& network_;
  dht::ContactBook& book_;
  std::vector<DhtPerson> people_;
  GroundTruth truth_;
};

}  // namespace weft::sim
