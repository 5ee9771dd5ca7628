// The insides of Overlay, shared by its .cpp files and nobody else. What lies where:
//   overlay.cpp           public calls, queries, time
//   overlay_storage.cpp   rows to the disk and what waits for them
//   overlay_network.cpp   creating, loading and joining networks; our credential
//   overlay_roster.cpp    what a change of the roster means, says and asks for
//   overlay_alarms.cpp    an identity that runs on two machines
//   overlay_sessions.cpp  session events, control links, what peers say on them
//   overlay_links.cpp     what peers say of themselves, at the pace that others can bear
//   overlay_streams.cpp   streams to and from services
//   overlay_services.cpp  what is offered, to us and by us, and whether its targets answer
//   overlay_doors.cpp     which node a name or a door leads to
//   overlay_commands.cpp  what people ask for
//   overlay_members.cpp   rights, names, tickets, leaving: people and what they may do
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "base/meter.hpp"
#include "overlay/control_message.hpp"
#include "overlay/journal/journal.hpp"
#include "overlay/links/outbox.hpp"
#include "overlay/network_members.hpp"
#include "overlay/overlay.hpp"
#include "overlay/peer_table.hpp"
#include "overlay/roster/roster.hpp"
#include "overlay/roster/ticket.hpp"
#include "overlay/service/access.hpp"
#include "overlay/service/doors.hpp"
#include "overlay/service/health.hpp"
#include "overlay/service/registry.hpp"

namespace weft::overlay {

// Control bytes waiting, per session. States do not pile up (Outbox), and nothing is answered while
// more than plenty waits: what reaches the limit are answers that nobody reads.
inline constexpr std::size_t kMaxOutbox = 2u << 20;
inline constexpr std::size_t kPlentyWaits = 64u << 10;
// Control messages of one peer. A node whose roster, rules and services change as fast as its disk
// can store says some 500 a second.
inline constexpr std::int64_t kControlRate = 1000;
inline constexpr std::int64_t kControlBurst = 4000;
inline constexpr std::int64_t kRecordRate = 64;  // of peers, in its PeerLists
inline constexpr std::int64_t kRecordBurst = 512;
inline constexpr Duration kHelloPause = 1s;            // between two that have an effect
inline constexpr std::size_t kMaxWaiting = 4096;       // waiting for a peer; pings for an answer
inline constexpr std::size_t kEagerPeers = 64;         // networks this small keep all sessions
inline constexpr std::size_t kEntriesPerAnswer = 240;  // roster entries per RosterGet
inline constexpr Duration kSweepInterval = 1s;
inline constexpr Duration kJudgeDelay = 200ms;   // from a removal to the end of its sessions
inline constexpr std::size_t kMaxUnasked = 512;  // streams of a session before their request
inline constexpr std::size_t kMaxPulls = 4;      // rosters fetched from unknown members at once
inline constexpr Duration kPullPause = 500ms;    // between the starts of two
inline constexpr Duration kPullTimeout = 10s;
inline constexpr std::size_t kMaxLookedAt = 2048;  // members, to say who may use a service
// A client of a door whose node did not answer a whole round of dialling waits this long: enough
// for one that is back to be found, too short for people to think that curl hangs.
inline constexpr Duration kAwayTimeout = 3s;
inline constexpr Duration kJoinerTimeout = 60s;  // a joiner's session, all of it
inline constexpr Duration kProofTimeout = 10s;   // until it showed a ticket that holds
inline constexpr unsigned kMaxJoinRequests = 4;  // in one session; who tries more is guessing

// Application codes in CONNECTION_CLOSE and RESET_STREAM.
inline constexpr std::uint64_t kCodeDone = 0;
inline constexpr std::uint64_t kCodeProtocol = 3;
inline constexpr std::uint64_t kCodeDenied = 4;
inline constexpr std::uint64_t kCodeShutdown = 5;
inline constexpr Duration kAskAnother =
    3s;  // after an admin that was told of a leave and not signed
inline constexpr Duration kAskExpired = 5s;  // a join whose ticket has expired by our clock
inline constexpr const char* kRemovedStaysOut =
    "this node was removed from that network, and an identity that was removed stays out";

// Forwards to the roster of the network asked about; networks come and go under it.
class TrustRouter final : public TrustView {
 public:
  void set(const roster::Roster* roster) { roster_ = roster; }
  [[nodiscard]] Verdict verdict(const NetworkId& network, const NodeId& node,
                                UnixTime now) const override;
  [[nodiscard]] std::uint64_t epoch_floor(const NetworkId& network,
                                          const NodeId& node) const override;
  [[nodiscard]] std::optional<std::string> name_of(const NetworkId& network,
                                                   const NodeId& node) const override;
  [[nodiscard]] std::optional<NodeId> node_named(const NetworkId& network,
                                                 const std::string& name) const override;
  [[nodiscard]] bool in_group(const NetworkId& network, const NodeId& node,
                              const std::string& group) const override;

