// A member that follows no rules: it speaks packets by hand to end b of a Pair, as end a's
// identity, so that tests may send any frame in any packet, any number of times, and never
// acknowledge.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>

#include "overlay/session/gate.hpp"
#include "overlay/session/handshake.hpp"
#include "overlay/session/key_schedule.hpp"
#include "tests/harness/pair.hpp"

namespace weft::session::testing {

// Frames and integers as RFC 9000 writes them.
void put_varint(Bytes& out, std::uint64_t value);
Bytes crypto_frame(std::uint64_t offset, ByteView bytes);
Bytes stream_frame(std::uint64_t stream, std::uint64_t offset, ByteView bytes, bool fin = false);
Bytes path_challenge_frame(std::uint64_t data);
Bytes new_connection_id_frame(std::uint64_t sequence, std::uint64_t retire_prior_to);
Bytes reset_stream_frame(std::uint64_t stream);

class RawClient {
 public:
  enum class Level : std::uint8_t { Initial, Handshake, OneRtt };

  explicit RawClient(harness::Pair& pair, bool ik = true);

  // The CRYPTO message that opens the handshake.
  Bytes hello();
  // Sends `frames` in one packet of this level; returns it as it went out.
  Bytes send(Level level, ByteView frames);
  void send_raw(ByteView datagram);
  // Sends a hello as it should be, in as many packets as it needs.
  void send_hello(ByteView message);
  // The whole handshake; true when b reports the session.
  bool connect();
  // What b has sent since the last call.
  std::vector<Bytes> replies();
  [[nodiscard]] std::optional<SessionId> session() const;  // b's

  Endpoint from;  // where its packets seem to come from; a's endpoint

 private:
  struct Keys {
    PacketKeys seal;
    PacketKeys open;
    std::uint64_t next_packet = 0;
  };
  static Keys make_keys(PacketCipherSuite suite, const Secret& seal, const Secret& open);
  void read(ByteView datagram);
  void read_frames(Level level, ByteView frames);
  Keys& keys(Level level) { return keys_[static_cast<std::size_t>(level)]; }

  harness::Pair& pair_;
  Handshake handshake_;
  Bytes scid_;
  Bytes dcid_;
  Bytes first_dcid_;
  std::array<Keys, 3> keys_;
  std::map<std::uint64_t, Bytes> crypto_;  // of b's Initial packets, by offset
};

}  // namespace weft::session::testing
