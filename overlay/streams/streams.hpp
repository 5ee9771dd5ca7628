// Services of one network over the streams of its sessions, as a part: what this node offers, what
// members offer to it, doors, and the streams between. The rooms of this folder do the work; this
// class gives each input to the one it is for.
//
//   offering         our exposures, access rules, whether targets answer
//   inbound          streams of members to our services
//   outbound         streams of ours to services of members
//   service/offers   what members let us use;  service/doors: where our doors lead
//   messages         datagrams beside a stream
//   asking           who asks for access, of us and we of members
//
// Invariants
//  1. A stream reaches a service only after the caller's identity passed the rules; rules changed
//     later end the open streams they no longer allow.
//  2. A message is handed on only while its stream is open.
//  3. Members hear what they may use when their link opens, when they ask, and when it changed.
#pragma once

#include <map>

#include "overlay/network_members.hpp"
#include "overlay/part.hpp"
#include "overlay/service/doors.hpp"
#include "overlay/streams/asking.hpp"
#include "overlay/streams/counters.hpp"
#include "overlay/streams/inbound.hpp"
#include "overlay/streams/messages.hpp"
#include "overlay/streams/offering.hpp"
#include "overlay/streams/outbound.hpp"

namespace weft::overlay {

class Streams final : public Part {
 public:
  explicit Streams(const Beside& beside);

  [[nodiscard]] Interests interests() const override;
  Result<void> load(const Row& row) override;
  void handle_session(Instant now, const SessionNews& news) override;
  Result<void> handle_control(Instant now, const ControlIn& in) override;
  bool handle_stream(Instant now, const StreamNews& news) override;
  void handle_roster(Instant now, const RosterNews& news) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

  // What the owner asks for. After commands given to a room, settle().
  Offering& offering() { return offering_; }
  Outbound& outbound() { return outbound_; }
  Messages& messages() { return messages_; }
  Asking& asking() { return asking_; }
  void add_door(CommandId id, service::Mapping door);
  void remove_door(CommandId id, std::uint64_t door);
  void accept(Instant now, const StreamKey& key);
  void refuse(Instant now, const StreamKey& key, service::OpenStatus status,
              std::string_view detail);
  // The network goes away: connects fail, streams are closed.
  void stop(Instant now);
  // What follows from it: streams that a rule took back end, members hear, targets are looked at.
  void settle(Instant now);

  // The system's clock was set, or local time is another one (minus UTC) now.
  void clock_set() { offering_.clock_changed(); }
  void set_local_time(std::int32_t east_s) { east_s_ = east_s; }

  [[nodiscard]] const Offering& offering() const { return offering_; }
  // May this member use it now, on the session that it has?
  [[nodiscard]] service::Decision decide(Instant now, const NodeId& caller,
                                         const std::string& service) const;
  [[nodiscard]] const Asking& asking() const { return asking_; }
  [[nodiscard]] const Inbound& inbound() const { return inbound_; }
  [[nodiscard]] const service::Offers& offers() const { return offers_; }
  [[nodiscard]] const service::Doors& doors() const { return doors_; }
  [[nodiscard]] const service::MembersView& members() const { return members_; }
  [[nodiscard]] const StreamCounters& counters() const { return counters_; }

 private:
  // A session of a member.
  struct Member {
    NodeId node;
    bool open = false;  // its link can be spoken on
  };
  // Without a place.
  [[nodiscard]] service::Asked asked(Instant now) const {
    return {beside_.clock.at(now), east_s_, std::nullopt};
  }
  void tell_offers();
  void say_services(Instant now, session::SessionId session, const NodeId& caller);
  template <class News>
  bool handle_own(Instant now, const StreamKey& key, const News& news);

  NetworkMembers members_;
  SessionStreams io_;
  Outlet out_;
  StreamCounters counters_;
  Offering offering_;
  service::Offers offers_;
  service::Doors doors_;
  Inbound inbound_;
  Outbound outbound_;
  Messages messages_;
  Asking asking_;
  std::map<session::SessionId, Member> sessions_;
  std::int32_t east_s_ = 0;
};

}  // namespace weft::overlay
