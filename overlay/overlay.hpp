// The whole node without IO: sessions, roster, services and peers composed into one core that the
// daemon drives from sockets and the simulator from its event queue.
//
// Laws of base/core.hpp hold. In addition:
//  1. Nothing is acknowledged (CommandDone) or told to other nodes before the rows it depends on
//  are
//     stored: a command emits PersistRequest and takes effect in persisted().
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
#include "base/identity.hpp"
#include "base/persist.hpp"
#include "base/rng.hpp"
#include "base/trust_view.hpp"
#include "overlay/service/access.hpp"
#include "overlay/service/mapping.hpp"
#include "overlay/service/service.hpp"
#include "overlay/service/stream_open.hpp"
#include "overlay/session/session_layer.hpp"

namespace weft::overlay {

using CommandId = std::uint64_t;

inline constexpr std::size_t kMaxReaders = 64;  // named for one service; a list, not a census

// Whose word an exposure is. A command refuses to change the target of a service that is there; the
// configuration changes it, and lets nobody in again whom a command has denied.
enum class Wish : std::uint8_t { Command, Configuration };

struct StreamKey {
  session::SessionId session = 0;
  session::StreamId stream = 0;
  auto operator<=>(const StreamKey&) const = default;
};

struct OverlayConfig {
  Identity identity;
  // The person this node belongs to, if its key lives here: signs genesis and roster entries.
  std::optional<crypto::Ed25519KeyPair> person;
  std::string software;                    // "weft 0.1.0", told to peers
  std::vector<Endpoint> listen_endpoints;  // where this host can be reached, best first
  session::SessionLimits session_limits;
  Duration connect_timeout = 10s;  // a client waits this long for an absent peer
  Duration ping_timeout = 5s;
  Duration join_timeout = 20s;
};

// What a finished command says; Outcome{} where there is nothing to say.
struct MappingOutcome {
  service::Mapping mapping;
};
struct InviteOutcome {
  std::string name;
  std::string ticket;
  UnixTime expires = 0;
};
struct JoinOutcome {
  NetworkId network;
  std::string name;
  NodeId via;
  std::string via_name;
};
// What a change of a member came to: its id and its name now.
struct MemberOutcome {
  NodeId id;
  std::string name;
};
struct LeaveOutcome {
  std::string network;
  bool told = false;                // the network knows; else an admin must still remove this node
  std::vector<std::string> admins;  // who could
};
struct PingOutcome {
  Duration rtt{};
  PathId path{};
  Endpoint remote;
};
using Outcome = std::variant<std::monostate, InviteOutcome, JoinOutcome, PingOutcome,
                             MappingOutcome, MemberOutcome, LeaveOutcome>;

// Why a join came to nothing, where its error's code does not say it: each has another way out.
enum class Refusal : std::uint8_t {
  None,
  Elsewhere,  // this node is in a network with others
  Here,       // it is in that network already
  Removed,    // it was removed from that network
  Clock,      // the two clocks differ
};

struct CommandDone {
  CommandId id;
  Result<Outcome> result;
  Refusal refusal = Refusal::None;
};
struct PersistRequest {
  Persist persist;
};
// A caller passed the rules and wants this service: connect the target, then accept() or refuse().
struct InboundStream {
  StreamKey key;
  service::Exposure exposure;
  NodeId caller;
  std::string caller_name;
};
// Whether something listens there: connect, hang up, and tell probed().
struct ProbeTarget {
  service::Exposure exposure;
};
struct ConnectReady {
  CommandId id;
  StreamKey key;
};  // bytes may be sent at once
struct ConnectFailed {
  CommandId id;
  Error error;
};  // before any stream
// The far side answered the stream's opening; data received follows Accepted only.
struct ConnectAccepted {
  StreamKey key;
};
struct ConnectRefused {
  StreamKey key;
  service::OpenStatus status;
  std::string detail;
  std::string who = {};  // as StreamResponse has it
};
struct DataReadable {
  StreamKey key;
};
struct DataWritable {
  StreamKey key;
};
struct DataReset {
  StreamKey key;
  std::uint64_t code;
};
struct DataClosed {
  StreamKey key;
};
struct PeerUp {
  NodeId peer;
  std::string name;
  Endpoint remote;
};
struct PeerDown {
  NodeId peer;
  std::string name;
  session::CloseReason reason;
  std::string detail;
};
struct RosterChanged {
  std::uint64_t sequence;
  std::size_t lost = 0;  // entries that counted and do not any more
};
struct RemovedFromNetwork {
  NetworkId network;
};
// For the operator's log: a denied caller, a refused target, an alarm of the roster.
struct Notice {
  enum class Level : std::uint8_t { Info, Warning } level;
  std::string text;
};

using OverlayEvent =
    std::variant<CommandDone, PersistRequest, InboundStream, ConnectReady, ConnectFailed,
                 ConnectAccepted, ConnectRefused, DataReadable, DataWritable, DataReset, DataClosed,
                 PeerUp, PeerDown, RosterChanged, RemovedFromNetwork, Notice, ProbeTarget>;

struct MemberView {
  NodeId id;
  std::string name;
  std::string state;  // "alive", "away", "self"
  std::optional<Duration> rtt;
  UnixTime since = 0;  // of that state; 0: not known, as of a peer not met since this start
  UnixTime joined = 0;
  bool admin = false;
  std::vector<std::string> may;  // expose, relay, admin
};
// A ticket that waits for its node.
struct InviteView {
  std::string id;  // hex
  std::string name;
  UnixTime expires = 0;
  std::vector<std::string> may;
  std::vector<std::string> allow;
};
struct PeerView {
  NodeId id;
  std::string name;
  std::string state;  // "up", "dialing": in its first round since it spoke, "down"
  std::optional<session::SessionInfo> session;
};
struct ServiceView {
  std::string name;
  std::string node;
  NodeId node_id;
  std::string protocol;
  std::uint16_t port = 0;  // of the target; 0: none
  bool healthy = false;    // its node is there and its last connection was not refused
  std::optional<Duration> rtt;
  bool up = false;          // a session with its node is there
  UnixTime away_since = 0;  // unless it is
  service::Health health = service::Health::Unknown;
  std::optional<Instant> health_at = {};
};
// What this node knows of the target of a service that it exposes.
struct HealthView {
  service::Health health = service::Health::Unknown;
  std::optional<Instant> at;  // of the connection that told it
  std::string detail;         // why it failed
};
// What needs a person's eye about services and doors.
struct ServiceWarnings {
  bool may_not_expose = false;  // this node exposes and has no right to
  // Members that offer without the right, and how often they have said so.
  std::vector<std::pair<std::string, std::uint64_t>> unlicensed;
  std::vector<std::uint64_t> pinned;  // doors that got their node by themselves
  std::vector<std::pair<std::uint64_t, std::string>> unpinned;  // and could not, and why
};

// What the DHT of the network we are in is built from. The view lives as long as the overlay.
struct NetworkKeys {
  NetworkId network;
  ByteArray<32> secret{};
  Identity identity;
  StaticCredential credential;
  const TrustView* trust = nullptr;
};
struct KnownPeer {
  NodeId id;
  IdentityKey identity{};
  std::optional<Certificate> certificate;
  std::vector<Endpoint> endpoints;
  bool up = false;
  bool wanted = false;  // a session is wished for
};

class Overlay {
 public:
  using Event = OverlayEvent;

