// The broker of one network (overlay/broker) over the sessions of its members, as a part: one
// stream of kind 5 in each session, opened by the side that dialled, carries its frames; nothing
// of it ever goes over the control stream.
//
// Invariants
//  1. One such stream a session. A second one, or one that brings what does not parse or is forged,
//     is reset, and that session has no broker any more.
//  2. What waits to be written is the core's to bound (broker/links.hpp): a peer that does not read
//     costs nobody anything.
//  3. A message that is to be durable is confirmed after the disk has answered.
#pragma once

#include <map>
#include <set>

#include "overlay/broker/core.hpp"
#include "overlay/part.hpp"
#include "overlay/topics/system_topics.hpp"

namespace weft::overlay {

class BrokerPart final : public Part {
 public:
  explicit BrokerPart(const Beside& beside);

  [[nodiscard]] Interests interests() const override;
  Result<void> load(const Row& row) override;
  void begin(Instant now);
  void handle_session(Instant now, const SessionNews& news) override;
  bool handle_stream(Instant now, const StreamNews& news) override;
  void handle_roster(Instant now, const RosterNews& news) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

  // What programs are told of the network: a member's state, what it offers, what this node does.
  void member_changed(Instant now, const MemberStateChanged& changed);
  void offered(Instant now, const NodeId& node, const std::vector<service::ServiceLine>& lines);
  void look_at_services(Instant now, const service::Registry& own);

  // PublishOutcome by CommandDone; no answer for the id 0. False: it was refused.
  bool publish(Instant now, CommandId id, broker::Publish what);
  // MessagesWaiting tells when next() has something after it had nothing.
  [[nodiscard]] Result<broker::SubscriberId> subscribe(Instant now, const broker::Wanted& wanted);
  void unsubscribe(broker::SubscriberId id);
  [[nodiscard]] std::optional<broker::Delivered> next(broker::SubscriberId id) {
    return core_.next(id);
  }
  // Has it signed, if it says something new. Denied: no key of ours may.
  void change_rule(CommandId id, roster::TopicBody rule);
  // The network goes away: what waits for a confirmation is answered.
  void stop();

  [[nodiscard]] const broker::Core& core() const { return core_; }

 private:
  struct Link {
    StreamKey key;
    NodeId peer;
    Bytes inbox;
    std::size_t written = 0;  // of the frame that is being written
    Bytes first;              // our request, when we opened the stream
  };
  void open(Instant now, const StreamKey& key, const NodeId& peer, Bytes first);
  void drop(Instant now, SessionId session, bool reset);
  void read(Instant now, SessionId session);
  bool hear(Instant now, SessionId session);
  void write(Instant now, SessionId session);
  void look_at_roster();
  void tell(Instant now, const SystemTopics::Tellings& tellings);
  void settle(Instant now);
  void carry(broker::Output output);
  [[nodiscard]] static broker::LinkId link_of(SessionId session) { return session + 1; }

  broker::Core core_;
  SystemTopics system_;
  std::map<SessionId, Link> links_;
  std::set<CommandId> waiting_;  // for an answer
};

}  // namespace weft::overlay
