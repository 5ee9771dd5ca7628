// What a room of the overlay is. A part has one task (links, peers, sync, streams, membership,
// ...), state of its own and no pointer to another part. The switchboard (network.cpp) feeds it and
// carries out what it asks for; a part calls nobody back.
//
// A part may
//  - call what lies below it: the session layer, the random numbers;
//  - look at what stands beside it: the roster, and const views of other parts;
//  - ask for anything else by an Output. Outputs are carried out in the order they were given, at
//    the end of the call that caused them and before the next input: nothing is seen half done.
//
// To add one: a folder with a class derived from Part, one line in Room, one in network.cpp, one in
// CMakeLists.txt. Its numbers come from decision 30 and are claimed in interests():
//
//   control types    1-15 core   16-31 membership   32-47 broker   48-63 path and relay
//                    64-79 services   80-95 fleet
//   sealed channels  1 dht   2 membership   3 path   4 forward
//   stream kinds     0 control (links)   1 service   5 broker   6 store
//
// A control type goes to the part that claims it. Within a claimed range types that this version
// does not know arrive as well, and the part skips them; what nobody claims is skipped and counted.
// A stream of a kind that nobody claims is reset, a sealed channel that nobody claims is dropped;
// both are counted.
//
// Members only: unless a part asks for joiners, it never sees a session in join mode, and it never
// sees a control message of a node that was removed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "overlay/config.hpp"
#include "overlay/discovery/address_book.hpp"
#include "overlay/event.hpp"
#include "overlay/path/attempts.hpp"
#include "overlay/roster/entry.hpp"
#include "overlay/roster/roster.hpp"

namespace weft::overlay {

using session::SessionId;
using session::StreamId;

// Names a part: for its queue on each link, its counters and its place in the drain order.
enum class Room : std::uint8_t {
  Links,
  Journal,
  Credential,
  Peers,
  Sync,
  Joining,
  Members,
  Streams,
  Post,
  Discovery,
  Membership,
  Broker,
  Path,
  Fleet,
  Carrying,
};
inline constexpr std::size_t kRooms = 15;

struct TypeRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
};

// What a part claims. The lists are constants of the part.
struct Interests {
  std::span<const TypeRange> controls = {};
  std::span<const std::uint64_t> stream_kinds = {};
  std::span<const std::uint8_t> channels = {};  // of sealed datagrams
  std::span<const Table> tables = {};           // rows that load() is given at a start
  bool joiners = false;                         // sessions in join mode, too
};

// ---- inputs -------------------------------------------------------------------------------------

// The control stream of this session is there: it can be spoken on. Follows SessionUp.
struct LinkOpen {
  SessionId session;
};
// What this part had waiting on that link is down to kPlentyWaits again.
struct LinkRoom {
  SessionId session;
  bool lost = false;  // and frames were dropped meanwhile: say again what must be known
};
using SessionNews =
    std::variant<session::SessionUp, LinkOpen, LinkRoom, session::SessionDown, session::RemoteMoved,
                 session::SilenceChanged, session::MemberUnknown, session::ClockDiffers>;

// A peer opened a stream of a kind that the part claimed. Its request is still unread: the part
// reads it again (service/stream_open.hpp) and consumes it.
struct StreamIn {
  StreamKey key;
  NodeId peer;
};
using StreamNews =
    std::variant<StreamIn, session::StreamReadable, session::StreamWritable, session::StreamReset,
                 session::StreamStopped, session::StreamClosed, session::MessageReceived>;

// One control message: its frame without the length, type included.
struct ControlIn {
  const session::SessionUp& from;  // who says it, on which session
  std::uint64_t type = 0;
  ByteView body;
};

// One sealed datagram, opened: its sender is a member and proven.
struct SealedIn {
  NodeId from;
  std::uint8_t channel = 0;
  PathId path = PathId::Udp;
  Endpoint remote;           // where it came from; unspecified when it was forwarded
  std::optional<NodeId> by;  // the member that forwarded it
  ByteView body;
};

