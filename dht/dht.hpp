// Kademlia as a core without IO: who is near an id, and records kept near their key.
// Opened messages in, messages to seal out, one round trip per hop. docs/wire/dht.md has the bytes.
//
// Invariants
// 1. Only contacts that answered a request of ours enter the routing table, and only servers.
// 2. To an address that has not echoed our cookie no reply is larger than its request.
// 3. A record is stored only against a cookie, after its signature and BEP 44's rules were checked.
// 4. Every queue and table is bounded by Config; what does not fit is counted and dropped.
// 5. Same seed and inputs, same bytes: no hash order and no floating point reaches a decision.
//
// Departures from the Kademlia paper: wider first buckets; a lookup ends when the closest few have
// replied, not all k; slow replies widen the search instead of blocking it; disjoint paths for
// signed mutable data; records go to a region, not to exactly k nodes.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/rng.hpp"
#include "base/time.hpp"
#include "dht/config.hpp"
#include "dht/contact_book.hpp"
#include "dht/counters.hpp"
#include "dht/mail.hpp"
#include "dht/record.hpp"

namespace weft::dht {

enum class LookupId : std::uint32_t { None = 0 };

struct LookupStats {
  Duration took{};
  std::uint16_t requests = 0;  // datagrams sent, retransmissions included
  std::uint16_t replies = 0;
  std::uint16_t failures = 0;  // asked, no answer in time
  std::uint16_t hops = 0;      // longest chain of replies that led to the closest node
};

// The node has contacts and looked itself up, or found nobody: ok = false.
struct Bootstrapped {
  bool ok = false;
  std::size_t contacts = 0;
};
// Answers find_node: closest first, at most k, all of them heard from or told by somebody. Handles
// of a private book are to be resolved before the next call of the Dht: it may sweep the book.
struct NodesFound {
  LookupId id{};
  bool exact = false;  // the first one is the target itself, and it answered
  std::vector<ContactHandle> closest;
  LookupStats stats;
};
// The first valid record of a get, at once; a better one (higher seq, further provider) may follow.
struct RecordFound {
  LookupId id{};
  Record record;
  Duration took{};
};
// Ends a get. For Mutable and Node records `best` is the highest seq that paths agreed on.
struct GetDone {
  LookupId id{};
  std::optional<Record> best;
  bool agreed = false;  // two disjoint paths and half of the region say so
  LookupStats stats;
};
// Ends a put. ok: three quarters of the region hold it.
struct PutDone {
  LookupId id{};
  bool ok = false;
  std::uint16_t stored = 0;
  std::uint16_t region = 0;
  PutError error = PutError::None;  // what most refusals said
  LookupStats stats;
};
// Worth remembering over a restart: best first.
struct PeersToPersist {
  std::vector<Contact> peers;
};
// Somebody told where our datagrams come from: our address, or that of a NAT before us.
struct AddressSeen {
  Endpoint endpoint;
  NodeId by;
};
struct ModeChanged {
  bool server = false;
  bool full_table = false;
};
using DhtEvent = std::variant<Bootstrapped, NodesFound, RecordFound, GetDone, PutDone,
                              PeersToPersist, AddressSeen, ModeChanged>;

struct GetOptions {
  RecordKind kind = RecordKind::Mutable;
  bool first_only = false;  // end at the first valid record: for values one trusts by themselves
};
struct PutOptions {
  std::optional<std::uint64_t> cas;
  bool keep = true;  // republish until forget_record
};

struct DhtSetup {
  const Config& config;
  ContactBook& book;
  const PostView& post;
  Rng& rng;  // may be shared with others of the same strand
  NetworkId network;
  Contact self;
  WallClock wall;
  bool server = false;  // start as a server at once: reachability is known (tests, fixed seeds)
};

class RoutingTable;
struct DhtState;  // everything that is not idle-node state, allocated on use

class Dht {
 public:
  using Event = DhtEvent;

  Dht(Instant now, const DhtSetup& setup);
  ~Dht();
  Dht(const Dht&) = delete;
  Dht& operator=(const Dht&) = delete;

  void handle_message(Instant now, const Arrived& in);
  void handle_timeout(Instant now);
  // The next message to seal and send. `to` holds until the next call.
  std::optional<Departing> poll_message();
  std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // Contacts to start from: tickets, configured peers, the peer cache, LAN discovery. May be called
  // again at any time. Answered by Bootstrapped.
  void bootstrap(Instant now, std::span<const Contact> seeds);
  // LookupId::None: too many at once.
  LookupId find_node(Instant now, const NodeId& target);
  LookupId get(Instant now, const Key& key, const GetOptions& options);
  LookupId put(Instant now, const Record& record, const PutOptions& options);
  void cancel(LookupId id);
  // Ends republishing.
  void forget_record(const Key& key, const IdentityKey& author);
  // Removed from the network: out of every table.
  void forget_node(const NodeId& node);
  // Everybody in our tables, verified or by hearsay, by id.
  [[nodiscard]] std::vector<NodeId> known_nodes() const;
  // Our address or static key changed, or we were away: our neighbourhood is asked anew, and told.
  // Time does not tell us of the latter: a machine's monotonic clock stands still while it sleeps.
  void set_self(Instant now, const Contact& self);
  // Inbound reachability, as NAT discovery sees it; a server after `server_after` of it.
  void set_reachable(Instant now, bool reachable);
  void set_wall_clock(const WallClock& wall);

  [[nodiscard]] const Contact& self() const;
  [[nodiscard]] bool is_server() const;
  [[nodiscard]] bool full_table() const;
  [[nodiscard]] std::size_t table_size() const;        // verified contacts
  [[nodiscard]] bool knows(const NodeId& node) const;  // verified or by hearsay
  [[nodiscard]] std::size_t directory_size() const;    // full-table mode: nodes known of
  [[nodiscard]] std::size_t record_count() const;
  [[nodiscard]] bool holds(const Key& key) const;
  [[nodiscard]] std::uint64_t network_size() const;  // estimate from the density around us
  [[nodiscard]] const DhtCounters& counters() const;
  [[nodiscard]] const RoutingTable& table() const;
  [[nodiscard]] std::size_t memory() const;  // bytes, own allocations included
  // Fetches what a datagram from `sender` will touch into the processor's cache, in steps 0, 1, 2
  // that each rest on the one before: a simulation knows whose turn comes next. None: a timeout.
  void warm(int step, ContactHandle sender, bool reply) const;
  // WEFT_ASSERTs everything that must hold; for tests and the simulator's checkers.
  void check_invariants() const;

 private:
  std::unique_ptr<DhtState> state_;
};

}  // namespace weft::dht
