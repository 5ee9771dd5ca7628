// Who we know, by distance. Kademlia's table with libtorrent's wider first buckets.
//
// Invariants
// 1. Every entry was verified: it answered a request of ours (the caller inserts no others).
// 2. Bucket i holds ids that share exactly i leading bits with ours; the last one all that share
//    at least so many, and only the last one ever splits.
// 3. An old good entry is never pushed out by a new one.
// 4. At most per_prefix_bucket entries of one /24 or /56 per bucket and per_prefix_table in all;
//    private ranges are exempt.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "dht/bucket.hpp"
#include "dht/config.hpp"
#include "dht/contact_book.hpp"

namespace weft::dht {

class RoutingTable {
 public:
  enum class Inserted : std::uint8_t { New, Known, Refused };

  RoutingTable(const Config& config, const ContactBook& book, const NodeId& self);

  // A request of ours was answered after `rtt` (nullopt: unknown, a retransmission).
  Inserted on_reply(Instant now, ContactHandle contact, std::optional<Duration> rtt);
  // Other proof of life: a request with our cookie. Does nothing for contacts not in the table.
  void on_heard(Instant now, ContactHandle contact);
  // A request stayed without answer; true when the entry has used up its chances.
  bool on_failure(ContactHandle contact);
  // What it named was believed or doubted; true when that was doubted too often.
  bool on_word(const NodeId& node, bool believed);
  // Remembers somebody to verify once a place is free. True: a place is free now, ping at once.
  bool suggest(ContactHandle contact);
  void remove(const NodeId& node);
  void clear();

  // The nearest `count`, closest first, skipping `except` and whoever was last heard before
  // `not_before`.
  void closest(const NodeId& target, std::size_t count, Ticks not_before, ContactHandle except,
               std::vector<ContactHandle>& out) const;
  [[nodiscard]] const Entry* find(const NodeId& node) const;
  // The entry that most needs a ping, if any is due; `next` gets when the next one will be. With a
  // directory of everybody, far entries may wait longest: lookups do not start from them.
  [[nodiscard]] const Entry* due(Instant now, Instant& next, bool directory = false);
  // How long contacts stay, as far as we have seen: time watched per death.
  [[nodiscard]] Ticks lifetime() const;
  // Any entry by number. REQUIRES: index < size()
  [[nodiscard]] ContactHandle nth(std::size_t index) const;
  // Somebody suggested for a bucket with a free place.
  ContactHandle take_replacement(bool directory = false);
  // A bucket nobody touched for Config::refresh; its index.
  [[nodiscard]] std::optional<std::size_t> stale_bucket(Instant now) const;
  void touch(Instant now, const NodeId& target);

  // Hints for the processor's cache, one after the other: the buckets, then one's contents.
  void warm_buckets() const;
  void warm_bucket(const NodeId& node) const;
  void warm_contents() const;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bucket_count() const { return buckets_.size(); }
  [[nodiscard]] const Bucket& bucket(std::size_t index) const { return buckets_[index]; }
  [[nodiscard]] std::size_t capacity(std::size_t index) const;
  // Nodes in the network, from how dense they lie around us.
  [[nodiscard]] std::uint64_t network_size() const;
  [[nodiscard]] const NodeId& self() const { return self_; }
  [[nodiscard]] std::size_t memory() const;
  void check_invariants() const;

 private:
  [[nodiscard]] std::size_t index_of(const NodeId& node) const;
  Entry* find_mutable(const NodeId& node);
  [[nodiscard]] bool diverse(const Bucket& bucket, const Endpoint& endpoint) const;
  // Keeps prefixes_ in step when an entry with this short_prefix comes or goes.
  void count_prefix(std::uint16_t prefix, int change) {
    std::uint16_t& count = prefixes_[prefix % prefixes_.size()];
    count = static_cast<std::uint16_t>(count + change);
  }
  void split();
  void insert(Bucket& bucket, const Entry& entry);
  // Whose ping comes first in this bucket, and when.
  [[nodiscard]] const Entry* soonest(std::size_t index, Ticks& at) const;
  [[nodiscard]] std::uint8_t near_bits() const;
  [[nodiscard]] std::uint64_t estimate_size() const;
  // Something changed that the estimate may rest on; it does not if it is farther than those.
  void changed() { estimate_ = 0; }
  void changed(const Entry& entry);
  void watched(Ticks time, std::uint64_t deaths);

  const Config& config_;
  const ContactBook& book_;
  NodeId self_;
  std::vector<Bucket> buckets_;
  std::size_t size_ = 0;
  // Entries by short_prefix, many of those in one place: a low number proves there are few of one.
  std::array<std::uint16_t, 64> prefixes_{};
  std::uint64_t watched_ = 0;  // ticks between two signs of life, over all entries
  std::uint64_t deaths_ = 0;
  mutable std::uint64_t estimate_ = 0;  // network_size() until the table changes; 0: not known
  mutable std::uint32_t reach_ = ~0U;   // leading bits of the distance it was made with
  std::uint64_t near_for_ = 0;          // the estimate near_ was made with
  Ticks life_ = 0;                      // due_from of the buckets holds for this life,
  std::uint8_t near_ = 0;               // these near bits,
  bool directory_ = false;              // and this mode
};

}  // namespace weft::dht
