// The insides of Overlay, shared by its .cpp files and nobody else:
//   overlay.cpp    datagrams, session events and time, to whom they belong
//   stun.cpp       STUN, which is no session's: who is answered, and what parts send themselves
//   networks.cpp   the networks of this node: loading, founding, joining, leaving
//   home.cpp       what is asked for without naming a network
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "base/meter.hpp"
#include "nat/responder.hpp"
#include "overlay/joining/joiner.hpp"
#include "overlay/network.hpp"
#include "overlay/overlay.hpp"
#include "overlay/streams/openings.hpp"
#include "overlay/trust_router.hpp"

namespace weft::overlay {

struct Overlay::Impl {
  Impl(Instant now, WallClock wall, OverlayConfig overlay_config, Rng& random);

  // --- overlay.cpp
  void handle_one_kind(Instant now, const Datagram& run);
  void handle_frames(Instant now, const Datagram& run);
  void handle_stretch(Instant now, const Datagram& run);  // all for the relay, or all for us
  void settle(Instant now);                               // until nothing is left to carry anywhere
  bool settle_once(Instant now);
  bool hear_sessions(Instant now);  // what the session layer has to tell; true: something
  void on(Instant now, const session::SessionUp& e);
  void on(Instant now, const session::SessionDown& e);
  void on(Instant now, const session::StreamOpened& e);
  void on(Instant now, const session::StreamReadable& e);
  void on(Instant now, const session::StreamWritable& e);
  void on(Instant now, const session::StreamReset& e);
  void on(Instant now, const session::StreamClosed& e);
  void on(Instant now, const session::RekeySend& e);
  void on(Instant, const session::Rekeyed&) {}
  template <class Other>
  void on(Instant now, const Other& e);  // the others go to the network as they are
  void request_arrived(Instant now, const StreamKey& key);
  void handle_sealed(Instant now, const Datagram& run);
  std::optional<Transmit> poll_post(MutableByteView out);
  void link_open(Instant now, const session::SessionUp& up);
  void hear(Instant now, SessionId session);
  [[nodiscard]] Result<void> heard(Instant now, const session::SessionUp& from, ByteView body);
  void news(Instant now, const NetworkId& network, SessionId session, const SessionNews& news);
  [[nodiscard]] Network* network_of(SessionId session);
  void done(CommandId id, Result<Outcome> result, Refusal refusal = Refusal::None) {
    events.push_back(CommandDone{id, std::move(result), refusal});
  }

  // --- stun.cpp
  void handle_stun(Instant now, const Datagram& datagram);
  std::optional<Transmit> poll_cast(MutableByteView out);

  // --- networks.cpp
  [[nodiscard]] Result<void> load_rows(Instant now, std::vector<Row> rows);
  [[nodiscard]] Result<void> load_network(Instant now, const NetworkId& id,
                                          const std::vector<Row>& rows);
  Network& install(Instant now, std::unique_ptr<Network> fresh,
                   std::optional<StaticCredential> first = std::nullopt);
  std::unique_ptr<Network> take_out(Instant now, const NetworkId& id);  // its sessions end
  void retire(Instant now, const NetworkId& id);
  // Its sessions, doors and commands end; what the disk has of it is not touched.
  void uninstall(Instant now, const NetworkId& id);
  void store(const NetworkId& owner, std::vector<Row> rows, Then then = {},
             Again again = Again::UntilStored);
  [[nodiscard]] Result<roster::Roster> found(Instant now, const std::string& network_name,
                                             const std::string& node_name);
  void start_join(Instant now, CommandId id, const std::string& text,
                  std::optional<Duration> within);
  void joined(Instant now, Joiner::Joined joined);
  void carry(Instant now, Joiner::Output output);
  void forget(Instant now, const NetworkId& id);  // a network that was left
  [[nodiscard]] std::optional<NetworkId> replaced(Instant now) const;

  OverlayConfig config;
  Rng& rng;
  WallClock clock;
  TrustRouter trust;
  path::PathTable paths;
  RelayHome relaying;
  session::SessionLayer sessions;
  Links links;
  SessionStreams stream_io;
  Openings openings;
  Journal journal;
  std::deque<OverlayEvent> events;
  std::deque<Cast> casts;
  nat::Responder stun;
  Meter stun_lookups{1000, 1000};  // whether who asks is a member: at most so often a second
  CommandId last_command = 0;
  std::uint64_t last_door = 0;
  ByteArray<8> instance{};
  Shared shared;
  Joiner joiner;
  std::map<NetworkId, std::unique_ptr<Network>> networks;
  // Whose place a join took, until the disk has answered them.
  std::vector<std::unique_ptr<Network>> retired;
  NetworkId default_network;
  std::optional<NetworkId> meant;  // by an Overlay::Meaning
  OverlayCounters counters;
  bool post_goes = false;            // first, at the next poll_transmit()
  bool store_troubled = false;       // as was told
  Instant latest;                    // of what was handed in
  std::optional<Instant> unsettled;  // datagrams came then; their events are read once per batch
};

}  // namespace weft::overlay