// The roster says something else now; `roster` in Beside does already.
struct RosterNews {
  std::vector<NodeId> changed;  // members added, removed or altered, sorted; empty: perhaps any
  std::size_t lost = 0;         // entries that counted and do not any more
};

// ---- outputs ------------------------------------------------------------------------------------

// On one link, what is said anew about one subject replaces what still waits; without a subject
// every frame counts. Subjects are a part's own: two parts never meet in one.
struct Subject {
  std::uint8_t kind = 0;  // 0: none
  NodeId node;            // zero, or whom it is about
  auto operator<=>(const Subject&) const = default;
};

// A frame for one control stream. What finds the part's queue of that link full (links/links.hpp)
// is dropped and counted; the session stays. Nothing happens when the session is gone.
struct Say {
  SessionId session = 0;
  Bytes frame;  // with its length, as encode() gives it
  Subject subject = {};
};
// The same to every open link of the network.
struct SayAll {
  Bytes frame;
  Subject subject = {};
  std::optional<SessionId> except = {};
  bool skip_busy = false;  // not to those who have much waiting: they will ask
};
// A sealed datagram to a member, by whatever way there is (decision 33): the path of a live
// session, an address of it, another member. Dropped and counted when there is none: datagrams get
// lost, and nobody says so. They may come in another order.
struct Seal {
  NodeId to;
  std::uint8_t channel = 0;  // of post::Channel, but for 1 and 4, which are the post's own
  Bytes body;                // at most post::kMaxContent, 768 bytes
};
// A session with this member is wished for; SessionUp tells when it is there.
struct Want {
  NodeId node;
  bool at_once = false;  // whatever pause dialling is in
};
// A way to this member is there: its session is dialled over it.
struct DialOver {
  NodeId node;
  PathId path = PathId::Udp;
  Endpoint remote;
};
// Where a member is; `surely`: by its own, signed word, so it is tried first.
struct Learned {
  NodeId node;
  std::optional<Certificate> certificate;
  std::vector<Endpoint> endpoints;
  bool surely = false;
  discovery::Source source = discovery::Source::Configured;
  std::vector<Address> others = {};  // of other kinds than UDP
};
// A member says at which address it sees us.
struct Observed {
  NodeId by;
  Endpoint endpoint;
};
// Where others see us, beside our own addresses; replaces what was so before.
struct SeenAt {
  std::vector<Endpoint> endpoints;
};
// Relays through which this node can be reached now; replaces what was so before.
struct Through {
  std::vector<Address> relays;
};
// A beacon of the LAN names this address: a hint, which proves nothing.
struct Heard {
  Certificate certificate;
  Endpoint endpoint;
};
// The part's own continuation: it captures the part and values, nothing else. It runs exactly once,
// and with an error when the network goes away before.
using Then = std::function<void(Instant, const Result<void>&)>;
// A datagram of no session, as it is, from this node's own sockets; `ttl` hops far, 0: as usual.
struct Cast {
  PathId path = PathId::Udp;
  Endpoint to;
  Endpoint local;  // leave from there; unspecified: from any
  std::uint8_t ttl = 0;
  Bytes bytes;
};
// A way to this member that was proven there and back just now: sessions are better there than
// through a relay.
struct Punched {
  NodeId node;
  PathId path = PathId::Udp;
  Endpoint endpoint;
};
// A way to this member was tried: for who asks why it is reached as it is.
struct Tried {
  NodeId node;
  Address where;
  path::TryResult result = path::TryResult::NoAnswer;
  std::string detail = {};
};
// Rows that the disk refuses are tried again until it takes them; Never: they are given up.
enum class Again : std::uint8_t { UntilStored, Never };
// Rows to be stored, all of one database (base/persist.hpp).
struct Store {
  std::vector<Row> rows;
  Then then = {};
  Again again = Again::UntilStored;
};
// Signs this with a key of ours that may, appends it, has it stored and told to others.
struct Sign {
  roster::Body body;
  Then then = {};
  std::vector<Row> rows = {};  // to be stored in one commit with it
};

