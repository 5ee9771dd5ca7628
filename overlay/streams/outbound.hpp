// Streams that this node opens to services of members: connects that wait for a session, replicas
// tried in turn, and what the far side answered.
//
//   connect ──no session──> waiting ──SessionUp──> AwaitAnswer ──ok──> Open
//                              │ deadline              │ refused, lost
//                              └───> the next replica, else ConnectFailed / ConnectRefused
//
// Invariants
//  1. A connect ends in exactly one of ConnectReady and ConnectFailed, unless it is cancelled.
//  2. With another replica left, ConnectReady waits until the target of one has answered, so that a
//     refusal costs no byte; with none left, bytes may be sent at once.
//  3. What asks for a direct way waits for one, kAwayTimeout long while there is a relayed one, and
//     ends when its session moves to a relay.
//  4. At most kMaxConnects wait. A client of a node that did not answer a whole round of dialling
//     waits kAwayTimeout.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "overlay/service/doors.hpp"
#include "overlay/service/members_view.hpp"
#include "overlay/service/offers.hpp"
#include "overlay/service/registry.hpp"
#include "overlay/streams/counters.hpp"
#include "overlay/streams/outlet.hpp"
#include "overlay/streams/stream_io.hpp"

namespace weft::overlay {

inline constexpr std::size_t kMaxConnects = 4096;  // waiting for a peer
// Enough for one that is back to be found, too short for people to think that curl hangs.
inline constexpr Duration kAwayTimeout = 3s;
inline constexpr Duration kStreamRetry = 1s;  // a peer let no stream be opened

class Outbound {
 public:
  // All outlive it.
  Outbound(StreamIo& io, service::Doors& doors, service::Offers& offers,
           const service::Registry& own, Duration patience, const service::MembersView& members,
           StreamCounters& counters, Outlet& out)
      : io_(io),
        doors_(doors),
        offers_(offers),
        own_(own),
        patience_(patience),
        members_(members),
        counters_(counters),
        out_(out) {}

  // Opens a stream to service@node; `node` empty: see Doors::provider(). `within`: how long it may
  // take, else `patience`.
  void connect(Instant now, CommandId id, const std::string& service, const std::string& node,
               std::optional<Duration> within = std::nullopt);
  // Through a door: to its node, or to a replica where it has some.
  void connect_door(Instant now, CommandId id, std::uint64_t door);
  void cancel(CommandId id);
  // The network goes away: what waits fails, and no other replica is tried.
  void give_up_all();
  // A session with it came up, or it has news.
  void peer_ready(Instant now, const NodeId& peer);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // REQUIRES: contains(key).
  void readable(Instant now, const StreamKey& key);
  void ended_by_peer(Instant now, const StreamKey& key, std::uint64_t code);
  void closed(Instant now, const StreamKey& key);
  void session_down(Instant now, session::SessionId session);
  // It goes through a relay from now on: what must not, ends.
  void relayed(Instant now, session::SessionId session);

  [[nodiscard]] bool contains(const StreamKey& key) const { return streams_.contains(key); }
  [[nodiscard]] bool is_open(const StreamKey& key) const;
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Attempt {
    NodeId peer;
    std::string service;
    std::vector<NodeId> others;  // tried in turn when `peer` does not serve
    bool direct = false;         // not through a relay
  };
  struct Waiting {
    Attempt attempt;
    Instant deadline;
    Instant due;  // the deadline, or before: its peer is up and let no stream be opened
  };
  struct Stream {
    bool open = false;
    Attempt attempt;
    std::optional<CommandId> held;  // its ConnectReady waits for the answer
  };
  // In turn; never empty. `within` is for the first.
  void try_all(Instant now, CommandId id, std::vector<NodeId> nodes, const std::string& service,
               Duration within, bool direct);
  // True: a stream is open, or there is no use in waiting.
  bool try_start(Instant now, CommandId id, Waiting& request);
  void forget(CommandId id);
  void failed(Instant now, CommandId id, Attempt attempt, Error error);
  void answered(Instant now, const StreamKey& key);

  StreamIo& io_;
  service::Doors& doors_;
  service::Offers& offers_;
  const service::Registry& own_;
  Duration patience_;
  const service::MembersView& members_;
  StreamCounters& counters_;
  Outlet& out_;
  std::map<CommandId, Waiting> waiting_;
  std::set<std::pair<Instant, CommandId>> due_;  // what each of them waits for first
  std::set<std::pair<NodeId, CommandId>> by_peer_;
  std::map<StreamKey, Stream> streams_;
};

}  // namespace weft::overlay
