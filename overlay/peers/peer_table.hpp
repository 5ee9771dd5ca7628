// The members we may talk to, and the sessions that carry it. A Peer is not a connection: it owns
// 0..n sessions, of which one is preferred for new streams.
//
// Invariants
//  1. preferred, when set, is one of `sessions`.
//  2. At most kMaxConcurrentDials dials of one peer are under way, and one to where a hint says it
//     is: hints come from anybody on the LAN, so they never take the place of a dial.
//  3. Between failed rounds of dialling lies a pause from kFirstBackoff doubling to kMaxBackoff;
//     it begins anew once the peer has spoken, not when our own handshake is through.
//  4. Members that nobody waits for are dialled kDialRate a second, kDialBurst at once: a handshake
//     is 4 KiB each way, and a node that learns of sixty members would fill the line of a home with
//     them for seconds. Meanwhile those dial in that were first, and need no dial.
//  5. Of the processes that speak as a peer (its lives, told apart by the instance in Hello) the
//     one that first spoke last is the peer. An older one that speaks again proves that two run with
//     one identity: both keep their sessions, the younger is used, and all three are told (decision
//     36).
//
// A hint is taken although a session is up if nothing comes from it: our own address changed since
// it was last heard, or it leaves us without an answer.
//
// Two sessions with one peer: when both ends dialled at once, the one dialled by the lower NodeId
// is kept and the other drained; when the peer restarted (its Hello carries another instance) or
// the sessions lie more than kSimultaneous apart, the newer one supersedes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "base/address.hpp"
#include "base/endpoint.hpp"
#include "base/identity.hpp"
#include "base/meter.hpp"
#include "base/time.hpp"
#include "overlay/discovery/address_book.hpp"
#include "overlay/session/session_layer.hpp"

namespace weft::overlay {

using session::SessionId;

inline constexpr std::uint64_t kCodeSuperseded = 2;    // in CONNECTION_CLOSE
inline constexpr std::size_t kMaxConcurrentDials = 3;  // happy eyeballs over the endpoints
inline constexpr Duration kDialStagger = 250ms;        // RFC 8305's connection attempt delay
inline constexpr std::int64_t kDialRate = 16;
inline constexpr std::int64_t kDialBurst = 16;
inline constexpr Duration kFirstBackoff = 1s;
inline constexpr Duration kMaxBackoff = 60s;
inline constexpr Duration kSimultaneous = 3s;
inline constexpr Duration kHintPause = 3s;  // a dial to a hint gives way to a newer one after this
inline constexpr Duration kUnanswered = 500ms;  // then a hint is looked at beside the session
// Then a session without an answer is closed, another being there; one with streams in use, by
// another way, may yet be moved to a way that works.
inline constexpr Duration kRetireAfter = 5s;
inline constexpr Duration kHealing = 20s;
inline constexpr Duration kTwiceKept = 10min;  // what was seen of a second life is told so long
inline constexpr std::size_t kMaxLives = 4;
inline constexpr std::size_t kMaxKnownCarriers = 8;
inline constexpr std::size_t kMaxKnownRelays = 2;

struct PeerSession {
  SessionId id = 0;
  bool initiator = false;
  Instant since;
  std::optional<ByteArray<8>> instance;  // once its Hello came
};

struct Peer {
  NodeId id;
  NetworkId network;
  IdentityKey identity{};
  std::optional<Certificate> certificate;  // the newest seen: its static key allows IK
  std::vector<Endpoint> endpoints;         // best first: those of the book that UDP reaches
  std::vector<Address> carriers;           // of TCP and WebSocket, in the order told
  std::vector<RelayAddress> relays;        // that it named last, by its own word
  std::vector<PeerSession> sessions;
  struct Life {
    ByteArray<8> instance;
    Endpoint at;
  };
  std::vector<Life> lives;  // the youngest last
  struct Twice {
    Endpoint older, younger;
    Instant seen;
  };
  std::optional<Twice> twice;  // two of them at the same time
  std::optional<SessionId> preferred;
  std::optional<Instant> changed;  // when it came up or went away last; not since we started
  bool was_up = false;             // then

  struct Dial {
    SessionId session = 0;
    Endpoint to;
    PathId path = PathId::Udp;
    bool operator==(const Dial&) const = default;
  };
  std::vector<Dial> dialing;
  std::optional<Endpoint> hint;  // not tried yet; kept in `endpoints` only once it answered
  struct HintDial {
    SessionId session;
    Endpoint endpoint;
    Instant since;
  };
  std::optional<HintDial> hint_dial;
  std::size_t next_endpoint = 0;        // within this round
  std::optional<Instant> next_attempt;  // nullopt: not trying; set by attempt_at()
  std::optional<Instant> trying_since;  // dialled since then, and no session yet
  Duration backoff = kFirstBackoff;
  bool wanted = false;           // keep trying while this holds
  bool waited_for = false;       // its next dial is not put off
  bool says_we_are_out = false;  // it told us that we were removed; the user has been told once
  std::string software;          // as its last Hello says
  std::optional<Instant> told;   // when others last heard of it from us

