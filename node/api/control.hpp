// What the management API asks of the daemon. Routes turn HTTP into these requests, the daemon
// answers them; neither knows the other's insides, so tests serve the whole API from a fake.
//
// Rules for the implementer:
//   1. Every call and every Done runs on the event-loop thread. Done may be called before the call
//      returns, or much later; it must be called exactly once.
//   2. Requests arrive checked for shape (names are DNS labels, targets parse, lists are bounded);
//      whether a node or a service exists is the daemon's to say.
//   3. A change is acknowledged only after it is on disk.
//   4. The client may have gone by the time Done is called: that is harmless. A wait whose client
//      is gone is given up soon, not at its deadline.
// WHO is text as the user gave it: a node's name, a NodeId ("wf1..."), "group:NAME" or "*".
// Times are UnixTime (seconds, UTC); fields ending in _ms are milliseconds, _s seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/error.hpp"
#include "base/time.hpp"

namespace weft::api {

// Exit codes of the command line, and `code` of every answer's envelope.
enum class Code : int {
  Ok = 0,
  Failed = 1,
  Usage = 2,
  NotRunning = 3,
  NotFound = 4,
  Denied = 5,
  NoPath = 6,
  Timeout = 7,
  NotDirect = 8,
  BadConfig = 78,
};

// What went wrong, why, and what to do: `title` is one clause ("no node named oak"), `detail` the
// cause, `fix` a command or an action; the last two may be empty.
struct ApiError {
  Code code = Code::Failed;
  std::string title;
  std::string detail;
  std::string fix;
};

template <class T>
using ApiResult = std::expected<T, ApiError>;
template <class T>
using Done = std::function<void(ApiResult<T>)>;

inline std::unexpected<ApiError> refuse(Code code, std::string title, std::string detail = {},
                                        std::string fix = {}) {
  return std::unexpected<ApiError>(
      ApiError{code, std::move(title), std::move(detail), std::move(fix)});
}
// The exit code that an Errc of the layers below becomes, and an ApiError made of one.
Code code_of(Errc code);
ApiError to_api_error(const Error& error, std::string title);

// ---- the DHT -----------------------------------------------------------------------------------
struct DhtStats {
  bool running = false;
  std::uint64_t contacts = 0, buckets = 0;  // verified, in the table
  std::uint64_t records = 0;                // held for others
  std::string mode = "iterative";           // or "full-table"
  bool server = false;
  std::uint64_t known = 0;     // by hearsay, in full-table mode
  std::uint64_t estimate = 0;  // nodes in the network, by how dense they lie
  std::uint64_t found = 0;     // addresses of members that the DHT told
  std::uint64_t lan_heard = 0;
  std::uint64_t datagrams_in = 0, datagrams_out = 0, bytes_in = 0, bytes_out = 0;
  std::uint64_t dropped = 0;  // forged, malformed, over a limit
};
struct DhtRequest {
  enum class Action { Lookup, Get, Put } action = Action::Get;
  std::string key;         // a node, service:NAME or 64 hex digits; not with Put
  std::string value;       // Put
  std::string salt;        // Put: several values of one node
  std::int64_t ttl_s = 0;  // Put: 0, kept and published again
};
struct DhtNode {
  std::string id, endpoint;
};
struct DhtResult {
  std::string key;  // 64 hex digits
  std::optional<std::string> value;
  std::uint64_t seq = 0;
  std::vector<DhtNode> nodes;          // Lookup: the closest
  std::vector<std::string> endpoints;  // of a node, as its own record says
  std::vector<std::string> providers;  // of a service
  std::uint64_t stored = 0;            // Put: nodes that took it
  bool agreed = false;                 // independent paths said the same
  std::uint64_t hops = 0, messages = 0;
  double took_ms = 0;
};

// ---- status ------------------------------------------------------------------------------------
struct NodeInfo {
  std::string id, name, version;
  std::int64_t uptime_s = 0;
  std::vector<std::string> listen;      // "192.0.2.1:41820"
  std::string log = {};                 // where its log is: a file, or "standard error"
  std::vector<std::string> bound = {};  // as asked for: "0.0.0.0:41820"
};
struct NetworkInfo {
  std::string name, id, role;  // role: "admin" or "member"
  std::uint64_t members = 0;
};
struct PeerInfo {
  std::string id, name;
  std::string state;  // "connected", "silent", "connecting", "away" (docs/glossary.md)
  std::string path;   // direct, ice, relay, tcp, wss, local, none
  std::string endpoint;
  std::optional<double> rtt_ms;
  std::string kex, cipher;
  std::uint64_t tx_bytes = 0, rx_bytes = 0;
  std::optional<std::int64_t> heard_ms_ago;  // with a session: since its last packet came
};
struct ExposedInfo {
  std::string name, target, protocol;  // protocol: "tcp" for now
  std::vector<std::string> allow, deny;
  std::uint64_t connections = 0;
  std::vector<std::string> may_use = {};       // members that really may now; 64 at most
  std::string health = "unknown";              // ok, refused, no answer, unknown
  std::optional<std::int64_t> health_age_s{};  // since the connection that told it
};
struct MappingInfo {
  std::string mapping, service, node, listen, protocol;  // mapping: its id, what `close` takes
  std::uint64_t connections = 0, tx_bytes = 0, rx_bytes = 0;
  std::string reach = "machine";       // who reaches the door: this "machine" or the "network"
  std::string state = {};              // of its node: "connected", "connecting", "away"
  bool any = false;                    // nodes of the same owner may serve too
  std::vector<std::string> also = {};  // so may these
};
// An interface on which the kernel does not cut trains of datagrams for now, because they are lost
// there.
struct GsoOffInfo {
  std::string interface;  // our address on it
  std::int64_t again_in_s = 0;
};
struct StatusResult {
  NodeInfo node;
  NetworkInfo network;
  std::string gso = "auto";  // as set: "auto", "on", "off"
  std::vector<GsoOffInfo> gso_off;
  std::vector<PeerInfo> peers;
  std::vector<ExposedInfo> exposed;
  std::vector<MappingInfo> mappings;
  std::optional<DhtStats> dht;
  std::vector<std::string> attention;  // sentences for the user: what needs care, and the command
};

// ---- the network -------------------------------------------------------------------------------
struct InviteRequest {
  std::string name;
  std::vector<std::string> allow;  // services of this node the newcomer may use
  std::chrono::seconds ttl{15 * 60};
  std::vector<std::string> may{"expose"};  // of expose, relay, admin
};
struct InviteResult {
  std::string name, ticket;
  UnixTime expires_at = 0;
  std::string warning = {};  // why the ticket may be of no use to others; empty: nothing is known
};
struct InviteInfo {  // a ticket that waits for its node
  std::string id, name;
  UnixTime expires_at = 0;
  std::vector<std::string> may, allow;
};
struct InvitesResult {
  std::vector<InviteInfo> invites;
};
struct CancelRequest {
  std::string who;  // the name it is for, or the beginning of its id
};
struct CancelResult {
  std::string name;
};
struct JoinRequest {
  std::string ticket;
  std::chrono::milliseconds timeout{30'000};
};
struct JoinResult {
  std::string network, name;
  std::string via_id, via_name, via_path;
  std::string via_kex;  // may be empty
};
struct RemoveRequest {
  std::string node;
};
struct RemoveResult {
  std::string id, name;
};
// The node leaves its network and goes on as a new one, with another identity.
struct LeaveRequest {
  std::chrono::milliseconds timeout{10'000};
};
struct LeaveResult {
  std::string network, id;  // that were
  bool told = false;        // the network knows; else an admin must `remove` the id
  std::vector<std::string> admins;
};
struct MemberInfo {
  std::string id, name, state;  // state: alive, suspect, dead, left
  std::uint64_t incarnation = 0;
  std::optional<double> rtt_ms;
  UnixTime since = 0;  // of the state
  bool self = false;
  UnixTime joined = 0;
  std::string role;              // admin, member
  std::vector<std::string> may;  // expose, relay, admin
};
struct MemberRequest {
  enum class Action { Grant, Revoke, Rename } action = Action::Grant;
  std::string node;
  std::vector<std::string> rights;  // Grant, Revoke
  std::string name;                 // Rename
};
struct MemberResult {
  std::string id, name, role;
  std::vector<std::string> may;
};
struct MembersResult {
  std::vector<MemberInfo> members;
  bool partial = false;
};
struct RosterResult {
  std::string document;  // all entries held and what they add up to: JSON, weft.roster/1
};
struct GroupRequest {
  enum class Action { List, Add, Remove } action = Action::List;
  std::string group;  // empty with List: all groups
  std::string node;   // empty with List
};
struct GroupInfo {
  std::string name;
  std::vector<std::string> members;
};
struct GroupResult {
  std::vector<GroupInfo> groups;  // Add, Remove: the one group, as it is now
};

// ---- services ----------------------------------------------------------------------------------
struct ExposeRequest {
  std::string target;  // canonical: "HOST:PORT" or "unix:/absolute/path" (service::Target)
  std::string name;    // a DNS label; made from the target when the user gave none
  std::string protocol = "tcp";
  std::vector<std::string> allow;  // WHO
};
struct ExposeResult {
  std::string name, target, protocol;
  std::vector<std::string> allow;
  std::string health = "unknown";  // the target was tried once
  std::string health_detail = {};  // why it did not answer
};
struct UnexposeRequest {
  std::string name;
};
struct AccessRequest {  // allow, deny, reset
  std::string service;
  std::vector<std::string> who;  // reset: empty for all rules
};
struct AccessResult {  // unexpose, allow, deny, reset: the rules as they are now
  std::string service;
  std::vector<std::string> allow, deny;
  std::uint64_t closed = 0;                // open connections that this change ended
  std::vector<std::string> may_use = {};   // members that really may now; 64 at most
  std::vector<std::string> warnings = {};  // what has no effect, and what gives it one
};
struct ServiceInfo {
  std::string name, node, protocol;
  bool healthy = false;  // its node is connected, and its last connection was not refused
  std::string path;
  std::optional<double> rtt_ms;
  std::string state = {};  // of its node: "connected", "away"
  UnixTime away_since = 0;
  std::string health = "unknown";  // ok, refused, no answer, unknown
  std::optional<std::int64_t> health_age_s{};
};
struct ServicesResult {
  std::vector<ServiceInfo> services;
  bool partial = false;
};
struct OpenRequest {
  std::string service;
  std::string node;                // empty: the only one that offers it
  std::optional<Endpoint> listen;  // none: 127.0.0.1, same port, else next free
  bool once = false;               // not kept across restarts
  std::chrono::milliseconds timeout{10'000};
  bool any = false;                    // nodes of the same owner may serve too
  std::vector<std::string> also = {};  // so may these
};
struct OpenResult {
  std::string mapping, service, node, listen, path;
  std::optional<double> rtt_ms;
  bool existing = false;          // this door was open already
  std::string reach = "machine";  // as in MappingInfo
};
struct MappingsResult {
  std::vector<MappingInfo> mappings;
};
struct CloseRequest {
  std::string mapping;  // its id, or SERVICE[@NODE]: all doors to that one service
};
struct CloseResult {
  std::string mapping, service, node, listen;
  std::vector<std::string> closed = {};  // where all the doors were that this closed
};

// ---- probes, waiting, the end ------------------------------------------------------------------
struct PingRequest {
  std::string node;
  std::uint32_t seq = 1;
  std::chrono::milliseconds timeout{5'000};
};
struct PingResult {  // one round trip; `weft ping` asks once per line
  std::string node, id;
  std::uint32_t seq = 1;
  double rtt_ms = 0;
  std::string path;
};
struct WaitRequest {
  enum class What { Ready, Node, Service, Direct, Path } what = What::Ready;
  std::string subject;  // node or SERVICE[@NODE]; empty with Ready
  std::chrono::milliseconds timeout{30'000};
  std::shared_ptr<const bool> wanted = nullptr;  // false once the client has gone; may be null
};
struct WaitResult {
  std::string condition;
  std::int64_t waited_ms = 0;
};
struct ShutdownResult {};
struct BackupRequest {
  std::string file;  // absolute, and not there yet
};
struct BackupResult {
  std::string file;
};

// A byte pipe to a service over the API's own socket. The daemon opens the stream first (so that
// "not found" and "denied" are still HTTP answers) and then gets the client's socket.
struct PipeRequest {
  std::string service;
  std::string node;  // empty: any
  std::chrono::milliseconds timeout{10'000};
};
struct PipeResult {
  std::string node, path;
  // Called exactly once. `fd`: a connected, non-blocking Unix stream socket that the callee owns
  // from then on and closes; `early`: bytes the client sent already. fd -1: the client went away,
  // drop the stream.
  std::function<void(int fd, Bytes early)> adopt;
};

class Control {
 public:
  virtual ~Control() = default;

