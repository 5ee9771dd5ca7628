// The DHT inside the daemon: a dht::Dht for the network we are in, fed from the one UDP socket
// (datagrams that begin with 0x04), and what the node does with it.
//
// - Starts from peers the overlay knows (tickets, configured, remembered), the peers it kept itself
//   in state.db, and LAN discovery.
// - Publishes where this node is: its node record, and one provider record per exposed service, all
//   sealed to the members of the network. Signed anew every 10 minutes and when addresses change.
// - Looks up members without a session by their id, first after 1 s, then with growing pauses, and
//   tells the overlay what it found.
// - Serves others once reachable: somebody saw us at one of our own addresses (no translator in
//   between), or asked us without our having sent to them before.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "dht/dht.hpp"
#include "dht/message.hpp"
#include "overlay/post/lone_dht.hpp"
#include "overlay/post/real_sealer.hpp"
#include "node/api/control.hpp"
#include "node/driver.hpp"
#include "node/lan_discovery.hpp"

namespace weft::node {

class DhtHost {
 public:
  DhtHost(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver, store::Writer& writer,
          Rng& rng);
  ~DhtHost();

  // Peers kept before the restart: rows of Table::Setting.
  void load(const std::vector<Row>& rows);
  // After the socket is open, and whenever network, credential, addresses, exposures or sessions
  // may have changed: compares and does what is needed.
  void refresh();
  // The machine slept: as if its address had changed.
  void came_back();
  void refresh_soon() { refresh_.schedule(); }
  // Who was removed from the network leaves our tables at once.
  void roster_changed();

  [[nodiscard]] api::DhtStats stats() const;
  void run(api::DhtRequest request, api::Done<api::DhtResult> done);

 private:
  struct Core;
  struct Search {  // for one member
    dht::LookupId lookup = dht::LookupId::None;
    Instant next{};
    Duration pause{};
  };
  struct Question {  // from the command line
    api::DhtRequest request;
    api::DhtResult result;
    api::Done<api::DhtResult> done;
    dht::Key key;
    bool node = false;        // the key is a node's
    bool found = false;       // that node answered
    bool tried_hash = false;  // looked for an immutable value, too
  };
  struct Place {
    dht::Key key;
    dht::RecordKind kind = dht::RecordKind::Mutable;
    bool node = false;
  };
  struct Asked {
    Endpoint from, local;
  };
  static constexpr Duration kPublishAgain = std::chrono::seconds(1);

  void rebuild(const overlay::NetworkKeys& keys);
  void receive(Instant now, const Datagram& datagram);
  void drain();
  void tick();
  void on(Instant now, const dht::Bootstrapped& e);
  void on(Instant now, const dht::NodesFound& e);
  void on(Instant now, const dht::RecordFound& e);
  void on(Instant now, const dht::GetDone& e);
  void on(Instant now, const dht::PutDone& e);
  void on(Instant now, const dht::PeersToPersist& e);
  void on(Instant now, const dht::AddressSeen& e);
  void on(Instant now, const dht::ModeChanged& e);
  void seed(Instant now);
  void publish(Instant now);
  void search(Instant now);
  void learn(Instant now, const dht::Record& record);
  void finish(Question& question, bool found);
  [[nodiscard]] std::optional<dht::Contact> contact_of(const overlay::KnownPeer& peer,
                                                       const Endpoint& endpoint) const;
  [[nodiscard]] Result<Place> place_of(const std::string& text) const;
  [[nodiscard]] std::optional<Question> take(dht::LookupId id);

  io::EventLoop& loop_;
  overlay::Overlay& overlay_;
  Driver& driver_;
  store::Writer& writer_;
  Rng& rng_;
  dht::Config config_;
  io::Timer timer_;
  io::Deferred refresh_;
  LanDiscovery lan_;
  Asked asked_;  // what is being answered
  std::unique_ptr<Core> core_;
  std::vector<dht::Contact> kept_;  // from the peer cache
  std::optional<NetworkId> kept_network_;
  std::vector<Endpoint> addresses_;
  std::vector<std::string> exposed_;
  std::map<NodeId, Search> searches_;
  std::map<dht::LookupId, Question> questions_;
  std::map<NodeId, Endpoint> seen_as_;  // by whom we were seen where, a few
  std::size_t peers_up_ = 0;
  Instant next_publish_{};
  Instant next_seed_{};
  Instant next_tick_{};
  std::uint64_t last_seq_ = 0;
  std::uint64_t found_ = 0;  // members whose address the DHT told us
};

}  // namespace weft::node
