#include "simulations/dht/directory.hpp"

#include <bit>

#include "base/assert.hpp"

namespace weft::sim {

namespace {

IdentityKey identity_from(std::uint64_t seed, std::uint64_t number) {
  IdentityKey key{};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint64_t word = hash_of(seed, number, i);
    for (std::size_t b = 0; b < 8; ++b) key[i * 8 + b] = static_cast<std::uint8_t>(word >> (8 * b));
  }
  return key;
}

// Ids that share so many bits with the victim's key that all of them are nearer to it than an
// honest node is likely to be.
int bits_shared(std::uint32_t nodes, std::uint32_t sybils) {
  return std::min<int>(18, static_cast<int>(std::bit_width(nodes)) + 1 -
                               static_cast<int>(std::bit_width(sybils / 200)));
}

}  // namespace

Directory::Directory(const Population& population, std::uint32_t sybils, std::uint64_t seed,
                     const Network& network, dht::ContactBook& book, const dht::Key& victim)
    : network_(network), book_(book) {
  const std::uint64_t own_seed = hash_of(seed, 0x706f70);
  const auto honest = static_cast<std::uint32_t>(population.size()) - sybils;
  people_.reserve(population.size());
  for (std::uint32_t node = 0; node < honest; ++node) name(node, identity_from(own_seed, node));
  std::uint64_t attempt = 0;
  const int bits = bits_shared(population.initial(), sybils);
  for (std::uint32_t i = 0; i < sybils; ++i) {
    IdentityKey identity{};
    do {
      identity = identity_from(own_seed ^ 0x737962696c, attempt++);
    } while (common_prefix(node_id_of(identity), victim) < bits);
    name(honest + i, identity);
  }
  truth_.build();
}

void Directory::name(std::uint32_t node, const IdentityKey& identity) {
  dht::Contact contact;
  contact.identity = identity;
  contact.id = node_id_of(identity);
  contact.static_key = identity;  // sizes matter here, keys do not
  contact.endpoint = network_.public_endpoint(node);
  DhtPerson person;
  person.contact = book_.intern(contact);
  WEFT_ASSERT(person.contact != dht::ContactHandle::None);
  person.name = person.contact;
  truth_.add(contact.id, node);
  people_.push_back(std::move(person));
}

dht::ContactHandle Directory::renew_contact(std::uint32_t node) {
  dht::Contact contact = book_.at(people_[node].contact);
  contact.endpoint = network_.public_endpoint(node);
  people_[node].contact = book_.intern(contact);
  return people_[node].contact;
}

std::size_t Directory::memory_bytes() const {
  std::size_t bytes = people_.capacity() * sizeof(DhtPerson) + truth_.memory_bytes();
  for (const auto& person : people_) bytes += person.cache.capacity() * sizeof(dht::ContactHandle);
  return bytes;
}

}  // namespace weft::sim