// A ticket's promise to who joins by it: these services let it in. Its rules are stored before what
// the part asks to be stored next, so who is in has what the invite promised.
struct Promise {
  NodeId joiner;
  std::vector<std::string> services;
};

// RosterNews: every part hears of it by handle_roster().
using Output =
    std::variant<Say, SayAll, Seal, Want, DialOver, Learned, Observed, SeenAt, Through, Heard, Cast,
                 Punched, Tried, Store, Sign, Promise, RosterNews, OverlayEvent>;

// ---- the part -----------------------------------------------------------------------------------

class Journal;
class Links;
class PeerTable;

// What every part of one network may call (below it) and look at (beside it).
struct Beside {
  const OverlayConfig& config;
  const WallClock& clock;
  Rng& rng;
  session::SessionLayer& sessions;  // below
  const roster::Roster& roster;     // of this network
  const PeerTable& peers;
  const Links& links;
  const Journal& journal;
  ByteArray<8> instance{};               // of this process, told in Hello
  CommandId& last_command;               // of this node: ids go up
  std::uint64_t& last_door;              // of all networks of this node
  const std::vector<Endpoint>& seen_at;  // where others see us (SeenAt)
  const std::vector<Address>& through;   // relays that have a reservation of ours (Through)

  [[nodiscard]] const NetworkId& network() const { return roster.network(); }
  [[nodiscard]] const NodeId& self() const { return config.identity.id; }
  // Where this node can be reached, as it tells others: its own addresses, then those that others
  // see; no more than one message holds.
  [[nodiscard]] std::vector<Endpoint> own_places() const;
  // And other than by UDP: TCP, WebSocket, then relays; at most kMostOthersTold.
  [[nodiscard]] std::vector<Address> own_others() const;
};

class Part {
 public:
  explicit Part(const Beside& beside) : beside_(beside) {}
  virtual ~Part() = default;
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  [[nodiscard]] virtual Interests interests() const = 0;
  // At a start, before anything else; in any order. An error refuses the home.
  virtual Result<void> load(const Row& row);

  virtual void handle_session(Instant now, const SessionNews& news);
  // An error is a malformed message: it ends the session. What does not fit the moment is ignored.
  virtual Result<void> handle_control(Instant now, const ControlIn& in);
  // False: not a stream of this part.
  virtual bool handle_stream(Instant now, const StreamNews& news);
  virtual void handle_sealed(Instant now, const SealedIn& in);
  virtual void handle_roster(Instant now, const RosterNews& news);
  virtual void handle_timeout(Instant now);
  [[nodiscard]] virtual std::optional<Instant> poll_timeout() const;

  [[nodiscard]] std::optional<Output> poll_output();

 protected:
  template <class T>
  void put(T&& output) {
    outputs_.emplace_back(std::forward<T>(output));
  }
  void store(std::vector<Row> rows, Then then = {}, Again again = Again::UntilStored) {
    if (!rows.empty()) put(Store{std::move(rows), std::move(then), again});
  }
  // The usual end of a command: stored, or in force and stored later, with a warning.
  [[nodiscard]] Then done_when_stored(CommandId id, Outcome outcome);
  void done(CommandId id, Result<Outcome> result, Refusal refusal = Refusal::None) {
    put(OverlayEvent(CommandDone{id, std::move(result), refusal}));
  }
  void notice(Notice::Level level, std::string text) {
    put(OverlayEvent(Notice{level, std::move(text)}));
  }
  // A member's name, else the beginning of its id.
  [[nodiscard]] std::string label(const NodeId& node) const;

  [[nodiscard]] UnixTime wall(Instant now) const { return beside_.clock.at(now); }

  const Beside& beside_;
  std::deque<Output> outputs_;  // of one input; drained before the next
};

}  // namespace weft::overlay
