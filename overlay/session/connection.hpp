// One session: an ngtcp2 connection, the handshake that keys it and its streams.
//
//   Handshaking --peer verified--> Up --close(), error--> Closing --3 PTO--> Dead
//        |  \--no IK answer: a fresh connection with XX, same session         ^
//        \--refused, timed out; idle; the peer closed ------------------------/
//
// Invariants
//  1. Callbacks only record: nothing is deleted and no packet is written inside one.
//  2. Each of our connection ids is in LayerState::cids exactly while the connection lives.
//  3. SessionDown is emitted once, and only for sessions that were dialled or up.
//  4. ngtcp2's clock is ours plus skew_, which grows only while the peer is silent: so its probes,
//     which double their distance without end, still leave every kProbeAtLeast.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <ngtcp2/ngtcp2.h>

#include "overlay/session/budget.hpp"
#include "overlay/session/handshake.hpp"
#include "overlay/session/key_schedule.hpp"
#include "overlay/session/layer_state.hpp"
#include "overlay/session/message_queue.hpp"
#include "overlay/session/packet_opener.hpp"
#include "overlay/session/path_watch.hpp"
#include "overlay/session/quic_memory.hpp"
#include "overlay/session/rekey.hpp"
#include "overlay/session/resequencer.hpp"
#include "overlay/session/stream.hpp"
#include "overlay/session/train_watch.hpp"

namespace weft::session {

inline constexpr std::size_t kAckThreshold = 8;  // packets that are acknowledged at once
inline constexpr Duration kAckHold = 1ms;        // what fewer wait; the granularity of RFC 9002
inline constexpr Duration kProbeAtLeast = 2s;    // what is unanswered is asked again after this
inline constexpr Duration kMoving = 1s;          // a path is proven or not in this time
inline constexpr Duration kAnswering = 100ms;    // probe timeouts for the sake of another path

class Connection {
 public:
  struct Inbound {
    ngtcp2_pkt_hd header;
    std::optional<Cid> original_dcid;  // set when a Retry token was redeemed
  };

  // Dialling. ngtcp2's first packet is written by the next transmit().
  Connection(LayerState& state, SessionId id, std::shared_ptr<const NetworkContext> network,
             const DialTarget& target, Instant now);
  // Accepting. Follow with receive() of the same datagram.
  Connection(LayerState& state, SessionId id, std::shared_ptr<const NetworkContext> network,
             const Inbound& inbound, const Datagram& datagram, Instant now);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void receive(Instant now, const Datagram& datagram);
  void expire(Instant now);
  std::optional<Transmit> transmit(Instant now, MutableByteView out);
  [[nodiscard]] Instant deadline() const;

  void close(Instant now, CloseReason reason, std::uint64_t code, std::string_view why);
  Result<void> migrate(Instant now, PathId path, const Endpoint& remote);
  // The socket would not send a datagram of this size there.
  void refused(Instant now, PathId path, const Endpoint& remote, std::size_t size);

  Result<StreamId> open_stream();
  void accept(StreamId id);
  void stand(StreamId id);
  MutableByteView send_space(StreamId id);
  void commit(StreamId id, std::size_t size);
  std::size_t write(StreamId id, ByteView bytes);
  void finish(StreamId id);
  void reset(StreamId id, std::uint64_t code);
  [[nodiscard]] ByteView readable(StreamId id) const;
  [[nodiscard]] bool read_finished(StreamId id) const;
  void consume(Instant now, StreamId id, std::size_t size);
  Result<void> send_message(MessageQueue::Sender sender, ByteView payload);
  [[nodiscard]] std::size_t message_limit() const;  // bytes; 0: none now
  void handle_rekey(Instant now, ByteView message);
  // The owner has taken this event from the queue.
  void event_taken(const SessionEvent& event);

  [[nodiscard]] SessionId id() const { return id_; }
  [[nodiscard]] bool up() const { return state_of_ == State::Up; }
  [[nodiscard]] bool dead() const { return state_of_ == State::Dead; }
  [[nodiscard]] bool blocked() const;  // its path takes nothing now
  [[nodiscard]] bool initiator() const { return initiator_; }
  [[nodiscard]] bool joining() const { return join_; }  // once it is up
  // Let in only because a ticket is out. The first call for a session that came up takes one of the
  // places for such; false: there is none.
  [[nodiscard]] bool take_joiner_place();
  [[nodiscard]] const NodeId& peer() const { return peer_; }
  [[nodiscard]] const NetworkId& network() const { return network_->id; }
  [[nodiscard]] SessionInfo info() const;

  // The layer's own bookkeeping.
  bool dirty = false;
  std::optional<Instant> parked;  // dirty since then, but its path is blocked
  bool announced = false;         // seen up by the layer
  std::optional<Instant> armed;

