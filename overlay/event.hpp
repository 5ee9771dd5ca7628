// What the overlay tells its owner: answers to commands, rows to store, news of streams and peers.
// Parts emit these as outputs (part.hpp); Overlay::poll_event() hands them out in order. What has a
// `network` is given it by the switchboard, not by the part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/core.hpp"
#include "base/error.hpp"
#include "base/persist.hpp"
#include "overlay/discovery/question.hpp"
#include "overlay/membership/state.hpp"
#include "overlay/service/mapping.hpp"
#include "overlay/service/service.hpp"
#include "overlay/service/stream_open.hpp"
#include "overlay/session/session_layer.hpp"
#include "overlay/streams/ask_message.hpp"

namespace weft::overlay {

using CommandId = std::uint64_t;

struct StreamKey {
  session::SessionId session = 0;
  session::StreamId stream = 0;
  auto operator<=>(const StreamKey&) const = default;
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
  path::PathKind path = path::PathKind::Udp;  // of the session with `via`, which ends with the join
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
struct ShareOutcome {
  std::vector<std::uint64_t> ids;
};
struct AskOutcome {
  AskStatus status = AskStatus::Full;
};
struct NetworkOutcome {
  NetworkId network;
  std::string name;
};
struct PingOutcome {
  Duration rtt{};
  PathId path{};
  Endpoint remote;
};
// Where a message stands in what its publisher said, and how many members hold it.
struct PublishOutcome {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  std::uint64_t stamp = 0;  // hybrid clock: milliseconds since 1970 << 16 | counter
  std::size_t holders = 0;
};
using Outcome = std::variant<std::monostate, InviteOutcome, JoinOutcome, PingOutcome,
                             MappingOutcome, MemberOutcome, LeaveOutcome, NetworkOutcome,
                             PublishOutcome, ShareOutcome, AskOutcome>;

// Why a join came to nothing, where its error's code does not say it: each has another way out.
enum class Refusal : std::uint8_t {
  None,
  Elsewhere,  // this node is in as many networks as it may be
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
  NetworkId network = {};
};
// Whether something listens there: connect, hang up, and tell probed().
struct ProbeTarget {
  service::Exposure exposure;
  NetworkId network = {};
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
// A datagram that belongs to an open stream (streams/message.hpp), whole.
struct MessageArrived {
  StreamKey key;
  Bytes payload;
};
struct PeerUp {
  NodeId peer;
  std::string name;
  Endpoint remote;
  PathId path;
  NetworkId network = {};
};
struct PeerDown {
  NodeId peer;
  std::string name;
  session::CloseReason reason;
  std::string detail;
  NetworkId network = {};
};
// Its session goes on, at another place.
struct PeerMoved {
  NodeId peer;
  std::string name;
  PathId path;
  Endpoint remote;
  NetworkId network = {};
};
// A session with it is up, and it acknowledges nothing for session::kSilentAfter, or does again.
struct PeerSilent {
  NodeId peer;
  std::string name;
  bool silent;
  NetworkId network = {};
};
// What a member offers, or whether it works.
struct ServicesChanged {
  NodeId node;
  std::string name;
  NetworkId network = {};
};
struct CallerDenied {
  NodeId caller;
  std::string caller_name;
  std::string service;
  std::string rule;  // that refused it, as people write it; empty: none allows it
  NetworkId network = {};
};
// A member asks for access to a service of ours.
struct AccessAsked {
  NodeId who;
  std::string who_name;
  std::string service;
  std::string note;  // in its words
  NetworkId network = {};
};
// Access that was given until a time is over; its open streams end with it.
struct ShareEnded {
  std::uint64_t share;
  std::string service;
  std::string who;  // as people write it
  NetworkId network = {};
};
// The disk took no change, or takes changes again (`why` empty).
struct StoreChanged {
  std::string why;
};
struct RosterChanged {
  std::uint64_t sequence;
  std::size_t lost = 0;  // entries that counted and do not any more
  NetworkId network = {};
};
// What this node holds of a member (membership/state.hpp).
struct MemberStateChanged {
  NodeId node;
  std::string name;
  membership::State state{}, was{};
  std::uint64_t incarnation = 0;
  NetworkId network = {};
};
struct RemovedFromNetwork {
  NetworkId network;
};
// A subscriber of the broker has messages to take, after it had none.
struct MessagesWaiting {
  std::uint64_t subscriber;
  NetworkId network = {};
};
// A connection is to be made there: Overlay::carrier_opened() or carrier_failed() answers, always.
struct OpenCarrier {
  CommandId id;
  Address address;  // of TCP or WebSocket
};
// For the operator, in a sentence: an alarm of the roster, a clock that is wrong.
struct Notice {
  enum class Level : std::uint8_t { Info, Warning } level;
  std::string text;
  NetworkId network = {};  // zero: of all of them, or of none
};

// To be multicast on every interface of the LAN.
struct BeaconReady {
  Bytes beacon;
};
// This node serves others in the DHT of that network, or does not any more.
struct DhtMode {
  NetworkId network;
  bool server = false;
  bool full_table = false;
};
// Where others see this node, beside its own addresses, is another list.
struct SeenElsewhere {
  NetworkId network;
  std::vector<Endpoint> endpoints;
};
// What came of a question to the DHT (Overlay::ask_dht).
struct DhtAnswer {
  NetworkId network;
  discovery::Answer answer;
};
// To be sent from a port that nothing of ours has used, by a socket of its own: only so does who
// asked learn whether its NAT lets in another port of an address that it knows (RFC 5780).
struct SendElsewhere {
  Endpoint to;
  Bytes bytes;
};

using OverlayEvent =
    std::variant<CommandDone, PersistRequest, InboundStream, ConnectReady, ConnectFailed,
                 ConnectAccepted, ConnectRefused, DataReadable, DataWritable, DataReset, DataClosed,
                 PeerUp, PeerDown, PeerMoved, PeerSilent, ServicesChanged, CallerDenied,
                 StoreChanged, RosterChanged, RemovedFromNetwork, Notice, ProbeTarget,
                 MessageArrived, BeaconReady, DhtMode, SeenElsewhere, DhtAnswer, MemberStateChanged,
                 MessagesWaiting, SendElsewhere, OpenCarrier, ShareEnded, AccessAsked>;

}  // namespace weft::overlay
