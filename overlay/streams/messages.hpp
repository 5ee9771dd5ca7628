// The datagrams of service streams (message.hpp): each is handed to the program behind its stream
// while that stream is open, and to nobody else.
//
// One may come before its stream: the first shares a packet with the stream's opening, in front of
// it. So what belongs to a stream whose opening or answer is under way is held, and handed out in
// order once the stream is open.
//
// Limits: kEarlyPerStream are held of one stream, the later ones are lost; kEarlyPerSession of one
// session, the oldest give way. A message fits one packet, and of those to be sent the session
// holds SessionLimits::max_queued_messages. There is no flow control: what is lost is lost.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "overlay/streams/counters.hpp"
#include "overlay/streams/inbound.hpp"
#include "overlay/streams/outbound.hpp"

namespace weft::overlay {

inline constexpr std::size_t kEarlyPerStream = 8;
inline constexpr std::size_t kEarlyPerSession = 16;  // of at most one packet each

class Messages {
 public:
  // All outlive it.
  Messages(StreamIo& io, const Inbound& inbound, const Outbound& outbound, StreamCounters& counters,
           Outlet& out)
      : io_(io), inbound_(inbound), outbound_(outbound), counters_(counters), out_(out) {}

  // On a stream from ConnectReady or accept() on, until DataClosed. TooLarge: more than a packet
  // holds; Limit: too many wait; NotFound: no such stream; Closed: its session is not up.
  Result<void> send(Instant now, const StreamKey& key, ByteView payload);
  void received(const session::MessageReceived& message);

  void session_up(session::SessionId session, bool initiator);
  void session_down(session::SessionId session);
  // The peer opened this stream, so all before it are opened or gone.
  void stream_came(const StreamKey& key);
  // Something happened to the stream: hands out what was held if it is open, drops it if it will
  // never be.
  void stream_changed(const StreamKey& key);

  [[nodiscard]] std::size_t held(session::SessionId session) const;

 private:
  struct Session {
    bool initiator = false;
    session::StreamId newest = -1;  // of the streams that the peer opened
    std::deque<std::pair<session::StreamId, Bytes>> early;
  };
  [[nodiscard]] bool is_open(const StreamKey& key) const;
  [[nodiscard]] bool is_under_way(const Session& session, const StreamKey& key) const;
  void hold(Session& session, session::StreamId stream, ByteView payload);

  StreamIo& io_;
  const Inbound& inbound_;
  const Outbound& outbound_;
  StreamCounters& counters_;
  Outlet& out_;
  std::map<session::SessionId, Session> sessions_;
};

}  // namespace weft::overlay
