// Ways through other members, for one network: as a relay for them (relay/server.hpp), and as who
// needs one (relay/circuits.hpp).
//
// A wanted member that no direct dial reaches within kDirectFirst is asked for at the relays there
// are, nearest and least busy first; a circuit is a path like any other, and its session is dialled over
// it. While a session goes by a circuit:
//   - a second circuit through another relay is kept ready; it takes over when the first one is silent,
//     closed, or its relay gone: streams stay, the path below them changes;
//   - direct addresses are tried again, ever more rarely, at once when there are new ones: by who
//     dialled the session, which moves there once QUIC has proven the path; the other end dials
//     beside, and the session follows (Peers::follow).
//
// Invariants
//  1. Only sessions with a direct path lead to a relay or from one: no circuit lies in another.
//  2. A circuit that nothing uses is closed, but for the one that is kept ready.
//  3. At most kReserved relays are reserved at; kSeekers members are sought at once.
//  4. Others are told of a relay only while there is a reservation with it (Through), but for
//     kTellPause.
//
// A member that no relay at hand knows is sought at those that it names (its Hello, its node record):
// they are members, and found like others.
#pragma once

#include <map>
#include <set>

#include "overlay/part.hpp"
#include "overlay/peers/peer_table.hpp"
#include "overlay/relaying/relay_home.hpp"

namespace weft::overlay {

inline constexpr Duration kDirectFirst = 250ms;  // as the attempt delay of RFC 8305
inline constexpr Duration kSecondAsks =
    200ms;                                    // both ends may want each other: the higher id waits
inline constexpr Duration kAskAnswer = 1s;    // then the next relay is asked as well
inline constexpr Duration kSeekFirst = 2s;    // a pause after all were asked, doubling
inline constexpr Duration kSeekMost = 10min;  // who comes up is told by those who see it
inline constexpr Duration kDirectAgain = 2s;  // a direct address is tried again, doubling
inline constexpr Duration kDirectMost = 60s;
inline constexpr Duration kSpareAfter = 1s;  // a second circuit, once the first one serves
inline constexpr Duration kUnusedFor = 5s;   // then a circuit that nothing uses is closed
inline constexpr Duration kTellPause = 5s;   // a relay that comes and goes is no news so often
inline constexpr std::size_t kReserved = 2;
inline constexpr std::size_t kSeekers = 256;
inline constexpr std::size_t kCircuitsFrom = 4;  // of one member, at once

class Relaying final : public Part {
 public:
  // All outlive it; `table` is the one in `beside`.
  Relaying(const Beside& beside, const PeerTable& table, RelayHome& home)
      : Part(beside), table_(table), home_(home) {}

  [[nodiscard]] Interests interests() const override;
  void handle_session(Instant now, const SessionNews& news) override;
  Result<void> handle_control(Instant now, const ControlIn& in) override;
  void handle_roster(Instant now, const RosterNews& news) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override { return look_at_; }

  // Tickets are out: who comes through a relay that was told so is let through.
  void set_open(bool open) { open_ = open; }
  // Where this node can be reached through others: the sessions with them.
  [[nodiscard]] std::vector<std::pair<SessionId, NodeId>> reserved() const;
  // What a relay's address is, told to others: where this node reaches it, then a public place;
  // none: nobody could reach it.
  [[nodiscard]] std::optional<RelayAddress> address_of(SessionId session,
                                                       const NodeId& relay) const;
  // How often it was asked for: another figure, another list.
  [[nodiscard]] std::uint64_t reservations() const { return reservations_; }
  // A joiner's session that only leads on to its inviter.
  [[nodiscard]] bool leads_on(SessionId session) const { return home_.server.serves(session); }
  // A session with this member is wished for.
  void wanted(Instant now, const NodeId& node);
  // After each input: what the shared server has to say, and whether it relays.
  void settle(Instant now);
  // What became of each member that might relay to this one, for people.
  struct Choice {
    NodeId relay;
    enum class State : std::uint8_t { Used, Ready, NoRelay, Silent, Free } state = State::Free;
    Duration rtt{};
    std::uint64_t load_permille = 0;
  };
  [[nodiscard]] std::vector<Choice> choices(Instant now, const NodeId& target) const;
  // A circuit sent and heard nothing for a while.
  void suspect(Instant now, PathId path);

