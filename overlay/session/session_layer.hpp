// All sessions of one node, as one sans-IO core: QUIC v1 packets by the ngtcp2 core library, keyed
// by a hybrid Noise handshake (IKhfs or XXhfs, X25519 + ML-KEM-768) in CRYPTO frames.
//
// Invariants
//  1. A packet from a stranger (wrong gate) costs a hash and is dropped: no reply, no allocation.
//  2. No SessionUp, no stream and no stored state before the peer's confirm flight is verified.
//  3. A session's peer identity never changes; its remote endpoint may.
//  4. Every buffer is bounded: see SessionLimits.
//
// Follows RFC 9000, 9001 (key schedule labels, header protection), 9221 and nQUIC; departs from
// them as docs/wire/session.md says: the TLS handshake is replaced, there is no 0-RTT and no
// resumption.
//
// Polling order after any call: poll_transmit until empty, poll_event until empty, poll_timeout.
// Views returned by readable() and send_space() are valid until the next call on this object.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/core.hpp"
#include "base/identity.hpp"
#include "base/packet_cipher.hpp"
#include "base/rng.hpp"
#include "base/trust_view.hpp"
#include "overlay/path/path_table.hpp"
#include "overlay/session/counters.hpp"
#include "overlay/session/packet_opener.hpp"
#include "overlay/session/path_watch.hpp"