 private:
  [[nodiscard]] bool serves(const NetworkId& network) const {
    return roster_ != nullptr && roster_->network() == network;
  }
  const roster::Roster* roster_ = nullptr;
};

// The control stream of one session.
struct Link {
  Link(const session::SessionUp& session_up, Instant now) : up(session_up), since(now) {}

  session::SessionUp up;
  std::optional<StreamId> control;
  Instant since;
  bool greeted = false;             // the peer's Hello came
  Instant heeded;                   // when one last had an effect
  std::optional<Hello> late_hello;  // came too soon after; the newest
  std::optional<RosterGet> asked;   // answered once the disk has the roster and the outbox room
  Meter messages{kControlRate, kControlBurst};
  Meter records{kRecordRate, kRecordBurst};
  std::size_t unasked = 0;  // inbound streams whose request is not here yet
  unsigned join_requests = 0;
  bool proven = false;  // the joiner's ticket held
  Bytes inbox;          // at most one frame and the start of the next read
  Outbox outbox;        // at most kMaxOutbox
};

struct ServiceStream {
  enum class Phase : std::uint8_t {
    AwaitRequest,   // inbound: its first bytes are not here yet
    AwaitDecision,  // inbound: the daemon connects to the target
    AwaitAnswer,    // outbound: request sent
    Open,
    Refused,  // inbound: told no; what still comes is discarded
  };
  Phase phase = Phase::AwaitRequest;
  bool inbound = false;
  NodeId peer;
  std::string service;
  // Outbound, with replicas left to try: the command whose ConnectReady waits for the answer.
  std::optional<CommandId> held;
  std::vector<NodeId> others;
};

// A command that needs a session with a peer, until the session is there or time is up.
struct Waiting {
  enum class Kind : std::uint8_t { Connect, Ping } kind = Kind::Connect;
  CommandId id = 0;
  NodeId peer;
  std::string service;
  Instant deadline;
  std::vector<NodeId> others = {};  // Connect: tried in turn when `peer` does not serve
};
struct PingUnderWay {
  CommandId id = 0;
  SessionId session = 0;
  std::uint64_t sequence = 0;
  Instant sent;
  Instant deadline;
};

[[nodiscard]] std::string list_of(const std::vector<Endpoint>& endpoints);
// "12 min ahead": how our clock stands to theirs, so far off that certificates and tickets are
// judged differently; else nothing. `theirs`: as a peer told it, 0 if it did not.
[[nodiscard]] std::string off_by(std::int64_t seconds);  // "61 min ahead", "2 h behind"
[[nodiscard]] std::string clocks_apart(UnixTime ours, std::uint64_t theirs);

// This node is on its way out of its network.
struct Leaving {
  CommandId command = 0;
  Instant deadline;
  Instant next_ask;
  std::set<NodeId> asked;    // admins
  bool signed_here = false;  // an admin signs for itself; then others must have heard of it
};

// What happened to the roster and an admin should know, for a day.
struct Alarm {
  Instant at;
  std::string text;
};

// Everything that belongs to one network.
struct Network {
  Network(roster::Roster r, const NodeId& self, session::SessionLayer& sessions)
      : id(r.network()),
        roster(std::move(r)),
        tickets(id),
        registry(id),
        access(id),
        peers(self, sessions),
        members(self, roster, peers, sessions),
        doors(id, offers, members) {}

