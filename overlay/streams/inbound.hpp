// Streams that members open to our services, from their request on.
//
//   request ──rules──> AwaitDecision ──accept()──> Open
//                  │        │ refuse()               │ a rule takes it back
//                  └────────┴──> Refused <───────────┘
//
// Invariants
//  1. No stream reaches a target before the caller's identity passed the rules (InboundStream), and
//     none stays when the rules no longer allow it.
//  2. Bytes behind the request stay in the session until the decision; its window bounds them. What
//     still comes on a refused stream is discarded.
//  3. The owner hears DataClosed of each stream that it heard InboundStream of.
#pragma once

#include <map>
#include <string>

#include "overlay/streams/counters.hpp"
#include "overlay/streams/offering.hpp"
#include "overlay/streams/stream_io.hpp"

namespace weft::overlay {

class Inbound {
 public:
  // All outlive it.
  Inbound(StreamIo& io, Offering& offering, const service::MembersView& members,
          StreamCounters& counters, Outlet& out)
      : io_(io), offering_(offering), members_(members), counters_(counters), out_(out) {}

  // A stream of kind service: its request is here, unread.
  void opened(Instant now, service::Asked asked, const StreamKey& key, const NodeId& peer);
  // Nothing happens when the stream is not there any more.
  void accept(Instant now, const StreamKey& key);
  void refuse(Instant now, const StreamKey& key, service::OpenStatus status,
              std::string_view detail, std::string_view who = {});

  // REQUIRES: contains(key).
  void readable(Instant now, const StreamKey& key);
  void ended_by_peer(Instant now, const StreamKey& key, std::uint64_t code);
  void closed(const StreamKey& key);
  void session_down(session::SessionId session);
  // It goes through a relay from now on: what must not, ends.
  void relayed(Instant now, session::SessionId session);
  // Ends what is no longer allowed.
  void rules_changed(Instant now, service::Asked asked);

  [[nodiscard]] bool contains(const StreamKey& key) const { return streams_.contains(key); }
  [[nodiscard]] bool is_open(const StreamKey& key) const;
  [[nodiscard]] bool is_waiting(const StreamKey& key) const;  // for its decision
  [[nodiscard]] std::size_t open_to(const std::string& service) const;

 private:
  enum class Phase : std::uint8_t { AwaitDecision, Open, Refused };
  struct Stream {
    Phase phase = Phase::AwaitDecision;
    NodeId peer;
    std::string service;
  };
  void give_up(const StreamKey& key);
  void end(Instant now, const StreamKey& key, std::uint64_t code);

  StreamIo& io_;
  Offering& offering_;
  const service::MembersView& members_;
  StreamCounters& counters_;
  Outlet& out_;
  std::map<StreamKey, Stream> streams_;
};

}  // namespace weft::overlay