namespace weft::session {

using SessionId = std::uint64_t;  // never reused in one process
using StreamId = std::int64_t;    // QUIC stream id

// One network this node is in; the layer serves several at once.
struct NetworkContext {
  NetworkId id;
  ByteArray<32> secret{};       // the network secret: keys the gate, proves no membership
  StaticCredential credential;  // what we present now
  std::optional<StaticCredential> previous;  // still answered until its not_after
  // Head of the roster we know, put into handshake payloads so that peers notice who is behind.
  std::uint64_t roster_seq = 0;
  crypto::Hash roster_head{};
  bool accept_joiners = false;  // an unexpired ticket exists: XX in join mode may come up
};

struct SessionLimits {
  std::size_t max_sessions = 16384;         // total, both directions
  std::size_t max_half_open = 1024;         // inbound, unconfirmed
  std::size_t retry_above_half_open = 128;  // from here on: Retry
  std::size_t max_half_open_per_ip = 64;
  // Inbound sessions in join mode of whom the roster does not know: whoever holds a ticket, used or
  // not, has the network's secret. A place is an IPv4 address or an IPv6 /56.
  std::size_t max_joiners = 64;
  std::size_t max_joiners_per_place = 2;
  // Receive windows, bytes: what each stream begins with, what one may grow to while its reader
  // keeps up, and what all may have grown by together; the last is also what the session lets be
  // under way to it (budget.hpp).
  std::uint64_t stream_window = 16u << 10;
  std::uint64_t stream_window_most = 4u << 20;
  std::uint64_t session_window = 16u << 20;
  // Concurrent, peer-opened. A peer begins with few, because one that only opens and resets, and
  // never acknowledges, leaves 800 bytes of each; every accept() allows two more, up to the limit.
  std::uint64_t first_streams_bidi = 1024;
  std::uint64_t max_streams_bidi = 8192;
  // What QUIC may hold for one session besides: half of it for data out of order, half for packets
  // in flight; 2 KiB more for each accept().
  std::size_t quic_memory = 32u << 20;
  std::size_t send_buffer = 4u << 20;   // unacknowledged + unsent bytes held per stream
  std::size_t send_ahead = 128u << 10;  // unsent bytes of these: more would only grow cold
  // The same for all streams of a session together. A peer that keeps its word has no more than
  // session_window under way; the rest is for those who grant it and acknowledge nothing.
  std::size_t session_send_buffer = 32u << 20;
  std::size_t session_send_ahead = 4u << 20;
  std::size_t send_least = 4096;          // of both, whatever the other streams hold
  std::size_t max_crypto_bytes = 4096;    // per message of the handshake
  std::size_t max_queued_messages = 256;  // DATAGRAM frames waiting, per session
  Duration idle_timeout = 30s;
  Duration keepalive = 15s;
  Duration handshake_timeout = 10s;
  Duration ik_fallback = 2s;             // no IK answer: start over with XX
  Duration key_update_interval = 10min;  // 1-RTT key update; also by packet count (security.md 2)
  Duration rekey_interval = 15min;       // a fresh Noise handshake mixed into the live connection
};

struct DialTarget {
  NetworkId network;
  IdentityKey identity{};                   // whom we expect; anybody else is refused
  std::optional<crypto::Key32> static_key;  // known: IK; unknown: XX
  Endpoint endpoint;
  PathId path = PathId::Udp;
  bool join = false;  // we hold a ticket, not a membership: always XX
};

enum class CloseReason : std::uint8_t {
  Local,  // close() was called here
  Peer,   // the peer closed; `code` is its application code
  Idle,   // nothing heard for the idle timeout
  HandshakeTimeout,
  HandshakeFailed,  // authentication, suite, certificate: `detail` says which
  Removed,          // TrustView says the peer is no member any more
  RemovedByPeer,    // the peer's says so of us, in a handshake or later
  Superseded,       // a newer authenticated session of the same identity took over
  ProtocolError,
  Limit,
};
std::string_view name_of(CloseReason reason);

struct SessionUp {
  SessionId session;
  NetworkId network;
  NodeId peer;
  Certificate certificate;  // verified
  bool initiator;           // we dialled
  bool joining;             // join mode: only the control stream means anything
  PathId path;
  Endpoint remote;
  PacketCipherSuite cipher;
  crypto::Hash channel_binding;  // final Noise h: what tickets are proven against
  std::uint64_t peer_roster_seq;
  crypto::Hash peer_roster_head;
};
struct SessionDown {
  SessionId session;
  NodeId peer;  // whom we dialled, or who came; zero if never learned
  CloseReason reason;
  std::uint64_t code;
  std::string detail;
  bool was_up;
  // The peer's clock minus ours in seconds, as its handshake told; nothing if it told nothing.
  std::optional<std::int64_t> clock_ahead = std::nullopt;
};
struct StreamOpened {
  SessionId session;
  StreamId stream;
};  // by the peer, bidirectional
struct StreamReadable {
  SessionId session;
  StreamId stream;
};  // new bytes or the end
struct StreamWritable {
  SessionId session;
  StreamId stream;
};  // send_space was empty, has room now
struct StreamReset {
  SessionId session;
  StreamId stream;
  std::uint64_t code;
};  // peer's sending side
struct StreamStopped {
  SessionId session;
  StreamId stream;
  std::uint64_t code;
};  // it reads no more
struct StreamClosed {
  SessionId session;
  StreamId stream;
};  // both sides done; the id is forgotten
struct MessageReceived {
  SessionId session;
  Bytes payload;
};  // a DATAGRAM frame
struct RemoteMoved {
  SessionId session;
  PathId path;
  Endpoint remote;
};
// Its packets are not acknowledged for kSilentAfter, or are again.
struct SilenceChanged {
  SessionId session;
  bool silent;
};
// A re-key message the owner must carry to the peer on its control stream, in order.
struct RekeySend {
  SessionId session;
  Bytes message;
};
struct Rekeyed {
  SessionId session;
  std::uint64_t generation;
};

// Refused, because TrustView knows nothing of it; yet its certificate is of this network, its
// static key is proven and so is its address (the last message of an XX handshake came from there).
struct MemberUnknown {
  SessionId session;  // its attempt, which ends now
  NetworkId network;
  Certificate certificate;
  PathId path;
  Endpoint remote;
  std::uint64_t roster_seq;  // what it says of its roster
  crypto::Hash roster_head;
};

// A handshake failed because a certificate is outside its time, or came through although the clocks
// lie further apart than certificates allow for. Whoever it is has proven its identity.
struct ClockDiffers {
  SessionId session;
  NetworkId network;
  NodeId peer;
  std::int64_t ahead;  // its clock minus ours, seconds
};

using SessionEvent =
    std::variant<SessionUp, SessionDown, StreamOpened, StreamReadable, StreamWritable, StreamReset,
                 StreamStopped, StreamClosed, MessageReceived, RemoteMoved, SilenceChanged,
                 RekeySend, Rekeyed, MemberUnknown, ClockDiffers>;

struct SessionInfo {
  NodeId peer;
  NetworkId network;
  bool up;
  bool initiator;
  PathId path;
  Endpoint remote;
  PacketCipherSuite cipher;
  Duration smoothed_rtt;
  std::uint64_t tx_bytes;  // UDP payload
  std::uint64_t rx_bytes;
  std::size_t open_streams;
  std::size_t used_streams;  // open, and not standing: what would be lost with the session
  std::uint64_t key_updates;
  std::uint64_t widened_windows;  // what streams may receive beyond their first windows
  std::size_t unsent_bytes;       // taken from programs, not sent yet
  Instant heard;                  // when the newest packet of the peer came
  // Since when something waits for its acknowledgement and none came: not connected, if long.
  std::optional<Instant> unanswered_since;
  std::size_t datagram_limit;  // bytes, by PathWatch; without one larger than any
  std::size_t message_limit;   // bytes of the largest message that goes now; 0: none
  Endpoint local;  // of ours, that the peer called; unspecified: we dialled, or none is known
};

class SessionLayer {
 public:
  using Event = SessionEvent;

