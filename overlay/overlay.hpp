// The whole node without IO: sessions, roster, services and peers composed into one core that the
// daemon drives from sockets and the simulator from its event queue.
//
// Several networks (decision 32): each is a Network with parts of its own. What is asked for
// without naming one means home(): the one that a Meaning names, else the only one, else the one
// marked default.
//
// Laws of base/core.hpp hold. In addition:
//  1. Nothing is acknowledged (CommandDone) or told to other nodes before the rows it depends on
//     are stored: a command emits PersistRequest and takes effect in persisted().
//  2. Every command answers with exactly one CommandDone carrying its id.
//  3. A stream reaches a service only after the caller's identity passed the access rules; rules
//     changed later end the open streams they no longer allow.
//
// Data plane: after ConnectReady or accept() the owner moves bytes through sessions() with the
// StreamKey, reacting to DataReadable, DataWritable, DataReset and DataClosed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/core.hpp"
#include "base/rng.hpp"
#include "nat/behaviour.hpp"
#include "nat/responder.hpp"
#include "overlay/config.hpp"
#include "overlay/counters.hpp"
#include "overlay/event.hpp"
#include "overlay/service/access.hpp"
#include "overlay/view.hpp"

namespace weft::overlay {

class Mail;
class Network;
struct JournalCounters;
struct RelayView;
struct LinkCounters;

class Overlay {
 public:
  using Event = OverlayEvent;

  // `stored` are all rows of the home; empty at a first start. `rng` outlives the overlay.
  static Result<std::unique_ptr<Overlay>> load(Instant now, WallClock clock, OverlayConfig config,
                                               std::vector<Row> stored, Rng& rng);
  ~Overlay();

  // First start: a private network of one, this node as its first member.
  void create_network(Instant now, const std::string& node_name);

  // While it lives, home() is this network, as if it were the only one; `nullopt`: the default. If
  // this node has left it, home() is none: questions are answered as without a network, commands
  // end with NotFound. It lives within one call of whoever asks: nobody waits while one is there.
  class Meaning {
   public:
    Meaning(const Overlay& overlay, const std::optional<NetworkId>& network);
    ~Meaning();
    Meaning(const Meaning&) = delete;
    Meaning& operator=(const Meaning&) = delete;

   private:
    const Overlay& overlay_;
    std::optional<NetworkId> before_;
  };
  // Calls `body` once for each network, meaning it.
  template <class Body>
  void in_each(Instant now, const Body& body) const {
    for (const auto& view : networks(now)) {
      const Meaning meaning(*this, view.id);
      body();
    }
  }

  // ---- networks
  // The default first, then by name.
  [[nodiscard]] std::vector<NetworkView> networks(Instant now) const;
  // What is meant without naming one; nullptr: this node is in none.
  [[nodiscard]] Network* home() const;
  [[nodiscard]] Network* find(const NetworkId& id) const;
  // By name, or by the beginning of its id in hex, 8 digits or more. NotFound, Conflict.
  [[nodiscard]] Result<Network*> find(const std::string& which) const;
  // Founds another network, this node as its first member called `node_name`. NetworkOutcome.
  CommandId found_network(Instant now, const std::string& network_name,
                          const std::string& node_name);
  CommandId set_default(Instant now, const NetworkId& id);
  // As Members::leave(); once it is done, its sessions, doors and records go, unless it is the only
  // network.
  CommandId leave(Instant now, const NetworkId& id, Duration within = 10s);
  // After commands were given to parts: what they asked for is carried out.
  void settle(Instant now);
  CommandId next_command();

  void handle_datagram(Instant now, const Datagram& datagram);
  // A multicast datagram of the LAN; what is to be sent there comes as BeaconReady.
  void hear_beacon(Instant now, ByteView datagram, const Endpoint& from);
  void handle_timeout(Instant now);
  std::optional<Transmit> poll_transmit(Instant now, MutableByteView out);
  std::optional<OverlayEvent> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  void persisted(Instant now, std::uint64_t persist_id, Result<void> result);
  void set_wall_clock(WallClock clock);
  void set_local_time(std::int32_t east_s);  // minus UTC: for rules that name hours
  // Where this host can be reached now; peers are told when it changed.
  void set_listen_endpoints(Instant now, std::vector<Endpoint> endpoints);
  // Where a router lets others in to this node; peers are told.
  void set_mapped_endpoints(Instant now, std::vector<Endpoint> endpoints);
  // Whether this node relays for others, and how much.
  void set_relay(Instant now, const RelaySettings& settings);
  [[nodiscard]] RelayView relay(Instant now) const;
  // The socket would not send a datagram of this size there (EMSGSIZE).
  void datagram_refused(Instant now, PathId path, const Endpoint& to, std::size_t size);
  // And by TCP and WebSocket.
  void set_carriers(Instant now, std::vector<Address> carriers);
  // The answer to OpenCarrier: the connection is a path now, or could not be made.
  void carrier_opened(Instant now, CommandId id, PathId path, const Endpoint& remote);
  void carrier_failed(Instant now, CommandId id, std::string_view why);
  void carrier_closed(Instant now);  // a connection ended; its path is closed in the table