 private:
  friend struct Callbacks;
  enum class State : std::uint8_t { Handshaking, Up, Closing, Dead };
  struct PathEntry {
    PathId path;
    Endpoint remote;
    std::uint32_t index;
    path::PathHold hold{};
    Endpoint local{};  // the address of ours that it comes to; port 0
  };
  struct Packet {  // one written packet, with where it goes
    std::size_t size = 0;
    std::uint32_t path_index = 0;
    Ecn ecn = Ecn::NotEct;
    std::size_t probe = 0;                  // the size it is to prove
    std::optional<std::uint64_t> number{};  // of a 1-RTT packet
  };
  struct Batch;

  // connection.cpp
  void start_client(Instant now, std::optional<crypto::Key32> static_key);
  void start_server(const Inbound& inbound, Instant now);
  void fill_settings(ngtcp2_settings& settings, ngtcp2_transport_params& params, Instant now) const;
  void drop_quic();
  void register_cid(const ngtcp2_cid& cid);
  void fail_with(Instant now, int liberr);
  void peer_closed();
  void end(CloseReason reason, std::uint64_t code, std::string detail);
  void release_half_open();
  void release_joiner_place();
  ngtcp2_tstamp stamp(Instant now);
  [[nodiscard]] std::size_t path_mtu() const;  // bytes of the largest datagram worth a try
  PathEntry* path_for(PathId path, const Endpoint& remote, bool may_add);
  const PathEntry* path_at(std::uint32_t index) const;
  void fill_path(ngtcp2_path_storage& storage, const PathEntry& entry) const;
  void follow_path();
  void read(Instant now, const Datagram& datagram, Instant arrived);
  void read_held(Instant now);
  [[nodiscard]] std::optional<std::uint64_t> number_of(ByteView packet) const;
  [[nodiscard]] Duration pto() const;
  void note_flight(Instant now, bool heard);
  void tell_silence();
  void heard(Instant now, PathEntry& entry, const Endpoint& local, Instant arrived);
  void judge_trains(Instant now, const PathEntry& entry);
  void ask_again(Instant now);
  void hasten(Instant now);
  void make_answering(Instant now);
  [[nodiscard]] bool silent(Instant now) const;
  [[nodiscard]] bool idle(Instant now) const;

  // connection_handshake.cpp
  PacketKeys opening(PacketKeys keys, bool traffic = false);
  PacketKeys sealing(PacketKeys keys);
  int install_initial(const ngtcp2_cid& dcid);
  int install_handshake_keys();
  int install_traffic_keys();
  void set_crypto_context();
  Step<void> on_crypto(ngtcp2_encryption_level level, ByteView bytes);
  Step<void> on_message(ngtcp2_encryption_level level, const MessageReader::Message& message);
  Step<void> serve_hello(ByteView body);
  Step<void> take_reply(ByteView body);
  Step<void> take_finish(ByteView body);
  Step<void> submit(ngtcp2_encryption_level level, ByteView framed);
  Step<void> quic(int result);
  void note_clock();
  [[nodiscard]] UnixTime wall() const;
  Bytes local_transport_params() const;
  int send_hello();
  void came_up();
  void report_unknown();
  void update_keys(const std::uint8_t* rx, const std::uint8_t* tx, std::uint8_t* next_rx,
                   std::uint8_t* next_tx, ngtcp2_crypto_aead_ctx* rx_context, std::uint8_t* rx_iv,
                   ngtcp2_crypto_aead_ctx* tx_context, std::uint8_t* tx_iv);

  // connection_send.cpp
  ngtcp2_ssize write_packet(MutableByteView out, ngtcp2_tstamp now, Packet& packet);
  ngtcp2_ssize write_messages(MutableByteView out, ngtcp2_tstamp now, ngtcp2_path* path,
                              ngtcp2_pkt_info* info);
  ngtcp2_ssize write_streams(MutableByteView out, ngtcp2_tstamp now, ngtcp2_path* path,
                             ngtcp2_pkt_info* info);
  ngtcp2_ssize write_probe(MutableByteView out, ngtcp2_tstamp now, Packet& packet);
  void wrote_packet(Instant now, Packet& packet);
  Stream* next_sender();
  [[nodiscard]] bool holds_back(Instant now) const;
  void wrote_stream(Stream& stream, std::size_t offered, ngtcp2_ssize taken, bool fin);
  std::optional<Transmit> transmit_close(MutableByteView out, Instant now);
  void pace(ngtcp2_tstamp ts, const Batch& batch);
  void write_batch(Instant now, ngtcp2_tstamp ts, Batch& batch);
  std::optional<Transmit> finish_batch(Instant now, const Batch& batch);
  [[nodiscard]] std::size_t most_segments(Instant now) const;
  [[nodiscard]] std::size_t headroom() const;  // the most that one of its paths wants
  [[nodiscard]] std::size_t headroom_of(const Batch& batch, const Packet& packet) const;

