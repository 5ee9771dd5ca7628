// The members we may talk to: who is reached where, by which session, and what they tell each other
// about that. The dialling itself is PeerTable's.
//
// Says: Hello and a PeerList on every new link, one about a member that just came up (networks of
// up to kEagerPeers), our own place when it changes, Ping when asked, RunsTwice to two processes of
// one identity.
//
// Invariants
//  1. What a member says of itself has an effect on others once in kHelloPause; what came too soon
//     is kept, the newest of it, and heeded then.
//  2. Records in the PeerLists of one session count kRecordRate a second, kRecordBurst at once.
//  3. Only records whose certificate is of a member count: nobody adds a peer but the roster.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/meter.hpp"
#include "overlay/control_message.hpp"
#include "overlay/credential/credential.hpp"
#include "overlay/part.hpp"
#include "overlay/peers/clocks.hpp"
#include "overlay/peers/peer_table.hpp"
#include "overlay/peers/pings.hpp"
#include "overlay/view.hpp"

namespace weft::overlay {

inline constexpr std::int64_t kRecordRate = 64;
inline constexpr std::int64_t kRecordBurst = 512;
inline constexpr Duration kHelloPause = 1s;     // between two that have an effect
inline constexpr std::size_t kEagerPeers = 64;  // networks this small keep all sessions
inline constexpr Duration kRetireLook = 1s;     // between two looks at sessions beside others

// Where it is seen to be: only what came by UDP tells where UDP reaches it.
[[nodiscard]] Endpoint observed_at(const session::SessionLayer& sessions,
                                   const session::SessionUp& up);
// The Hello that this node says on a session.
[[nodiscard]] Hello hello_to(const Endpoint& observed, const OverlayConfig& config,
                             const ByteArray<8>& instance, std::vector<Endpoint> places,
                             std::vector<Address> others);

class Peers final : public Part {
 public:
  // All outlive it; `table` is the one in `beside`.
  Peers(const Beside& beside, PeerTable& table, const Credential& credential)
      : Part(beside), table_(table), credential_(credential) {}

  [[nodiscard]] Interests interests() const override;
  Result<void> load(const Row& row) override;
  void handle_session(Instant now, const SessionNews& news) override;
  Result<void> handle_control(Instant now, const ControlIn& in) override;
  void handle_roster(Instant now, const RosterNews& news) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

  void begin(Instant now);  // once, behind the rows
  void want(Instant now, const Want& want);
  void dial_over(Instant now, const DialOver& dial);
  // Somebody told where a member is.
  void found(Instant now, const Learned& learned);
  // A way that was proven just now: what we dialled through a relay moves there; who is not up is
  // dialled there.
  void punched(Instant now, const Punched& way);
  // A beacon on the LAN, which anybody may send again from anywhere, was heard from there.
  void heard(Instant now, const NodeId& node, const Certificate& certificate,
             const Endpoint& endpoint);
  // Our own addresses or certificate are others now.
  void tell_own_place(bool moved, Instant now);
  void tell_relays();  // those that reach us are others now
  // Answers behind all that the peer had said before: services, the roster's head.
  void ping(Instant now, CommandId id, const NodeId& node, Duration within);

  [[nodiscard]] std::vector<PeerView> view() const;
  [[nodiscard]] std::vector<KnownPeer> known() const;
  // Sentences for the user: identities that run twice.
  [[nodiscard]] std::vector<std::string> attention(Instant now) const;
  // Members whose clocks lie too far from ours, and how: "61 min ahead" of this one.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> clocks_off() const;

 private:
  struct Link {
    session::SessionUp up;
    bool open = false;
    bool greeted = false;             // the peer's Hello came
    Instant heeded;                   // when one last had an effect
    std::optional<Hello> late_hello;  // came too soon after; the newest
    Meter records{kRecordRate, kRecordBurst};
  };
  struct TwiceTold {
    Endpoint other;
    NodeId by;
    Instant at;
  };

  void on(Instant now, const session::SessionUp& up);
  void on(Instant now, const LinkOpen& open);
  void on(Instant now, const session::SessionDown& down);
  void on(Instant now, const session::RemoteMoved& moved);
  void on(Instant now, const session::SilenceChanged& told);
  void on(Instant now, const session::ClockDiffers& told);
  void on(Instant, const LinkRoom&) {}
  void on(Instant, const session::MemberUnknown&) {}
  void said(Instant now, Link& link, const Hello& m);
  void said(Instant now, Link& link, const Ping& m);
  void said(Instant now, Link& link, const Pong& m);
  void said(Instant now, Link& link, const PeerList& m);
  void said(Instant now, Link& link, const RunsTwice& m);
  template <class Other>
  void said(Instant, Link&, const Other&) {}

  // For who asks what was tried: a session came up there, or ended before it had done so.
  void note(const NodeId& node, PathId path, const Endpoint& remote, path::TryResult result,
            std::string detail);
  void note_end(const session::SessionDown& down);
  // Peers follow the roster: new members are known, those that are gone forgotten.
  void adopt_members(Instant now);
  void heed(Instant now, Link& link, const Hello& m);
  void heed_member(Instant now, Link& link, const Hello& m);
  void follow(Instant now, const Peer& peer, SessionId seen, PathId path, const Endpoint& remote);
  void tell_about(Instant now, SessionId from, Peer& peer);
  void tell_twice(Instant now, const Peer& peer, bool back);
  void start_pings(Instant now, const NodeId& node);
  void end_pings(const std::vector<Pings::Ended>& ended, const char* why);
  void close_doubles(Instant now);
  [[nodiscard]] PeerList own_list(bool all) const;
  void keep(const Peer& peer);

  PeerTable& table_;
  const Credential& credential_;
  std::vector<PeerRecord> loaded_;  // until begin()
  std::map<SessionId, Link> links_;
  std::set<SessionId> late_;     // links with a Hello that came too soon
  std::set<NodeId> tell_again_;  // of whom there is news that came too soon
  Pings pings_;
  Clocks clocks_;
  std::optional<TwiceTold> runs_twice_;   // this node's own identity
  std::map<NodeId, Instant> twice_said_;  // of members only
  std::optional<Instant> next_look_;
};

}  // namespace weft::overlay