  [[nodiscard]] virtual bool ready() const = 0;  // /readyz
  // A line of logfmt about a change that an operator asked for, and what came of it.
  virtual void audit(const std::string& line) { static_cast<void>(line); }

  virtual void status(Done<StatusResult> done) = 0;
  virtual void wait(WaitRequest request, Done<WaitResult> done) = 0;
  // Done first, then the daemon begins to end: the answer must still reach the client.
  virtual void shutdown(Done<ShutdownResult> done) = 0;

  virtual void backup(BackupRequest request, Done<BackupResult> done) = 0;

  virtual void invite(InviteRequest request, Done<InviteResult> done) = 0;
  virtual void invites(Done<InvitesResult> done) = 0;
  virtual void cancel_invite(CancelRequest request, Done<CancelResult> done) = 0;
  virtual void join(JoinRequest request, Done<JoinResult> done) = 0;
  virtual void leave(LeaveRequest request, Done<LeaveResult> done) = 0;
  virtual void remove(RemoveRequest request, Done<RemoveResult> done) = 0;
  virtual void member(MemberRequest request, Done<MemberResult> done) = 0;
  virtual void members(Done<MembersResult> done) = 0;
  virtual void roster(Done<RosterResult> done) = 0;
  virtual void group(GroupRequest request, Done<GroupResult> done) = 0;

  virtual void expose(ExposeRequest request, Done<ExposeResult> done) = 0;
  virtual void unexpose(UnexposeRequest request, Done<AccessResult> done) = 0;
  virtual void allow(AccessRequest request, Done<AccessResult> done) = 0;
  virtual void deny(AccessRequest request, Done<AccessResult> done) = 0;
  virtual void reset(AccessRequest request, Done<AccessResult> done) = 0;
  virtual void services(Done<ServicesResult> done) = 0;
  virtual void open(OpenRequest request, Done<OpenResult> done) = 0;
  virtual void mappings(Done<MappingsResult> done) = 0;
  virtual void close(CloseRequest request, Done<CloseResult> done) = 0;
  virtual void pipe(PipeRequest request, Done<PipeResult> done) = 0;
  virtual void ping(PingRequest request, Done<PingResult> done) = 0;

  virtual void dht(DhtRequest request, Done<DhtResult> done) = 0;
  virtual void dht_stats(Done<DhtStats> done) = 0;
};

}  // namespace weft::api
