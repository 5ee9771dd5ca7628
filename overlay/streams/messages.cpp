#include "overlay/streams/messages.hpp"

#include <algorithm>

#include "overlay/streams/message.hpp"

namespace weft::overlay {

namespace {

constexpr session::StreamId kOpenedByServer = 1;  // bit of a stream id, RFC 9000 section 2.1

}  // namespace

Result<void> Messages::send(Instant now, const StreamKey& key, ByteView payload) {
  if (!inbound_.is_open(key) && !outbound_.contains(key))
    return fail(Errc::NotFound, "no such stream");
  auto sent = io_.send_message(now, key, encode_message(key.stream, payload));
  ++(sent ? counters_.messages_out : counters_.messages_refused);
  return sent;
}

void Messages::received(const session::MessageReceived& received) {
  const auto message = parse_message(received.payload);
  if (!message) {
    ++counters_.messages_malformed;
    return;
  }
  const StreamKey key{received.session, message->stream};
  const auto at = sessions_.find(received.session);
  if (is_open(key)) {
    ++counters_.messages_in;
    out_.event(MessageArrived{key, to_bytes(message->payload)});
  } else if (at != sessions_.end() && is_under_way(at->second, key)) {
    hold(at->second, key.stream, message->payload);
  } else {
    ++counters_.messages_stray;
  }
}

void Messages::hold(Session& session, session::StreamId stream, ByteView payload) {
  auto& early = session.early;
  const auto same = std::ranges::count_if(early, [&](const auto& e) { return e.first == stream; });
  if (static_cast<std::size_t>(same) >= kEarlyPerStream) {
    ++counters_.messages_early_lost;
    return;
  }
  early.emplace_back(stream, to_bytes(payload));
  if (early.size() <= kEarlyPerSession) return;
  early.pop_front();
  ++counters_.messages_early_lost;
}

void Messages::session_up(session::SessionId session, bool initiator) {
  sessions_[session].initiator = initiator;
}

void Messages::session_down(session::SessionId session) { sessions_.erase(session); }

void Messages::stream_came(const StreamKey& key) {
  if (const auto at = sessions_.find(key.session); at != sessions_.end())
    at->second.newest = std::max(at->second.newest, key.stream);
}

void Messages::stream_changed(const StreamKey& key) {
  const auto at = sessions_.find(key.session);
  if (at == sessions_.end() || at->second.early.empty()) return;
  const bool open = is_open(key);
  if (!open && is_under_way(at->second, key)) return;
  std::erase_if(at->second.early, [&](auto& entry) {
    if (entry.first != key.stream) return false;
    ++(open ? counters_.messages_in : counters_.messages_stray);
    if (open) out_.event(MessageArrived{key, std::move(entry.second)});
    return true;
  });
}

std::size_t Messages::held(session::SessionId session) const {
  const auto at = sessions_.find(session);
  return at == sessions_.end() ? 0 : at->second.early.size();
}

bool Messages::is_open(const StreamKey& key) const {
  return inbound_.is_open(key) || outbound_.is_open(key);
}

bool Messages::is_under_way(const Session& session, const StreamKey& key) const {
  if (inbound_.is_waiting(key) || outbound_.contains(key)) return true;
  const bool opened_by_server = (key.stream & kOpenedByServer) != 0;
  const bool by_peer = opened_by_server == session.initiator;
  return by_peer && key.stream > session.newest;
}

}  // namespace weft::overlay
