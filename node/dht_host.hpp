// Post and discovery in the daemon: the edge of overlay/post and overlay/discovery. Hands in sealed
// datagrams (first byte 0x04), beacons of the LAN, time, our addresses and exposures; carries out
// transmits, beacons, rows of peers to keep, and tells the overlay who was found where. Nothing is
// decided here.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "node/api/modules/dht.hpp"
#include "node/driver.hpp"
#include "node/lan_socket.hpp"
#include "overlay/discovery/discovery.hpp"
#include "overlay/post/post_office.hpp"

namespace weft::node {

class DhtHost final : private post::Members, private discovery::Members {
 public:
  DhtHost(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver, store::Writer& writer,
          Rng& rng);
  ~DhtHost() override;

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
  struct Counters {
    dht::DhtCounters dht;
    post::PostCounters post;
    post::SealerCounters sealer;
  };
  [[nodiscard]] Counters counters() const;
  void run(api::DhtRequest request, api::Done<api::DhtResult> done);

 private:
  struct Core;

  void rebuild(const overlay::NetworkKeys& keys);
  void receive(Instant now, const Datagram& datagram);
  void tick();
  void drain(Instant now);
  void on(Instant now, const discovery::MemberFound& e);
  void on(Instant now, const discovery::MemberHeard& e);
  void on(Instant now, const discovery::SendBeacon& e);
  void on(Instant now, const discovery::KeepPeers& e);
  void on(Instant now, const discovery::SeenAt& e);
  void on(Instant now, const discovery::Serving& e);
  void on(Instant now, const discovery::Answer& e);

  [[nodiscard]] std::optional<post::Contact> contact_of(const NodeId& node) const override;
  [[nodiscard]] std::optional<post::Way> session_with(const NodeId& node) const override;
  [[nodiscard]] std::optional<Direct> address_of(Instant now, const NodeId& node) const override;
  [[nodiscard]] std::vector<NodeId> forwarders_to(const NodeId& node) const override;
  [[nodiscard]] std::size_t sessions_up() const override;
  [[nodiscard]] std::vector<Known> known() const override;
  [[nodiscard]] std::vector<NodeId> sought() const override;

  overlay::Overlay& overlay_;
  Driver& driver_;
  store::Writer& writer_;
  Rng& rng_;
  io::Timer timer_;
  io::Deferred refresh_;
  LanSocket lan_;
  std::unique_ptr<Core> core_;
  std::optional<NetworkId> kept_network_;  // of the peers kept by the last run
  Bytes kept_;
  std::map<discovery::QuestionId, api::Done<api::DhtResult>> asked_;
};

}  // namespace weft::node
