// One bucket of the routing table: contacts that share exactly so many leading bits with us.
#pragma once

#include <vector>

#include "dht/contact.hpp"
#include "dht/ticks.hpp"

namespace weft::dht {

// A contact that answered us. 20 bytes: a node has up to 900 of them.
struct Entry {
  ContactHandle handle = ContactHandle::None;
  std::uint32_t top = 0;         // the id's leading 32 bits: most questions need no more of it
  Ticks heard = 0;               // last proof of life
  std::uint16_t born = 0;        // first proof, in units of 1024 ticks (69 s)
  std::uint16_t rtt_ms = 0;      // smoothed
  std::uint16_t prefix = 0;      // short_prefix of its address
  std::uint8_t fails : 5 = 0;    // requests without answer since heard
  std::uint8_t strikes : 3 = 0;  // replies doubted, less those believed
  std::uint8_t shared = 0;       // leading bits its id shares with ours, at most 255
};

inline std::uint16_t born_of(Ticks ticks) { return static_cast<std::uint16_t>(ticks >> 10); }
// Between its first proof of life and the last.
inline Ticks age_of(const Entry& entry) {
  return static_cast<Ticks>(static_cast<std::uint16_t>(born_of(entry.heard) - entry.born)) << 10;
}

struct Bucket {
  std::vector<Entry> live;                  // oldest first
  std::vector<ContactHandle> replacements;  // heard of, not proven; newest last
  Ticks touched = 0;                        // last lookup into this range
  Ticks due_from = 0;                       // nobody here is due for a ping before this
};

}  // namespace weft::dht