 private:
  struct Relay {
    NodeId node;
    bool on = false;
    bool asked = false;  // Reserve was said, and not refused
    std::uint64_t load_permille = 0;
  };
  // A member that needs a circuit: it has no session, or one whose circuit fails or stands alone.
  struct Seek {
    Instant next{};
    Duration pause = kSeekFirst;
    std::set<NodeId> tried;  // relays, in this round
  };
  struct Ask {
    NodeId target;
    SessionId relay = 0;
    Instant until;
  };
  // A session over a circuit looks for a direct way.
  struct Climb {
    Instant next{};
    Duration pause = kDirectAgain;
    std::size_t endpoint = 0;
    std::vector<Endpoint> known;
    std::optional<Endpoint> trying;
  };
  struct Own {
    NodeId peer;
    bool asked = false;  // by us: then it is ours to close
    bool joining = false;
    std::optional<Instant> unused;
  };

  void on(Instant now, const session::SessionUp& up);
  void on(Instant now, const LinkOpen& open);
  void on(Instant now, const session::SessionDown& down);
  void on(Instant now, const session::RemoteMoved& moved);
  void on(Instant now, const session::SilenceChanged& told);
  template <class Other>
  void on(Instant, const Other&) {}
  void said(Instant now, const session::SessionUp& from, const relay::Offer& m);
  void said(Instant now, const session::SessionUp& from, const relay::Reserved& m);
  void said(Instant now, const session::SessionUp& from, const relay::Incoming& m);
  void said(Instant now, const session::SessionUp& from, const relay::Connected& m);
  void said(Instant now, const session::SessionUp& from, const relay::Close& m);
  template <class Other>
  void said(Instant, const session::SessionUp&, const Other&) {}

  // relaying.cpp: sessions and what they say
  void say(SessionId to, const relay::Message& message) { put(Say{to, encode(message)}); }
  void on_direct(SessionId session, const NodeId& peer, bool joining);
  void on_circuit(Instant now, SessionId session);
  void off_direct(Instant now, SessionId session);
  void reserve();
  void tell_soon(Instant now);
  void tell(Instant now);
  [[nodiscard]] relay::Offer offer(Instant now) const;
  void look_by(Instant at);

  // seeking.cpp: circuits for who needs one
  [[nodiscard]] std::optional<SessionId> next_relay(Instant now, const NodeId& target,
                                                    const Seek& seek) const;
  void seek(const NodeId& node, Instant at);
  void seek_all(Instant now);
  void look_for(Instant now, const NodeId& node, Seek& seek);
  void meet_named(const Peer& peer);
  void use(Instant now, const NodeId& node, PathId path);
  void take_over(Instant now, const NodeId& node);
  void climb(Instant now, SessionId session, Climb& climb);
  void close_unused(Instant now);
  void drop(PathId path);
  void lost(Instant now, const std::vector<PathId>& paths);
  [[nodiscard]] bool needs(Instant now, const NodeId& node) const;
  [[nodiscard]] bool fails(Instant now, SessionId session) const;
  [[nodiscard]] bool wants_spare(const Peer& peer) const;
  [[nodiscard]] std::vector<SessionId> left_behind(Instant now, const Peer& peer) const;
  void bring_after(Instant now, const Peer& peer);
  [[nodiscard]] bool in_use(PathId path, const NodeId& node) const;
  [[nodiscard]] std::vector<PathId> spares_of(const NodeId& node) const;
  [[nodiscard]] bool is_circuit(PathId path) const;

  const PeerTable& table_;
  RelayHome& home_;
  std::map<SessionId, Relay> relays_;  // direct sessions with members
  std::map<NodeId, Seek> seeks_;
  std::map<std::uint64_t, Ask> asks_;
  std::map<SessionId, Climb> climbs_;
  std::map<PathId, Own> circuits_;  // of this network
  std::uint64_t last_request_ = 0;
  std::optional<Instant> look_at_;  // nothing is due before
  std::uint64_t reservations_ = 0;
  Instant told_{};  // when others last heard by which relays we are reached
  std::optional<Instant> tell_at_;
  bool told_on_ = false;
  bool open_ = false;
};

}  // namespace weft::overlay
