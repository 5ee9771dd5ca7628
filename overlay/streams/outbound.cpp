#include "overlay/streams/outbound.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.hpp"
#include "overlay/service/stream_open.hpp"
#include "overlay/streams/codes.hpp"

namespace weft::overlay {

using service::OpenStatus;

namespace {

Errc errc_of(OpenStatus status) {
  switch (status) {
    case OpenStatus::Denied:
      return Errc::Denied;
    case OpenStatus::NoSuchService:
      return Errc::NotFound;
    case OpenStatus::Limit:
      return Errc::Limit;
    case OpenStatus::TargetRefused:
    case OpenStatus::TargetUnreachable:
    case OpenStatus::NotDirect:
    case OpenStatus::Ok:
      break;
  }
  return Errc::NoPath;
}

}  // namespace

// ---- until there is a stream --------------------------------------------------------------------

void Outbound::connect(Instant now, CommandId id, const std::string& service,
                       const std::string& node, std::optional<Duration> within) {
  const auto provider = doors_.provider(service, node);
  if (!provider) return out_.event(ConnectFailed{id, provider.error()});
  try_all(now, id, {*provider}, service, within.value_or(patience_), false);
}

void Outbound::connect_door(Instant now, CommandId id, std::uint64_t door) {
  auto pinned = doors_.pin(door);
  if (!pinned) return out_.event(ConnectFailed{id, pinned.error()});
  const service::Mapping& mapping = *doors_.find(door);
  if (*pinned) {
    out_.warn("door " + std::to_string(door) + " to " + mapping.service +
              " named no node: from now on it leads to " + members_.label((*pinned)->node));
    if ((*pinned)->row) out_.store({std::move(*(*pinned)->row)});
  }
  try_all(now, id, doors_.providers(mapping), mapping.service, patience_, mapping.direct);
}

void Outbound::try_all(Instant now, CommandId id, std::vector<NodeId> nodes,
                       const std::string& service, Duration within, bool direct) {
  WEFT_ASSERT(!nodes.empty());
  Attempt attempt{nodes.front(), service, {nodes.begin() + 1, nodes.end()}, direct};
  const NodeId& peer = attempt.peer;
  if (peer == members_.self()) {
    Error error{Errc::Usage, "\"" + service + "\" is a service of this very node"};
    if (own_.find(service) == nullptr)
      error = {Errc::NotFound, "this node exposes no service \"" + service + "\""};
    return failed(now, id, std::move(attempt), std::move(error));
  }
  if (members_.is_member(peer) && !members_.may_expose(peer)) {
    Error error{Errc::Denied,
                members_.label(peer) + " has no right to expose services in this network"};
    return failed(now, id, std::move(attempt), std::move(error));
  }
  const auto there = members_.session(peer);
  if (members_.is_away(peer) || (direct && there && !members_.is_direct(*there)))
    within = std::min(within, kAwayTimeout);
  Waiting request{std::move(attempt), now + within, now + within};
  if (try_start(now, id, request)) return;
  if (waiting_.size() >= kMaxConnects)
    return out_.event(ConnectFailed{id, {Errc::Limit, "too many connections are waiting"}});
  due_.emplace(request.due, id);
  by_peer_.emplace(request.attempt.peer, id);
  waiting_.emplace(id, std::move(request));
}

bool Outbound::try_start(Instant now, CommandId id, Waiting& request) {
  Attempt& attempt = request.attempt;
  request.due = request.deadline;
  if (!members_.is_member(attempt.peer)) {
    Error error{Errc::NotFound, members_.label(attempt.peer) + " is no longer in the network"};
    failed(now, id, std::move(attempt), std::move(error));
    return true;
  }
  const auto session = members_.session(attempt.peer);
  if (!session) {
    out_.put(Want{attempt.peer, true});
    return false;
  }
  if (attempt.direct && !members_.is_direct(*session)) return false;
  const auto key = io_.open(now, *session);
  if (!key) {
    request.due = std::min(request.deadline, now + kStreamRetry);
    return false;
  }
  ++counters_.outbound;
  io_.write(now, *key,
            service::StreamRequest{service::StreamKind::Service, attempt.service}.encode());
  Stream stream{false, std::move(attempt), std::nullopt};
  if (stream.attempt.others.empty())
    out_.event(ConnectReady{id, *key});
  else
    stream.held = id;
  streams_.emplace(*key, std::move(stream));
  return true;
}

void Outbound::failed(Instant now, CommandId id, Attempt attempt, Error error) {
  if (attempt.others.empty()) return out_.event(ConnectFailed{id, std::move(error)});
  try_all(now, id, std::move(attempt.others), attempt.service, patience_, attempt.direct);
}

void Outbound::forget(CommandId id) {
  const auto at = waiting_.find(id);
  if (at == waiting_.end()) return;
  due_.erase({at->second.due, id});
  by_peer_.erase({at->second.attempt.peer, id});
  waiting_.erase(at);
}

void Outbound::cancel(CommandId id) {
  forget(id);
  for (auto& [key, stream] : streams_)
    if (stream.held == id) stream.attempt.others.clear();
}

void Outbound::give_up_all() {
  for (auto& [key, stream] : streams_) stream.attempt.others.clear();
  while (!waiting_.empty()) {
    const CommandId id = waiting_.begin()->first;
    forget(id);
    out_.event(ConnectFailed{id, {Errc::NotFound, "this node left the network"}});
  }
}

void Outbound::peer_ready(Instant now, const NodeId& peer) {
  std::vector<CommandId> ids;
  for (auto at = by_peer_.lower_bound({peer, 0}); at != by_peer_.end() && at->first == peer; ++at)
    ids.push_back(at->second);
  for (const auto id : ids) {
    auto request = waiting_.at(id);
    forget(id);
    if (try_start(now, id, request)) continue;
    due_.emplace(request.due, id);
    by_peer_.emplace(peer, id);
    waiting_.emplace(id, std::move(request));
  }
}

void Outbound::handle_timeout(Instant now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const CommandId id = due_.begin()->second;
    const Waiting request = waiting_.at(id);
    if (request.deadline > now) {
      peer_ready(now, request.attempt.peer);
      continue;
    }
    forget(id);
    const NodeId& peer = request.attempt.peer;
    const bool relayed = request.attempt.direct && members_.session(peer);
    failed(
        now, id, request.attempt,
        {Errc::NoPath, members_.label(peer) + (relayed ? " is reached through a relay only, which "
                                                         "this door does not take"
                                                       : " does not answer")});
  }
}

