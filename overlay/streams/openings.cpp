#include "overlay/streams/openings.hpp"

#include <iterator>
#include <limits>

#include "overlay/service/stream_open.hpp"
#include "overlay/streams/codes.hpp"

namespace weft::overlay {

namespace {

StreamKey first_of(session::SessionId session) {
  return {session, std::numeric_limits<session::StreamId>::min()};
}

}  // namespace

bool Openings::opened(const StreamKey& key, bool joining) {
  if (count(key.session) >= (joining ? 1 : kMaxUnasked)) return false;
  waiting_.insert(key);
  return true;
}

std::optional<std::uint64_t> Openings::readable(Instant now, const StreamKey& key) {
  const auto parsed = service::parse_request(io_.readable(key));
  if (!parsed || (!*parsed && io_.read_finished(key))) {
    io_.reset(now, key, kCodeProtocol);
    return std::nullopt;
  }
  if (!*parsed) return std::nullopt;
  waiting_.erase(key);
  return static_cast<std::uint64_t>((*parsed)->message.kind);
}

void Openings::session_down(session::SessionId session) {
  waiting_.erase(waiting_.lower_bound(first_of(session)),
                 waiting_.lower_bound(first_of(session + 1)));
}

std::size_t Openings::count(session::SessionId session) const {
  return static_cast<std::size_t>(std::distance(waiting_.lower_bound(first_of(session)),
                                                waiting_.lower_bound(first_of(session + 1))));
}

}  // namespace weft::overlay
