// Direct ways to members that were reached through others only, or not at all; and what the NATs
// around this node do. The part of a network around two cores: pairs.hpp (attempts) and
// nat_watch.hpp (what members see of us).
//
// A member is in need of an attempt while a session with it is wished for and there is none, or one
// through a relay. Offers travel in that session, else in a sealed datagram of channel 3, which the
// post carries through another member. What was found goes to Peers as Punched.
//
// Datagrams of ours leave as Cast: they are no session's.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "overlay/part.hpp"
#include "overlay/path/path_table.hpp"
#include "overlay/peers/peer_table.hpp"
#include "overlay/punch/nat_watch.hpp"
#include "overlay/punch/pairs.hpp"

namespace weft::overlay {

class Punch final : public Part {
 public:
  // What a plain dial gets before an attempt begins beside it.
  static constexpr Duration kDialFirst = 500ms;
  // What others see of us is looked at again so often, where there is somebody to ask.
  static constexpr Duration kAskAgain = 8min;
  static constexpr std::size_t kObservers = 4;

  explicit Punch(const Beside& beside) : Part(beside), watch_(beside.rng), pairs_(beside.rng) {}

  [[nodiscard]] Interests interests() const override;
  void handle_session(Instant now, const SessionNews& news) override;
  Result<void> handle_control(Instant now, const ControlIn& in) override;
  void handle_sealed(Instant now, const SealedIn& in) override;
  void handle_roster(Instant now, const RosterNews& news) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

  // A STUN message that came to the node's socket. True: it was for us.
  bool handle_stun(Instant now, const Datagram& in, const nat::StunMessage& message);
  // Whether a member is known to be at this address, whatever the port: it may ask where we see it.
  [[nodiscard]] bool knows(const Endpoint& from) const;
  // Our own addresses are others now.
  void addresses_changed(Instant now);

  [[nodiscard]] nat::Verdict verdict(Instant now, nat::Family family) const {
    return watch_.verdict(now, family);
  }
  [[nodiscard]] std::optional<punch::Pairs::View> tried(const NodeId& member) const {
    return pairs_.view(member);
  }
  [[nodiscard]] const punch::PunchCounters& counters() const { return pairs_.counters(); }
  [[nodiscard]] const punch::WatchCounters& watch_counters() const { return watch_.counters(); }

 private:
  // How a member is reached now.
  enum class Reach : std::uint8_t { Direct, Relayed, None, NotWished };
  [[nodiscard]] Reach reach(const Peer& peer) const;
  [[nodiscard]] bool somebody_up() const;
  void look(Instant now);
  void ask_members(Instant now);
  void take_offer(Instant now, const NodeId& from, ByteView body);
  void flush(Instant now);
  void tell_verdict(const nat::Verdict& verdict);

  punch::NatWatch watch_;
  punch::Pairs pairs_;
  std::optional<Instant> look_at_;
  std::optional<Instant> ask_at_;
  nat::Verdict told_;
};

}  // namespace weft::overlay