  // connection_streams.cpp
  Stream* find(StreamId id) const;
  void schedule(Stream& stream);
  void peer_opened(StreamId id);
  void stream_data(Stream& stream, ByteView bytes, bool fin);
  void stream_reset_by_peer(Stream& stream, std::uint64_t code);
  void stream_stopped_by_peer(Stream& stream, std::uint64_t code);
  void stream_acked(Stream& stream, std::size_t size);
  void stream_gone(Stream& stream, std::uint64_t code);
  void announce_readable(Stream& stream);
  void close_if_done(Stream& stream);
  std::unique_ptr<Stream> make_stream(StreamId id, bool local);
  // Changes what a stream holds to be sent, and with it what the session does.
  template <class Change>
  void change_send(Stream& stream, Change&& change) {
    sending_.size -= stream.send.size();
    sending_.unsent -= stream.send.unsent();
    change();
    sending_.size += stream.send.size();
    sending_.unsent += stream.send.unsent();
  }
  [[nodiscard]] std::size_t room_of(const Stream& stream) const;
  void tell_space(Stream& stream);
  void stream_granted(Stream& stream);
  void give_window(Instant now, Stream& stream, std::size_t size);
  void take_window_back(Stream& stream);

  // connection_rekey.cpp
  void start_rekey(Instant now);
  void drive_key_update(Instant now);

  LayerState& state_;
  const SessionId id_;
  std::shared_ptr<const NetworkContext> network_;
  const bool initiator_;
  State state_of_ = State::Handshaking;
  QuicMemory memory_;  // outlives quic_
  ngtcp2_conn* quic_ = nullptr;
  ngtcp2_tstamp last_stamp_ = 0;
  Duration skew_{};
  PacketNews news_;  // outlives the keys in quic_
  PathWatch watch_;
  TrainWatch trains_;
  bool told_silent_ = false;
  Resequencer order_;
  HeaderProtection* rx_header_ = nullptr;  // of 1-RTT packets; quic_ owns it
  Instant heard_at_{};
  std::size_t flight_ = 0;                // bytes, by ngtcp2's count
  std::optional<Instant> asked_at_;       // when what is in flight was last added to
  std::optional<Instant> unheard_since_;  // something is in flight, and nothing came since
  bool keeps_alive_ = true;
  ngtcp2_cid own_scid_{};
  ngtcp2_cid first_dcid_{};

  IdentityKey expected_{};
  bool join_ = false;
  NodeId peer_{};
  std::unique_ptr<Handshake> handshake_;
  std::array<MessageReader, 2> readers_;
  std::size_t late_crypto_ = 0;
  std::optional<HandshakeFault> fault_;
  std::optional<std::int64_t> clock_ahead_;  // the peer's, in seconds, by its handshake
  bool silent_ = false;                      // the fault is answered with nothing
  bool reply_seen_ = false;
  bool was_up_ = false;
  bool ended_ = false;
  bool half_open_ = false;
  bool stranger_ = false;
  std::optional<Endpoint> joiner_place_;
  PacketCipherSuite cipher_ = PacketCipherSuite::ChaCha20Poly1305;
  Instant handshake_until_{};
  std::optional<Instant> fallback_at_;
  std::optional<Instant> closing_until_;

  std::vector<PathEntry> paths_;
  std::uint32_t path_count_ = 0;
  std::uint32_t current_path_ = 0;
  std::vector<std::uint64_t> cids_;

  std::unordered_map<StreamId, std::unique_ptr<Stream>> streams_;
  std::uint64_t allowed_streams_ =
      std::min(state_.limits.first_streams_bidi, state_.limits.max_streams_bidi);  // at once
  struct Moving {
    std::uint32_t index = 0;
    Instant since{};
  };
  std::optional<Moving> moving_;  // to a path that is being proven
  Instant answering_next_{};
  std::size_t standing_ = 0;  // of streams_
  ReceiveBudget receiving_{state_.limits};
  SendHeld sending_;  // of all streams together
  SendQueue senders_;
  MessageQueue messages_{state_.limits.max_queued_messages};
  bool streams_turn_ = false;  // the packet before was for messages
  std::size_t queued_messages_in_ = 0;
  Bytes held_;  // a packet that could not share the last batch
  Packet held_packet_;
  std::size_t unpaced_ = 0;  // bytes of packets that left alone, not yet told to ngtcp2

  ngtcp2_ccerr_type close_type_ = NGTCP2_CCERR_TYPE_APPLICATION;
  std::uint64_t close_code_ = 0;
  std::string close_why_;
  bool close_unsent_ = false;
  Bytes close_packet_;
  std::uint64_t close_replies_ = 0;

  // ngtcp2 acknowledges after an eighth of the round trip: on a short path that is at once, and
  // doubles the packets of a dialogue. Until then an acknowledgement waits for a packet to ride in.
  std::optional<Instant> ack_hold_;
  std::size_t unanswered_ = 0;  // packets received since we last wrote

  std::uint64_t tx_bytes_ = 0;
  std::uint64_t rx_bytes_ = 0;
  std::uint64_t generations_ = 0;  // update_key calls: the number of the newest prepared keys
  std::uint64_t key_updates_ = 0;
  std::optional<Instant> key_update_at_;
  std::optional<Instant> rekey_at_;
  std::unique_ptr<Rekey> rekey_;
};

std::uint32_t path_index_of(const ngtcp2_path& path);

}  // namespace weft::session