std::optional<Instant> Outbound::poll_timeout() const {
  return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

// ---- once there is ------------------------------------------------------------------------------

void Outbound::readable(Instant now, const StreamKey& key) {
  if (streams_.at(key).open) return out_.event(DataReadable{key});
  answered(now, key);
}

void Outbound::answered(Instant now, const StreamKey& key) {
  Stream& stream = streams_.at(key);
  const auto parsed = service::parse_response(io_.readable(key));
  const bool broken = !parsed || (!*parsed && io_.read_finished(key));
  if (!broken && !*parsed) return;
  service::StreamResponse answer{OpenStatus::Denied, "malformed answer"};
  if (!broken) {
    io_.consume(now, key, (*parsed)->consumed);
    answer = (*parsed)->message;
    offers_.answered(now, stream.attempt.peer, stream.attempt.service, answer.status);
  }
  if (answer.status == OpenStatus::Ok) {
    stream.open = true;
    if (const auto held = std::exchange(stream.held, std::nullopt))
      out_.event(ConnectReady{*held, key});
    out_.event(ConnectAccepted{key});
    return out_.event(DataReadable{key});
  }
  const std::uint64_t code = broken ? kCodeProtocol : kCodeDone;
  if (!stream.held) {
    out_.event(ConnectRefused{key, answer.status, answer.detail, answer.who});
    return io_.reset(now, key, code);
  }
  const Stream lost = std::move(stream);
  streams_.erase(key);
  io_.reset(now, key, code);
  failed(now, *lost.held, lost.attempt, {errc_of(answer.status), answer.detail});
}

void Outbound::ended_by_peer(Instant now, const StreamKey& key, std::uint64_t code) {
  if (!streams_.at(key).held) out_.event(DataReset{key, code});
  io_.reset(now, key, code);
}

void Outbound::closed(Instant now, const StreamKey& key) {
  const Stream stream = std::move(streams_.at(key));
  streams_.erase(key);
  if (!stream.held) return out_.event(DataClosed{key});
  failed(now, *stream.held, stream.attempt, {Errc::NoPath, "the other node closed the stream"});
}

void Outbound::session_down(Instant now, session::SessionId session) {
  const auto begin = streams_.lower_bound({session, std::numeric_limits<session::StreamId>::min()});
  auto end = begin;
  std::vector<Stream> held;
  for (; end != streams_.end() && end->first.session == session; ++end) {
    if (end->second.held)
      held.push_back(std::move(end->second));
    else
      out_.event(DataClosed{end->first});
  }
  streams_.erase(begin, end);
  for (const auto& stream : held)
    failed(now, *stream.held, stream.attempt, {Errc::NoPath, "the session ended"});
}

void Outbound::relayed(Instant now, session::SessionId session) {
  std::vector<StreamKey> over;
  for (auto at = streams_.lower_bound({session, std::numeric_limits<session::StreamId>::min()});
       at != streams_.end() && at->first.session == session; ++at)
    if (at->second.attempt.direct) over.push_back(at->first);
  for (const auto& key : over) ended_by_peer(now, key, kCodeNotDirect);
}

bool Outbound::is_open(const StreamKey& key) const {
  const auto at = streams_.find(key);
  return at != streams_.end() && at->second.open;
}

}  // namespace weft::overlay
