// Who of the network is there: overlay/membership among the parts of a node. Packets travel as
// sealed datagrams of channel 2; what may be long goes as control messages of type 17 where a
// session is up: [17, packet bin].
//
// Says on a new link this node's own word; asks for a session where a member has heard of a roster
// that we have not; hands on what members sign about their addresses and keys; ends the sessions of
// who has left. The incarnation is stored ahead of its use (membership::Reserve), as a hint: a node
// that lost it is told by the others and goes above.
#pragma once

#include <vector>

#include "overlay/credential/credential.hpp"
#include "overlay/membership/swim.hpp"
#include "overlay/part.hpp"
#include "overlay/view.hpp"

namespace weft::overlay {

class Liveness final : public Part, private membership::Sessions {
 public:
  // Both outlive it.
  Liveness(const Beside& beside, const Credential& credential)
      : Part(beside), credential_(credential), notary_(beside.config.identity.key) {}

  [[nodiscard]] Interests interests() const override;
  Result<void> load(const Row& row) override;
  void handle_session(Instant now, const SessionNews& news) override;
  Result<void> handle_control(Instant now, const ControlIn& in) override;
  void handle_sealed(Instant now, const SealedIn& in) override;
  void handle_roster(Instant now, const RosterNews& news) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

  void begin(Instant now);  // once, behind the rows and the credential
  void leave(Instant now);  // this node goes down: others need not wait for it

  // Fills in what is known of each.
  void complete(std::vector<MemberView>& views) const;
  [[nodiscard]] const membership::Table& table() const { return swim_->table(); }
  [[nodiscard]] const membership::SwimCounters& counters() const { return swim_->counters(); }
  [[nodiscard]] int health() const { return swim_->health(); }

 private:
  [[nodiscard]] std::optional<Seen> with(const NodeId& node) const override;

  void carry(Instant now);
  void carry(Instant now, membership::Send& send);
  void carry(Instant now, const membership::StateChanged& changed);
  void carry(Instant now, const membership::Spoke& spoke);
  void carry(Instant now, const membership::Behind& behind);
  void carry(Instant now, const membership::Reserve& reserve);
  void tell_members(Instant now);
  void tell_self(Instant now);

  const Credential& credential_;
  membership::RealNotary notary_;
  membership::Incarnation stored_ = 0;
  std::optional<membership::Swim> swim_;  // from begin() on
  bool leaving_ = false;
};

}  // namespace weft::overlay