  NetworkId id;
  roster::Roster roster;
  roster::TicketBook tickets;
  service::Registry registry;
  service::AccessTable access;
  PeerTable peers;
  NetworkMembers members;
  service::Offers offers;       // what others let us use
  service::HealthTable health;  // of the targets of what we offer
  service::Doors doors;
  StaticCredential credential;
  std::optional<StaticCredential> previous;
  std::deque<Alarm> alarms;
  bool stop_told = false;
  std::string known_as;            // our name, as it was last
  std::vector<Bytes> told_beside;  // removals beside the chain, as peers were told
  roster::Head announced;          // on the disk, and told to peers
  struct ClockOff {
    SessionId session = 0;  // that told it
    std::int64_t ahead = 0;
  };
  std::map<NodeId, ClockOff> clocks_off;  // of members, further than certificates allow for
  bool open_to_joiners = false;           // so the session layer was told
};

// A member of a longer roster than ours knocked and was refused, because we have not heard of it.
// We ask it for the roster in a join-mode session that we dial: its entries prove themselves.
struct Pull {
  Certificate certificate;
  Endpoint remote;
  Instant deadline;
};

// We hold a ticket and are on our way in.
struct Joining {
  CommandId command = 0;
  roster::Ticket ticket;
  StaticCredential credential;
  std::set<SessionId> dials;
  std::optional<SessionId> session;  // the one that came up
  bool accepted = false;
  bool storing = false;  // the disk is at it: nothing gives the join up but the disk
  std::string name;
  std::vector<Bytes> chain;
  Instant deadline;
};

struct Overlay::Impl {
  Impl(WallClock wall, OverlayConfig overlay_config, Rng& random);

  // --- overlay.cpp
  void settle(Instant now);  // drains the sessions' events; after every call that may cause some
  void done(CommandId id, Result<Outcome> result, Refusal refusal = Refusal::None);
  // Runs the body of a command; what it refuses is the command's answer.
  template <class Body>
  void attempt(Instant now, CommandId id, Body&& body) {
    if (auto result = body(); !result) done(id, std::unexpected(result.error()));
    settle(now);
  }
  [[nodiscard]] Result<void> in_network() const {
    if (!network) return fail(Errc::NotFound, "this node is in no network");
    return {};
  }
  void notice(Notice::Level level, std::string text);
  CommandId next_command() { return ++last_command; }
  [[nodiscard]] UnixTime unix_now(Instant now) const { return clock.at(now); }
  [[nodiscard]] std::string label(const NodeId& node) const;  // its name, else its short id
  void sweep(Instant now);
  void expire(Instant now);

  // --- overlay_storage.cpp
  // Asks for rows to be stored; `then` runs in persisted(), once, with how it went.
  void persist(std::vector<Row> rows, Then then, Again again = Again::UntilStored);
  void persist_quietly(std::vector<Row> rows);
  void emit_batches();
  void tell_store_works();
  // Entries of the roster that the disk does not have yet: nobody is told of them.
  [[nodiscard]] bool roster_unstored() const;
  // The disk has the whole roster: it takes effect, peers hear of it, who asked gets it.
  void roster_stored(Instant now);
  // The usual end of a command: stored, or stored later with a warning.
  Then done_when_stored(CommandId id, Outcome outcome);

  // --- overlay_network.cpp
  void install(Instant now, std::unique_ptr<Network> fresh);
  void push_context(Instant now);  // tells the session layer our credential, head and joiner flag
  [[nodiscard]] Result<void> load_rows(Instant now, std::vector<Row> rows);
  StaticCredential make_credential(Instant now, const NetworkId& id, std::uint64_t last_epoch);
  [[nodiscard]] std::vector<Row> network_rows(const Network& n) const;
  void rotate_credential(Instant now);
  void adopt_members(Instant now);
  void start_join(Instant now, CommandId id, roster::Ticket ticket, Duration within);
  void join_session_up(Instant now, const session::SessionUp& up);
  void join_answer(Instant now, Link& link, const JoinAnswer& answer);
  void join_entries(Instant now, Link& link, const RosterEntries& entries);
  void finish_join(Instant now);
  [[nodiscard]] std::vector<Row> move_to(Network& fresh) const;
  void abort_join(Instant now, Error error, Refusal refusal = Refusal::None);
  void answer_join(Instant now, Link& link, const JoinRequest& request);

