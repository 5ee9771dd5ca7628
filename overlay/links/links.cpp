#include "overlay/links/links.hpp"

#include "base/assert.hpp"
#include "overlay/service/stream_open.hpp"
#include "overlay/streams/codes.hpp"

namespace weft::overlay {

bool Links::add(Instant now, const session::SessionUp& up) {
  Link& link = links_.try_emplace(up.session, up).first->second;
  if (!up.initiator) return true;
  const auto stream = sessions_.open_stream(now, up.session);
  if (!stream) {
    sessions_.close(now, up.session, kCodeProtocol, "no control stream");
    return false;
  }
  link.control = *stream;
  link.outbox.push(Room::Links, {},
                   service::StreamRequest{service::StreamKind::Control, {}}.encode());
  return true;
}

bool Links::may_open(SessionId session) const {
  const auto at = links_.find(session);
  return at != links_.end() && !at->second.control && !at->second.up.initiator;
}

void Links::open(SessionId session, StreamId stream) {
  WEFT_ASSERT(may_open(session));
  links_.at(session).control = stream;
}

void Links::remove(SessionId session) { links_.erase(session); }

// ---- saying -------------------------------------------------------------------------------------

void Links::push(Instant now, Link& link, Room room, const Subject& subject, Bytes frame) {
  if (!link.outbox.push(room, subject, std::move(frame))) {
    ++counters_.frames_lost;
    link.lost.insert(room);
  }
  if (link.outbox.size(room) > kPlentyWaits) link.busy.insert(room);
  flush(now, link);
}

void Links::say(Instant now, Room room, Say say) {
  const auto at = links_.find(say.session);
  if (at != links_.end()) push(now, at->second, room, say.subject, std::move(say.frame));
}

void Links::say_all(Instant now, Room room, const NetworkId& network, const SayAll& say) {
  for (auto& [id, link] : links_) {
    if (id == say.except || link.up.joining || !link.control || link.up.network != network)
      continue;
    if (say.skip_busy && link.outbox.size(room) > kPlentyWaits) continue;
    push(now, link, room, say.subject, say.frame);
  }
}

void Links::flush(Instant now, SessionId session) {
  if (const auto at = links_.find(session); at != links_.end()) flush(now, at->second);
}

void Links::flush(Instant now, Link& link) {
  if (!link.control) return;
  while (!link.outbox.empty()) {
    const auto taken = sessions_.write(now, link.up.session, *link.control, link.outbox.front());
    if (taken == 0) break;
    link.outbox.sent(taken);
  }
  std::erase_if(link.busy, [&](Room room) {
    if (link.outbox.size(room) > kPlentyWaits) return false;
    room_.push_back({room, {link.up.session, link.lost.erase(room) > 0}});
    return true;
  });
}

std::optional<std::pair<Room, LinkRoom>> Links::poll_room() {
  if (room_.empty()) return std::nullopt;
  const auto out = room_.front();
  room_.pop_front();
  return out;
}

// ---- hearing ------------------------------------------------------------------------------------

Links::Heard Links::hear(Instant now, SessionId session) {
  using What = Heard::What;
  const auto at = links_.find(session);
  if (at == links_.end() || !at->second.control) return {};
  Link& link = at->second;
  for (;;) {
    const ByteView rest = ByteView(link.inbox).subspan(link.heard);
    if (rest.size() >= 2) {
      const std::size_t length = read_be<std::uint16_t>(rest);
      if (rest.size() >= 2 + length) {
        link.heard += 2 + length;
        if (link.messages.take(now)) return {What::Message, to_bytes(rest.subspan(2, length))};
        ++counters_.floods;
        sessions_.close(now, session, kCodeProtocol, "a flood of control messages");
        return {What::Flood};
      }
    }
    link.inbox.erase(link.inbox.begin(),
                     link.inbox.begin() + static_cast<std::ptrdiff_t>(link.heard));
    link.heard = 0;
    const ByteView view = sessions_.readable(session, *link.control);
    if (view.empty()) break;
    const auto size = view.size();
    append(link.inbox, view);
    sessions_.consume(now, session, *link.control, size);
  }
  if (!sessions_.read_finished(session, *link.control)) return {};
  sessions_.close(now, session, kCodeProtocol, "the control stream ended");
  return {What::Ended};
}

void Links::malformed(Instant now, SessionId session) {
  ++counters_.malformed;
  sessions_.close(now, session, kCodeProtocol, "malformed control message");
}

// ---- views --------------------------------------------------------------------------------------

const session::SessionUp* Links::find(SessionId session) const {
  const auto at = links_.find(session);
  return at == links_.end() ? nullptr : &at->second.up;
}

bool Links::is_open(SessionId session) const {
  const auto at = links_.find(session);
  return at != links_.end() && at->second.control.has_value();
}

bool Links::is_control(SessionId session, StreamId stream) const {
  const auto at = links_.find(session);
  return at != links_.end() && at->second.control == stream;
}

std::size_t Links::waiting(SessionId session, Room room) const {
  const auto at = links_.find(session);
  return at == links_.end() ? 0 : at->second.outbox.size(room);
}

std::vector<SessionId> Links::of(const NetworkId& network) const {
  std::vector<SessionId> out;
  for (const auto& [id, link] : links_)
    if (link.up.network == network) out.push_back(id);
  return out;
}

}  // namespace weft::overlay