  // ---- of home(), until every caller names a network
  // Commands.
  CommandId invite(Instant now, const std::string& name, std::vector<std::string> may,
                   std::vector<std::string> allow, Duration ttl);
  // `within`: how long it may take; else OverlayConfig says. So for ping() and connect().
  CommandId join(Instant now, const std::string& ticket_text,
                 std::optional<Duration> within = std::nullopt);
  CommandId remove_node(Instant now, const std::string& who);
  // Takes back the ticket for that name or id; InviteOutcome without a ticket.
  CommandId cancel_invite(Instant now, const std::string& who);
  // `rights` of expose, relay, admin; given or taken. What holds already is no error.
  CommandId change_rights(Instant now, const std::string& who,
                          const std::vector<std::string>& rights, bool give);
  CommandId rename_node(Instant now, const std::string& who, const std::string& name);
  // Tells the network that this node goes: an admin signs its removal, an admin itself. Done when
  // the network knows, or when nobody who could sign was reached within that time.
  CommandId leave(Instant now, Duration within = 10s);
  CommandId group_change(Instant now, const std::string& group, const std::string& node, bool add);
  CommandId expose(Instant now, service::Exposure exposure, std::vector<std::string> allow,
                   Wish wish = Wish::Command);
  CommandId unexpose(Instant now, const std::string& name);
  // All of `who`, or none when one of them is unknown.
  CommandId set_access(Instant now, const std::string& service, const std::vector<std::string>& who,
                       bool allow);
  CommandId set_access(Instant now, const std::string& service, const std::string& who,
                       bool allow) {
    return set_access(now, service, std::vector{who}, allow);
  }
  // Access on terms, which ends by itself: one rule for each of `who`. ShareOutcome.
  CommandId share(Instant now, const std::string& service, const std::vector<std::string>& who,
                  const service::Terms& terms);
  CommandId unshare(Instant now, std::uint64_t share);
  // Asks the owner of a member's service for access; AskOutcome. NoPath unless a session is up.
  CommandId ask_access(Instant now, const NodeId& node, const std::string& service,
                       const std::string& note);
  // Lets in who asked, on terms or without an end; and the other answer.
  CommandId approve(Instant now, std::uint64_t ask, const std::optional<service::Terms>& terms);
  CommandId refuse_ask(Instant now, std::uint64_t ask);
  // Forgets the rules for these; for all of the service's when nobody is named.
  CommandId reset_access(Instant now, const std::string& service,
                         const std::vector<std::string>& who);
  CommandId add_mapping(Instant now, service::Mapping mapping);
  CommandId remove_mapping(Instant now, std::uint64_t id);
  // Its answer comes behind all that the peer had said before: services, the roster's head.
  CommandId ping(Instant now, const std::string& who,
                 std::optional<Duration> within = std::nullopt);
  // Opens a stream to service@node (node empty: see provider()). ConnectReady or ConnectFailed
  // follows.
  CommandId connect(Instant now, const std::string& service, const std::string& node,
                    std::optional<Duration> within = std::nullopt);
  // Through a door: to its node, or to a replica where it has some. With another replica left,
  // ConnectReady waits until the target of one has answered, so that a refusal costs no byte.
  CommandId connect_door(Instant now, std::uint64_t door);
  void cancel_connect(CommandId id);

  void accept(Instant now, StreamKey key);
  void refuse(Instant now, StreamKey key, service::OpenStatus status, std::string_view detail);
  // A datagram beside an open stream: it goes at once or not at all (streams/messages.hpp).
  [[nodiscard]] Result<void> send_message(Instant now, StreamKey key, ByteView payload);
  // The answer to ProbeTarget; `network`: as it said, zero for home().
  void probed(Instant now, const std::string& service, service::Health health,
              std::string_view detail, const NetworkId& network = {});
  void shutdown(Instant now);  // closes every session politely
  [[nodiscard]] const OverlayCounters& counters() const;
  [[nodiscard]] const LinkCounters& link_counters() const;
  [[nodiscard]] const JournalCounters& store_counters() const;

