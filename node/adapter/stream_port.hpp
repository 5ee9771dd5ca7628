// The port through which an adapter reaches the streams of a session, without knowing sessions.
// The daemon implements it over SessionLayer; tests implement it in memory.
//
// Invariants
//  1. A view returned by send_space() or readable() is valid until the next call on the port.
//  2. No call re-enters an adapter: news reaches it later, as on_stream_*() (see tcp_pump.hpp).
//  3. Calls naming a stream that is gone are harmless: empty views, no effect.
//  4. commit, finish, reset and consume only change state. The owner sends what they caused once
//     per turn of the event loop (Deferred in node/io/event_loop.hpp), so many reads make one
//     batch.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/bytes.hpp"

namespace weft::adapter {

struct StreamKey {
  std::uint64_t session = 0;
  std::int64_t stream = -1;  // QUIC stream id

  auto operator<=>(const StreamKey&) const = default;
};

// Application error codes that adapters put into reset().
inline constexpr std::uint64_t kLocalReset = 0x10;   // the local program reset its connection
inline constexpr std::uint64_t kLocalFailed = 0x11;  // the local socket failed in another way
inline constexpr std::uint64_t kLocalClosed = 0x12;  // the local side was closed by us

class StreamPort {
 public:
  StreamPort() = default;
  StreamPort(const StreamPort&) = delete;
  StreamPort& operator=(const StreamPort&) = delete;
  virtual ~StreamPort() = default;

  // Room for stream bytes, to be filled from its front and then committed. Empty: the send buffer
  // is full and on_stream_writable() follows, or the stream takes no more.
  virtual MutableByteView send_space(StreamKey key) = 0;
  virtual void commit(StreamKey key, std::size_t size) = 0;
  // The next contiguous bytes received; consume() gives their flow-control window back.
  virtual ByteView readable(StreamKey key) = 0;
  // Everything was consumed and the peer has ended its direction.
  virtual bool read_finished(StreamKey key) = 0;
  virtual void consume(StreamKey key, std::size_t size) = 0;
  // What one direction of one stream may move in this turn of the loop.
  [[nodiscard]] virtual std::size_t share() const { return 64 * 1024; }
  // A short message came on a connection of short messages: somebody waits for an answer.
  virtual void note_dialogue() {}
  virtual void finish(StreamKey key) = 0;                     // half-close: we send no more
  virtual void reset(StreamKey key, std::uint64_t code) = 0;  // both directions, at once
};

}  // namespace weft::adapter

template <>
struct std::hash<weft::adapter::StreamKey> {
  std::size_t operator()(const weft::adapter::StreamKey& key) const noexcept {
    const std::uint64_t mixed =
        (key.session * 0x9e3779b97f4a7c15ULL) ^ static_cast<std::uint64_t>(key.stream);
    return static_cast<std::size_t>(mixed ^ (mixed >> 29));
  }
};