  // --- overlay_members.cpp
  [[nodiscard]] Result<NodeId> find_node(const std::string& who) const;
  [[nodiscard]] bool signs() const;  // one of our keys may change the roster
  [[nodiscard]] bool administers(const roster::Member& member) const;
  [[nodiscard]] std::vector<std::string> admins() const;  // but us
  void change_member(Instant now, CommandId id, roster::NodeBody body);
  void forget_rules_of_removed();
  void ask_to_leave(Instant now);
  void left(bool told);
  void clock_seems_right(const session::SessionUp& e);
  // True: that is why the join failed, and it has been said.
  bool join_failed_by_clock(Instant now, const session::SessionDown& e);

  // --- overlay_roster.cpp
  void alarm(Instant now, std::string text);
  [[nodiscard]] std::string signer_name(const IdentityKey& key) const;
  void tell_lost(Instant now, const std::vector<roster::Entry>& lost);
  void roster_changed(Instant now, const roster::Appended& appended);
  // On this node's sessions, peers and streams; `lost`: entries that no longer count.
  void apply_roster(Instant now, std::size_t lost = 0);
  void announce_roster(Instant now);  // to peers, once the disk has all of it
  void send_entries(Instant now, Link& link, std::span<const Bytes> entries, bool more);
  void repair_roster(Instant now);
  [[nodiscard]] Result<void> in_roster() const;  // else why this node has no say
  // Signs with whichever of our keys the roster lets sign.
  [[nodiscard]] Result<roster::Entry> propose(Instant now, const roster::Body& body) const;
  void append_own(Instant now, CommandId id, const roster::Body& body, Outcome outcome);
  [[nodiscard]] std::string stop_text() const;

  // --- overlay_sessions.cpp
  void on(Instant now, const session::SessionUp& e);
  void on(Instant now, const session::SessionDown& e);
  void on(Instant now, const session::StreamOpened& e);
  void on(Instant now, const session::StreamReadable& e);
  void on(Instant now, const session::StreamWritable& e);
  void on(Instant now, const session::StreamReset& e);
  void on(Instant now, const session::StreamStopped& e);
  void on(Instant now, const session::StreamClosed& e);
  void on(Instant now, const session::MessageReceived& e);
  void on(Instant now, const session::RemoteMoved& e);
  void on(Instant now, const session::SilenceChanged& e);
  void on(Instant now, const session::RekeySend& e);
  void on(Instant now, const session::Rekeyed& e);
  void on(Instant now, const session::MemberUnknown& e);
  void on(Instant now, const session::ClockDiffers& e);
  void finish_pull(Instant now, SessionId session);
  void ask_others(Instant now, const Peer& peer, SessionId seen);
  void tell_twice(Instant now, const Peer& peer, bool back);
  void follow_peer(Instant now, const Peer& peer, SessionId seen, PathId path,
                   const Endpoint& remote);
  void send(Instant now, Link& link, const ControlMessage& message, const NodeId& about = {});
  void flush(Instant now, Link& link);
  void greet(Instant now, Link& link);
  void read_control(Instant now, Link& link);
  // False: the link is gone.
  bool handle_control(Instant now, SessionId session, ByteView body);
  void said(Instant now, Link& link, const Hello& m);
  void said(Instant now, Link& link, const Ping& m);
  void said(Instant now, Link& link, const Pong& m);
  void said(Instant now, Link& link, const RosterHave& m);
  void said(Instant now, Link& link, const RosterGet& m);
  void said(Instant now, Link& link, const RosterEntries& m);
  void said(Instant now, Link& link, const PeerList& m);
  void said(Instant now, Link& link, const ServicesGet& m);
  void said(Instant now, Link& link, const ServicesAre& m);
  void said(Instant now, Link& link, const JoinRequest& m);
  void said(Instant now, Link& link, const JoinAnswer& m);
  void said(Instant now, Link& link, const Rekey& m);
  void said(Instant now, Link& link, const Leave& m);
  void said(Instant now, Link& link, const RunsTwice& m);
  void said(Instant, Link&, const Unknown&) {}  // of a later version
  void broadcast(Instant now, const ControlMessage& message, std::optional<SessionId> except = {},
                 const NodeId& about = {});
  void say_services(Instant now, Link& link);
  void say_peers(Instant now, Link& link);
  [[nodiscard]] PeerList peer_list() const;
  void learn_peers(Instant now, const PeerList& list);
  void store_peer(const Peer& peer);
  void take_entries(Instant now, Link& link, const RosterEntries& entries);