  // `stored` are all rows of the home; empty at a first start. `rng` outlives the overlay.
  static Result<std::unique_ptr<Overlay>> load(Instant now, WallClock clock, OverlayConfig config,
                                               std::vector<Row> stored, Rng& rng);
  ~Overlay();

  // First start: a private network of one, this node as its first member.
  void create_network(Instant now, const std::string& node_name);

  void handle_datagram(Instant now, const Datagram& datagram);
  void handle_timeout(Instant now);
  std::optional<Transmit> poll_transmit(Instant now, MutableByteView out);
  std::optional<OverlayEvent> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  void persisted(Instant now, std::uint64_t persist_id, Result<void> result);
  void set_wall_clock(WallClock clock);
  // Where this host can be reached now; peers are told when it changed.
  void set_listen_endpoints(Instant now, std::vector<Endpoint> endpoints);

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
  // The answer to ProbeTarget.
  void probed(Instant now, const std::string& service, service::Health health,
              std::string_view detail);
  void shutdown(Instant now);  // closes every session politely

  // Queries.
  struct StoreTrouble {
    std::string why;          // the disk's last refusal
    std::size_t waiting = 0;  // changes in force that are not on the disk
  };
  // Nothing while what is written arrives.
  [[nodiscard]] std::optional<StoreTrouble> store_trouble() const;
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
  struct Access {
    std::vector<std::string> allow, deny;
    std::vector<std::string> readers;  // the members that really may now; kMaxReaders at most
  };
  [[nodiscard]] Access access(const std::string& service) const;
  // Rules that keep out all of `who` whatever allows it: how they are written.
  [[nodiscard]] std::vector<std::string> denied_by(const std::string& service,
                                                   const std::string& who) const;
  [[nodiscard]] std::size_t connections(const std::string& service) const;  // inbound, open now
  [[nodiscard]] std::vector<service::Mapping> mappings() const;
  [[nodiscard]] std::vector<std::pair<std::string, std::vector<std::string>>> groups() const;
  // Sentences for the operator about who is in the network, and who may say so.
  [[nodiscard]] std::vector<std::string> roster_attention(Instant now) const;
  [[nodiscard]] bool removed() const;  // for good; else role() "none" may still change
  [[nodiscard]] Result<std::string> export_roster() const;  // JSON, weft.roster/1
  [[nodiscard]] std::optional<NetworkKeys> network_keys() const;
  [[nodiscard]] std::vector<KnownPeer> known_peers() const;
  // Somebody told where a member is; `surely`: the member itself, signed, so it is tried first.
  void peer_found(Instant now, const NodeId& node, const std::optional<Certificate>& certificate,
                  const std::vector<Endpoint>& endpoints, bool surely);
  // A beacon on the LAN, which anybody may send again from anywhere, was heard from there.
  void peer_heard(Instant now, const NodeId& node, const Certificate& certificate,
                  const Endpoint& endpoint);
  // Sentences for the user: what is wrong around this node and what to do about it.
  [[nodiscard]] std::vector<std::string> attention(Instant now) const;
  // Resolves a member's name, its id, or the beginning of its id if no other begins so.
  [[nodiscard]] Result<NodeId> find_node(const std::string& who) const;

 private:
  struct Impl;
  explicit Overlay(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::overlay
