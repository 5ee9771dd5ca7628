// How the nodes of one network find each other without anybody's help: what this node tells the DHT
// and the LAN about itself, whom it looks for there, and when it serves others. On top of dht/, one
// per network.
//
//   publisher            node record, provider records         searcher    members that are sought
//   observed_addresses   where others see us                   questions   what people ask
//   lan_beacons          multicast on the LAN
//
// - The DHT starts from members that have or had a session, and from the peers kept of the last
// run.
// - It serves others once reachable: somebody saw us at one of our own addresses, or asked us
//   without our having sent to them before. A closed network is small and its members are known, so
//   nothing is waited for (decision 0004).
// - Who was removed from the network leaves the DHT's tables at once.
//
// No IO. After each input: poll_message() until empty (the post seals and sends), poll_event()
// until empty, poll_timeout(). The same seed and inputs give the same outputs.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "base/trust_view.hpp"
#include "dht/dht.hpp"
#include "overlay/discovery/lan_beacons.hpp"
#include "overlay/discovery/observed_addresses.hpp"
#include "overlay/discovery/publisher.hpp"
#include "overlay/discovery/questions.hpp"
#include "overlay/discovery/searcher.hpp"

namespace weft::discovery {

inline constexpr std::size_t kKeptPeers = 64;
inline constexpr std::size_t kSeeds = 16;  // contacts one start is made from
inline constexpr Duration kReseed = 20s;   // while nobody answers
inline constexpr Duration kLook = 1s;      // at who is sought, and who came up
inline constexpr Duration kRest = 30s;     // the same while nobody is sought and nothing changes
inline constexpr std::size_t kMaxEvents = 1024;

// What discovery must ask about members. Queries only.
class Members {
 public:
  struct Known {
    NodeId id;
    IdentityKey identity{};
    Certificate certificate;
    std::vector<Endpoint> endpoints;  // best first
    bool up = false;                  // there is a session
  };
  virtual ~Members() = default;
  [[nodiscard]] virtual std::size_t sessions_up() const = 0;
  // Members whose certificate is known.
  [[nodiscard]] virtual std::vector<Known> known() const = 0;
  // A session with them is wished for, and there is none.
  [[nodiscard]] virtual std::vector<NodeId> sought() const = 0;
};

// A member said, signed, where it is.
struct MemberFound {
  Certificate certificate;  // checked, of this network
  std::vector<Address> addresses;
};
// A beacon was heard from there: a hint, which proves nothing.
struct MemberHeard {
  Certificate certificate;
  Endpoint endpoint;
};
// To be multicast on the LAN.
struct SendBeacon {
  Bytes beacon;
};
// Contacts worth keeping over a restart: give them to load_peers().
struct KeepPeers {
  Bytes contacts;
};
// Where others see us: to be told to peers beside our own addresses. Replaces the last list.
struct SeenAt {
  std::vector<Endpoint> candidates;
};
struct Serving {
  bool server = false;
  bool full_table = false;
};
using Event =
    std::variant<MemberFound, MemberHeard, SendBeacon, KeepPeers, SeenAt, Serving, Answer>;

struct Setup {
  NetworkId network;
  ByteArray<32> network_secret{};
  const Identity& identity;
  StaticCredential credential;
  const TrustView& trust;
  const dht::PostView& post;
  const Members& members;
  Rng& rng;
  WallClock wall;
};

struct DiscoveryCounters {
  std::uint64_t found = 0;  // members whose address the DHT told us
  std::uint32_t events_dropped = 0;
};

class Discovery {
 public:
  Discovery(Instant now, const Setup& setup);
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // Contacts kept by an earlier run, as KeepPeers gave them; what is malformed is left out.
  void load_peers(ByteView contacts);

  void handle_message(Instant now, const dht::Arrived& message);
  void handle_beacon(Instant now, ByteView datagram, const Endpoint& from);
  void handle_timeout(Instant now);
  std::optional<dht::Departing> poll_message() { return dht_.poll_message(); }
  std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // Our own addresses, best first; the first one's port is what beacons name.
  void set_addresses(Instant now, std::vector<Endpoint> own);
  void set_carriers(Instant now, std::vector<Address> carriers) {
    publisher_.set_carriers(now, std::move(carriers));
  }
  void set_services(Instant now, std::vector<std::string> names);
  void set_credential(Instant now, const StaticCredential& credential);
  void set_wall_clock(const WallClock& wall);
  // The machine slept: as if its addresses had changed.
  void came_back(Instant now);
  // A member says at which address it sees us.
  void observed(Instant now, const NodeId& by, const Endpoint& endpoint);
  void roster_changed(Instant now);
  // Somebody came up, went down or is sought from now on.
  void members_changed(Instant now) { next_look_ = std::min(next_look_, now); }
  QuestionId ask(Instant now, Question question);
  // The network is left: questions under way are answered so.
  void end();

  [[nodiscard]] const dht::Dht& dht() const { return dht_; }
  [[nodiscard]] const LanCounters& lan() const { return lan_.counters(); }
  [[nodiscard]] const DiscoveryCounters& counters() const { return counters_; }
  [[nodiscard]] const ObservedAddresses& observed() const { return observed_; }

 private:
  void on(Instant now, const dht::Bootstrapped& e);
  void on(Instant now, const dht::NodesFound& e);
  void on(Instant now, const dht::RecordFound& e);
  void on(Instant now, const dht::GetDone& e);
  void on(Instant now, const dht::PutDone& e);
  void on(Instant now, const dht::PeersToPersist& e);
  void on(Instant now, const dht::AddressSeen& e);
  void on(Instant now, const dht::ModeChanged& e);
  void drain(Instant now);
  void look(Instant now);
  [[nodiscard]] bool at_rest() const { return dht_.table_size() > 0 && searcher_.size() == 0; }
  void seed(Instant now);
  void publish(Instant now);
  void search(Instant now);
  void learn(Instant now, const dht::Record& record);
  void moved(Instant now);
  void candidates_changed(Instant now);
  void reachable(Instant now);
  void emit(Event event);
  [[nodiscard]] dht::Contact self() const;
  [[nodiscard]] Questions::Around around(Instant now);

  Setup setup_;
  crypto::Key32 audience_;
  dht::Config config_;
  dht::ContactBook book_;
  std::vector<Endpoint> own_;
  dht::Dht dht_;
  Publisher publisher_;
  Searcher searcher_;
  ObservedAddresses observed_;
  LanBeacons lan_;
  Questions questions_;
  std::vector<dht::Contact> kept_;
  std::size_t peers_up_ = 0;
  Instant next_seed_;
  Instant next_look_;
  std::deque<Event> events_;
  DiscoveryCounters counters_;
};

}  // namespace weft::discovery