  // `identity`, `trust`, `rng` and `paths` outlive the layer.
  SessionLayer(const Identity& identity, const TrustView& trust, Rng& rng, path::PathTable& paths,
               WallClock clock, SessionLimits limits = {});
  ~SessionLayer();
  SessionLayer(const SessionLayer&) = delete;
  SessionLayer& operator=(const SessionLayer&) = delete;

  // Networks. Setting one again renews its credential, head and joiner flag; sessions stay.
  void set_network(const NetworkContext& network);
  void remove_network(Instant now, const NetworkId& network);
  void set_wall_clock(WallClock clock);
  // Asks the TrustView again about every live session and closes those whose peer is no member any
  // more, or was never one after all. A session in join mode ends only if its peer is Removed.
  void trust_changed(Instant now);

  // ProtocolCore. Give only datagrams whose first byte has the QUIC fixed bit (0x40..0xff), alone
  // or as a run. For a path that is blocked nothing is written; paths_changed() when one is not any
  // more.
  void handle_datagram(Instant now, const Datagram& datagram);
  void handle_timeout(Instant now);
  std::optional<Transmit> poll_transmit(Instant now, MutableByteView out);
  std::optional<SessionEvent> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  void paths_changed();

  // Commands.
  [[nodiscard]] Result<SessionId> dial(Instant now, const DialTarget& target);
  void close(Instant now, SessionId session, std::uint64_t code, std::string_view why);
  // Moves a live session to another path or remote endpoint, validated before it is used;
  // RemoteMoved follows on both sides. Only the side that dialled can (RFC 9000 section 9).
  [[nodiscard]] Result<void> migrate(Instant now, SessionId session, PathId path,
                                     const Endpoint& remote);
  // The socket would not send a datagram of this size there (EMSGSIZE).
  void datagram_refused(Instant now, PathId path, const Endpoint& remote, std::size_t size);
  [[nodiscard]] Result<StreamId> open_stream(Instant now, SessionId session);
  // This node takes the peer up on its stream: it may open more.
  void accept(SessionId session, StreamId stream);
  // This stream lasts as long as its session and does not keep it: another session serves as well.
  void stand(SessionId session, StreamId stream);
  // Room to write stream bytes into; empty when the send buffer is full (StreamWritable follows) or
  // the stream takes no more. Then commit what was filled.
  MutableByteView send_space(SessionId session, StreamId stream);
  void commit(Instant now, SessionId session, StreamId stream, std::size_t size);
  // Copies what fits; the number of bytes taken.
  std::size_t write(Instant now, SessionId session, StreamId stream, ByteView bytes);
  void finish(Instant now, SessionId session, StreamId stream);  // half-close our side
  void reset(Instant now, SessionId session, StreamId stream,
             std::uint64_t code);  // both directions
  // The next contiguous received bytes; consume() gives the window back.
  [[nodiscard]] ByteView readable(SessionId session, StreamId stream) const;
  [[nodiscard]] bool read_finished(SessionId session,
                                   StreamId stream) const;  // all consumed, end seen
  void consume(Instant now, SessionId session, StreamId stream, std::size_t size);
  // `sender`: whose messages they are; of several none crowds out the others (message_queue.hpp).
  [[nodiscard]] Result<void> send_message(Instant now, SessionId session, ByteView payload,
                                          std::int64_t sender = 0);
  // A RekeySend message arrived from the peer over the control stream.
  void handle_rekey(Instant now, SessionId session, ByteView message);

  [[nodiscard]] std::optional<SessionInfo> info(SessionId session) const;
  [[nodiscard]] const path::PathTable& paths() const;
  [[nodiscard]] std::size_t session_count() const;
  [[nodiscard]] const SessionCounters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::session