  // --- overlay_links.cpp
  void heed(Instant now, Link& link, const Hello& m);
  void tell_about(Instant now, SessionId from, Peer& peer);
  void catch_up(Instant now);  // what came too soon after something like it

  // --- overlay_streams.cpp
  void stream_readable(Instant now, const StreamKey& key, ServiceStream& stream);
  void request_arrived(Instant now, const StreamKey& key, ServiceStream& stream);
  void asked(const StreamKey& key);  // its request came, or never will
  void answer_arrived(Instant now, const StreamKey& key, ServiceStream& stream);
  void decide(Instant now, const StreamKey& key, ServiceStream& stream, const std::string& service);
  void refuse(Instant now, const StreamKey& key, service::OpenStatus status,
              std::string_view detail, std::string_view who = {});
  void ended_by_peer(Instant now, const StreamKey& key, const ServiceStream& stream,
                     std::uint64_t code);
  void give_up(const StreamKey& key);
  void drop_streams(Instant now, SessionId session);
  void rules_changed(Instant now);
  // True: started or failed for good; false: keep waiting.
  bool try_start(Instant now, const Waiting& waiting);
  void wait_for(Instant now, Waiting waiting);
  void peer_ready(Instant now, const NodeId& peer);

  // --- overlay_services.cpp
  void tell_offers();
  [[nodiscard]] std::vector<ServiceLine> services_for(Instant now, const NodeId& caller) const;
  [[nodiscard]] bool may_expose(const NodeId& node) const;
  void target_did(Instant now, const std::string& service, service::Health health,
                  std::string_view detail);
  void probe(Instant now, const std::string& service);
  void sweep_health(Instant now);
  [[nodiscard]] std::string who_text(const service::Subject& subject) const;
  void rules_stored(Instant now, CommandId id, const std::string& name, std::vector<Row> rows,
                    bool at_once);

  // --- overlay_doors.cpp
  [[nodiscard]] Result<NodeId> provider_of(const std::string& service, const std::string& node,
                                           bool any = false) const;
  Result<void> pin(std::uint64_t door);
  void start_connect(Instant now, CommandId id, std::vector<NodeId> nodes,
                     const std::string& service, Duration within);
  // The next replica's turn; false: there is none left.
  bool try_next(Instant now, CommandId id, std::vector<NodeId> others, const std::string& service);
  // A stream whose ConnectReady is still held will not serve: the next replica, or the failure.
  void held_failed(Instant now, ServiceStream stream, Error error);

  OverlayConfig config;
  Rng& rng;
  WallClock clock;
  TrustRouter trust;
  path::PathTable paths;
  session::SessionLayer sessions;
  std::unique_ptr<Network> network;
  std::optional<Joining> joining;
  std::optional<Leaving> leaving;
  std::map<SessionId, Pull> pulls;
  Instant next_pull{};
  struct TwiceTold {
    Endpoint other;
    NodeId by;
    Instant at;
  };
  std::optional<TwiceTold> runs_twice;   // this node's own identity
  std::map<NodeId, Instant> twice_said;  // of members only
  std::optional<Instant> judge_at;       // sessions of removed nodes end then
  ByteArray<8> instance{};
  Instant born;

  std::map<SessionId, Link> links;
  std::map<StreamKey, ServiceStream> streams;
  std::vector<Waiting> waiting;
  std::vector<PingUnderWay> pings;
  std::uint64_t last_ping = 0;

  std::deque<OverlayEvent> events;
  CommandId last_command = 0;
  Journal journal;
  bool store_troubled = false;  // as was told
  Instant next_sweep{};
  std::optional<Instant> unsettled;  // datagrams came then; their events are read once per batch
};

}  // namespace weft::overlay