  [[nodiscard]] bool is_up() const { return preferred.has_value(); }
};

class PeerTable {
 public:
  PeerTable(NodeId self, session::SessionLayer& sessions) : self_(self), sessions_(sessions) {}

  Peer& add(const NetworkId& network, const IdentityKey& identity);
  void remove(Instant now, const NodeId& id);
  [[nodiscard]] Peer* find(const NodeId& id);
  [[nodiscard]] const Peer* find(const NodeId& id) const;
  [[nodiscard]] Peer* find_by_session(SessionId session);
  [[nodiscard]] const std::map<NodeId, Peer>& all() const { return peers_; }
  // Where members are, for all who ask: the one book of the network.
  [[nodiscard]] const discovery::AddressBook& addresses() const { return book_; }

  // Into the book: to the front (`surely`: a session came up there, or the peer signed it) or to
  // the back.
  void learn(Instant now, Peer& peer, const std::vector<Endpoint>& endpoints,
             discovery::Source source, bool surely = false);
  // A newer certificate of this peer; an older epoch is ignored. True if it was news.
  bool learn(Peer& peer, const Certificate& certificate);

  // Addresses of TCP and WebSocket; `all`: the peer's own word, so others are forgotten. True: news.
  bool learn_carriers(Peer& peer, const std::vector<Address>& carriers, bool all);
  // The relays that it names, by its own word alone: instead of those of before. True: news.
  bool learn_relays(Peer& peer, const std::vector<Address>& told) const;
  // Those with such addresses, and a number that changes with what matters to who dials them.
  [[nodiscard]] const std::set<NodeId>& carried() const { return carried_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }
  // It may be there, says who proves nothing: tried at once, beside what is under way.
  void hint(Instant now, Peer& peer, const Endpoint& endpoint);

  // Starts dialling unless up or under way. `at_once` ignores the backoff pause.
  void want(Instant now, Peer& peer, bool at_once);
  // By this way, beside what is under way and beside the session there is.
  void dial_over(Instant now, Peer& peer, PathId path, const Endpoint& remote);
  // It answers there, just now: whatever else is under way gives way.
  void dial_there(Instant now, Peer& peer, PathId path, const Endpoint& endpoint);
  // Those under way; they go to where it is not.
  void cancel_dials(Instant now, Peer& peer);
  void unwant_all();  // no more dialling but for who waits
  // Our address changed. What we dialled moves with our next packet. A peer that dialled us hears
  // us from nowhere else, because only the QUIC client can move a connection: we dial it beside,
  // and it moves its own (Peers::follow).
  void follow_move(Instant now);

  void on_session_up(Instant now, const session::SessionUp& up);
  // True: an older life of this peer came back.
  bool on_hello(Instant now, SessionId session, const ByteArray<8>& instance);
  // Ends sessions that their peer has lost, seen by another that answers; looks after two lives.
  void retire(Instant now);
  // Nothing comes from this session: it may be that its peer is somewhere else.
  [[nodiscard]] bool unanswered(Instant now, SessionId session) const;
  // Where a dial that is under way goes; nothing for other sessions.
  [[nodiscard]] std::optional<Peer::Dial> dial_of(SessionId session) const;
  // The peer this session (or dial attempt) belonged to, if any.
  Peer* on_session_down(Instant now, SessionId session);

  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  // Peers with several sessions, or whose identity runs twice.
  [[nodiscard]] const std::set<NodeId>& doubled() const { return doubled_; }

 private:
  std::optional<SessionId> dial(Instant now, Peer& peer, const Endpoint& endpoint, PathId path);
  void dial_next(Instant now, Peer& peer);
  void dial_hint(Instant now, Peer& peer);
  void dial_beside(Instant now, Peer& peer);
  void end_round(Instant now, Peer& peer);
  void choose_preferred(Instant now, Peer& peer);
  void note_doubled(const Peer& peer);
  void note_change(const Peer& peer) { changes_ += peer.carriers.empty() ? 0 : 1; }
  // True if `a` should be kept over `b`.
  [[nodiscard]] bool keep_over(const Peer& peer, const PeerSession& a, const PeerSession& b) const;
  void end_older_lives(Instant now, Peer& peer, const ByteArray<8>& instance);

  // Sets next_attempt.
  [[nodiscard]] bool relayed(const PeerSession& session) const;
  void attempt_at(Peer& peer, std::optional<Instant> at);

  NodeId self_;
  session::SessionLayer& sessions_;
  discovery::AddressBook book_;
  std::map<NodeId, Peer> peers_;
  // Each peer's next_attempt. At one time those above this node's id come first, so that all who
  // start at once begin with different ones, and no two with each other.
  std::set<std::tuple<Instant, bool, NodeId>> due_;
  Meter dials_{kDialRate, kDialBurst};
  std::set<NodeId> doubled_;
  std::set<NodeId> carried_;
  std::uint64_t changes_ = 0;
  Instant moved_at_{};
  std::map<SessionId, NodeId> by_session_;  // both live sessions and dials under way
};

}  // namespace weft::overlay