  // Queries.
  struct StoreTrouble {
    std::string why;          // the disk's last refusal
    std::size_t waiting = 0;  // changes in force that are not on the disk
  };
  // Nothing while what is written arrives.
  [[nodiscard]] std::optional<StoreTrouble> store_trouble() const;
  // What carries datagrams is entered here by the edge; what is known of each path is read here.
  [[nodiscard]] path::PathTable& paths();
  [[nodiscard]] const path::PathTable& paths() const;
  [[nodiscard]] session::SessionLayer& sessions();
  [[nodiscard]] const session::SessionLayer& sessions() const;
  [[nodiscard]] NodeId id() const;
  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::string network_name() const;
  [[nodiscard]] std::string role() const;  // "admin", "member", "none"
  [[nodiscard]] std::optional<NetworkId> network() const;
  [[nodiscard]] std::vector<MemberView> members() const;
  [[nodiscard]] std::vector<InviteView> invites(Instant now) const;
  // Members whose clocks lie too far from ours, and how: "61 min ahead" of this one.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> clocks_off() const;
  [[nodiscard]] std::vector<PeerView> peers() const;
  // What other nodes let this one use, also of nodes that are away.
  [[nodiscard]] std::vector<ServiceView> services() const;
  // The node that SERVICE or SERVICE@NODE leads to. Without a node: the only one that offers it, or
  // NotFound, or Conflict with the names of those that do. With `any` the nearest of several that
  // have one owner will do.
  [[nodiscard]] Result<NodeId> provider(const std::string& service, const std::string& node,
                                        bool any = false) const;
  [[nodiscard]] HealthView health(const std::string& service) const;
  [[nodiscard]] ServiceWarnings warnings() const;
  [[nodiscard]] UnixTime away_since(const NodeId& node) const;  // 0: not away, or never heard
  [[nodiscard]] std::vector<service::Exposure> exposures() const;
  // The access rules of one exposure as people write them: names, group:NAME, *.
  using Access = AccessView;
  [[nodiscard]] Access access(const std::string& service) const;
  [[nodiscard]] std::vector<ShareView> shares(Instant now) const;
  [[nodiscard]] std::vector<AskView> asks() const;
  // May it use this service now, and by which rule?
  [[nodiscard]] service::Decision decide(Instant now, const NodeId& caller,
                                         const std::string& service) const;
  // Rules that keep out all of `who` whatever allows it: how they are written.
  [[nodiscard]] std::vector<std::string> denied_by(const std::string& service,
                                                   const std::string& who) const;
  [[nodiscard]] std::size_t connections(const std::string& service) const;  // inbound, open now
  [[nodiscard]] std::vector<service::Mapping> mappings() const;
  // Of all networks: ids of doors are this node's.
  [[nodiscard]] std::vector<service::Mapping> all_mappings() const;
  [[nodiscard]] std::vector<std::pair<std::string, std::vector<std::string>>> groups() const;
  // Sentences for the operator about who is in the network, and who may say so.
  [[nodiscard]] std::vector<std::string> roster_attention(Instant now) const;
  [[nodiscard]] bool removed() const;  // for good; else role() "none" may still change
  [[nodiscard]] Result<std::string> export_roster() const;  // JSON, weft.roster/1
  [[nodiscard]] std::optional<NetworkKeys> network_keys() const;
  [[nodiscard]] std::vector<KnownPeer> known_peers() const;
  // A beacon on the LAN, which anybody may send again from anywhere, was heard from there.
  void peer_heard(Instant now, const NodeId& node, const Certificate& certificate,
                  const Endpoint& endpoint);
  // What the NATs around this node do, as members of home() see it.
  [[nodiscard]] nat::Verdict nat(Instant now, nat::Family family) const;
  [[nodiscard]] const nat::ResponderCounters& stun_counters() const;
  // Of home(): what people ask the DHT; DhtAnswer follows. nullopt: in no network.
  std::optional<discovery::QuestionId> ask_dht(Instant now, discovery::Question question);
  // The machine slept: others may have forgotten this node.
  void came_back(Instant now);
  // Post and discovery of home(), to look at; nullptr: in no network.
  [[nodiscard]] const Mail* mail() const;
  // Somebody told where a member is; `surely`: the member itself, signed, so it is tried first.
  void peer_found(Instant now, const NodeId& node, const std::optional<Certificate>& certificate,
                  const std::vector<Endpoint>& endpoints, bool surely);
  // Sentences for the user: what is wrong around this node and what to do about it.
  [[nodiscard]] std::vector<std::string> attention(Instant now) const;
  // Resolves a member's name, its id, or the beginning of its id if no other begins so.
  [[nodiscard]] Result<NodeId> find_node(const std::string& who) const;

 private:
  struct Impl;
  template <class Body>
  CommandId at_home(Instant now, const Body& body);
  [[nodiscard]] Network* with_door(std::uint64_t door) const;
  template <class Question>
  auto of_home(const Question& question) const;
  explicit Overlay(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::overlay
