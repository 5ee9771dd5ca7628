// One network that this node is in: its roster and its parts. A node has several (decision 32);
// they share the socket, the session layer, the links and the journal, and nothing else: names,
// rules, rosters and records of two networks never meet.
//
// This is the switchboard between the parts: it gives each input to whom it is for and carries out
// what they ask for (part.hpp), in the order of `parts_`, until nothing is left.
//
// Commands and queries are the parts'. After commands the owner calls Overlay::settle().
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "overlay/carrying/carrying.hpp"
#include "overlay/credential/credential.hpp"
#include "overlay/joining/inviter.hpp"
#include "overlay/journal/journal.hpp"
#include "overlay/links/links.hpp"
#include "overlay/liveness/liveness.hpp"
#include "overlay/mail/mail.hpp"
#include "overlay/members/members.hpp"
#include "overlay/network_members.hpp"
#include "overlay/part.hpp"
#include "overlay/peers/peers.hpp"
#include "overlay/punch/punch.hpp"
#include "overlay/relaying/relaying.hpp"
#include "overlay/streams/streams.hpp"
#include "overlay/sync/sync.hpp"
#include "overlay/topics/broker_part.hpp"

namespace weft::overlay {

// What all networks of a node share. It outlives them.
struct Shared {
  const OverlayConfig& config;
  const WallClock& clock;
  Rng& rng;
  session::SessionLayer& sessions;
  Links& links;
  Journal& journal;
  RelayHome& relaying;
  std::deque<OverlayEvent>& events;
  CommandId& last_command;
  std::uint64_t& last_door;
  std::deque<Cast>& casts;  // to be sent
  ByteArray<8> instance{};
  Instant born;
};

class Network {
 public:
  Network(const Shared& shared, roster::Roster roster);

  // One more part beside its own; it outlives the network.
  void seat(Room room, Part& part);
  [[nodiscard]] const Beside& beside() const { return beside_; }

  // First all rows of it, then begin(). `first`: the credential that it was joined with.
  [[nodiscard]] Result<void> load(const Row& row);
  void begin(Instant now, std::optional<StaticCredential> first = std::nullopt);

  void handle_session(Instant now, const SessionNews& news);
  [[nodiscard]] Result<void> handle_control(Instant now, const ControlIn& in);
  [[nodiscard]] bool handle_stream(Instant now, const StreamNews& news);
  // False: no part claims streams of this kind.
  [[nodiscard]] bool open_stream(Instant now, std::uint64_t kind, const StreamIn& in);
  void handle_room(Instant now, Room room, const LinkRoom& news);
  // A sealed datagram that passed this network's gate, or might.
  void handle_sealed(Instant now, const Datagram& datagram);
  std::optional<Transmit> poll_transmit(const path::PathTable& paths, MutableByteView out) {
    return mail_.poll_transmit(paths, out);
  }
  void roster_stored(Instant now) { sync_.stored(now); }
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  // Carries out what the parts ask for. True: there was something.
  bool drain(Instant now);
  void clock_set();
  // It is taken out: the session layer hears nothing of it any more.
  void end() { ended_ = true; }

  [[nodiscard]] const NetworkId& id() const { return roster_.network(); }
  [[nodiscard]] const std::string& name() const { return roster_.network_name(); }
  [[nodiscard]] const roster::Roster& roster() const { return roster_; }
  // This node is its only member and nobody is asked in: as a first start makes it.
  [[nodiscard]] bool unused(Instant now) const;
  [[nodiscard]] bool is_out() const { return roster_.member(beside_.self()) == nullptr; }

  // The parts, as people and the daemon use them.
  Members& members() { return members_; }
  Inviter& inviter() { return inviter_; }
  Peers& peers() { return peers_; }
  Relaying& relaying() { return relaying_; }
  Carrying& carrying() { return carrying_; }
  Sync& sync() { return sync_; }
  Streams& streams() { return streams_; }
  Mail& mail() { return mail_; }
  Liveness& liveness() { return liveness_; }
  BrokerPart& broker() { return broker_; }
  Punch& punch() { return punch_; }
  [[nodiscard]] const path::Attempts& attempts() const { return attempts_; }
  [[nodiscard]] const Credential& credential() const { return credential_; }

  // Rows of the trust database for a first commit; and those that undo all of it, by database.
  [[nodiscard]] std::vector<Row> trust_rows() const;
  [[nodiscard]] std::vector<Row> trust_rows_with(const StaticCredential& first) const;
  [[nodiscard]] std::vector<Row> gone_rows(bool trust) const;
  // Exposures and doors of another network come along, doors under the ids that their owner knows.
  // The rows that say so.
  [[nodiscard]] std::vector<Row> adopt(const Network& other);

 private:
  static constexpr std::size_t kControlTypes = 96;

  void carry(Instant now, Room room, Output output);
  void tell_programs(Instant now, const OverlayEvent& event);
  void push_context(Instant now);
  void note_rows(const std::vector<Row>& rows);

  const Shared& shared_;
  roster::Roster roster_;
  PeerTable table_;
  std::vector<Endpoint> seen_at_;
  std::vector<Address> through_;
  path::Attempts attempts_;
  Beside beside_;
  NetworkMembers names_;
  Credential credential_;
  Peers peers_;
  Relaying relaying_;
  Carrying carrying_;
  Sync sync_;
  Members members_;
  Inviter inviter_;
  Streams streams_;
  Mail mail_;
  Liveness liveness_;
  BrokerPart broker_;
  Punch punch_;
  struct Seat {
    Room room;
    Part* part;
    Interests interests;
  };
  std::vector<Seat> parts_;
  std::array<const Seat*, kControlTypes> by_control_{};
  std::set<SessionId> joiners_;               // sessions in join mode
  std::set<std::pair<Table, Bytes>> stored_;  // keys of its rows, but for the roster's own
  struct Context {
    std::uint64_t epoch = 0;
    crypto::Hash head{};
    bool open = false;
    bool operator==(const Context&) const = default;
  };
  std::optional<Context> told_;  // to the session layer
  bool ended_ = false;
};

}  // namespace weft::overlay
