// Streams that peers opened and whose request is not here yet. Once it is, its kind says whose the
// stream is (decision 30); the request stays unread, because that part reads it.
//
// Limits: kMaxUnasked of one session, one in join mode; nobody needs many that ask for nothing.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "overlay/event.hpp"
#include "overlay/streams/stream_io.hpp"

namespace weft::overlay {

inline constexpr std::size_t kMaxUnasked = 512;

class Openings {
 public:
  explicit Openings(StreamIo& io) : io_(io) {}  // which outlives it

  // False: that is one too many, and the session is to be closed.
  [[nodiscard]] bool opened(const StreamKey& key, bool joining);
  // The kind it asks for, once; then the stream is none of ours any more. Nothing: more bytes are
  // needed, or it was reset because they are no request.
  std::optional<std::uint64_t> readable(Instant now, const StreamKey& key);
  // It was reset or closed before. False: it is none of these streams.
  bool ended(const StreamKey& key) { return waiting_.erase(key) > 0; }
  void session_down(session::SessionId session);
  [[nodiscard]] bool contains(const StreamKey& key) const { return waiting_.contains(key); }
  [[nodiscard]] std::size_t count(session::SessionId session) const;

 private:
  StreamIo& io_;
  std::set<StreamKey> waiting_;
};

}  // namespace weft::overlay
