#include <algorithm>

#include "base/assert.hpp"
#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

using service::OpenStatus;
using service::StreamKind;

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
    case OpenStatus::Ok:
      break;
  }
  return Errc::NoPath;
}

}  // namespace

// ---- inbound
// -------------------------------------------------------------------------------------

void Overlay::Impl::stream_readable(Instant now, const StreamKey& key, ServiceStream& stream) {
  switch (stream.phase) {
    case ServiceStream::Phase::AwaitRequest:
      return request_arrived(now, key, stream);
    case ServiceStream::Phase::AwaitAnswer:
      return answer_arrived(now, key, stream);
    case ServiceStream::Phase::AwaitDecision:
      return;  // stays buffered; the window bounds it
    case ServiceStream::Phase::Open:
      events.push_back(DataReadable{key});
      return;
    case ServiceStream::Phase::Refused:
      break;
  }
  for (auto view = sessions.readable(key.session, key.stream); !view.empty();
       view = sessions.readable(key.session, key.stream))
    sessions.consume(now, key.session, key.stream, view.size());
}

void Overlay::Impl::asked(const StreamKey& key) {
  const auto link = links.find(key.session);
  if (link == links.end()) return;
  WEFT_ASSERT(link->second.unasked > 0);
  --link->second.unasked;
}

void Overlay::Impl::request_arrived(Instant now, const StreamKey& key, ServiceStream& stream) {
  const auto parsed = service::parse_request(sessions.readable(key.session, key.stream));
  if (!parsed || (!*parsed && sessions.read_finished(key.session, key.stream)))
    return sessions.reset(now, key.session, key.stream, kCodeProtocol);
  if (!*parsed) return;
  sessions.consume(now, key.session, key.stream, (*parsed)->consumed);
  const auto request = (*parsed)->message;
  Link& link = links.at(key.session);
  if (request.kind == StreamKind::Control && !link.control && !link.up.initiator) {
    link.control = key.stream;
    asked(key);
    streams.erase(key);
    greet(now, link);
    return read_control(now, link);
  }
  if (request.kind != StreamKind::Service || link.up.joining)
    return sessions.reset(now, key.session, key.stream, kCodeProtocol);
  decide(now, key, stream, request.service);
}

void Overlay::Impl::decide(Instant now, const StreamKey& key, ServiceStream& stream,
                           const std::string& name) {
  stream.service = name;
  stream.phase = ServiceStream::Phase::AwaitDecision;
  asked(key);
  const service::Exposure* exposure = network ? network->registry.find(name) : nullptr;
  const std::string caller = label(stream.peer);
  if (exposure == nullptr)
    return refuse(now, key, OpenStatus::NoSuchService, "no service \"" + name + "\" here");
  if (!may_expose(config.identity.id))
    return refuse(now, key, OpenStatus::Denied,
                  label(config.identity.id) + " has no right to expose services in this network");
  const auto decision = network->access.decide(network->roster, stream.peer, name, unix_now(now));
  if (!decision.allowed) {
    const auto* rule = decision.rule ? network->access.find(*decision.rule) : nullptr;
    const std::string who = rule == nullptr ? std::string() : who_text(rule->subject);
    events.push_back(CallerDenied{stream.peer, caller, name, who});
    return refuse(now, key, OpenStatus::Denied, caller + " may not use \"" + name + "\"", who);
  }
  events.push_back(InboundStream{key, *exposure, stream.peer, caller});
}

void Overlay::Impl::refuse(Instant now, const StreamKey& key, OpenStatus status,
                           std::string_view detail, std::string_view who) {
  const auto at = streams.find(key);
  if (at == streams.end()) return;
  at->second.phase = ServiceStream::Phase::Refused;
  const Bytes answer =
      service::StreamResponse{status, std::string(detail), std::string(who)}.encode();
  sessions.write(now, key.session, key.stream, answer);
  sessions.finish(now, key.session, key.stream);
  stream_readable(now, key, at->second);
}

void Overlay::accept(Instant now, StreamKey key) {
  const auto at = impl_->streams.find(key);
  if (at == impl_->streams.end()) return;
  WEFT_ASSERT(at->second.phase == ServiceStream::Phase::AwaitDecision);
  at->second.phase = ServiceStream::Phase::Open;
  impl_->target_did(now, at->second.service, service::Health::Ok, {});
  impl_->sessions.accept(key.session, key.stream);
  const Bytes answer = service::StreamResponse{OpenStatus::Ok, {}}.encode();
  impl_->sessions.write(now, key.session, key.stream, answer);
  impl_->settle(now);
}

void Overlay::refuse(Instant now, StreamKey key, OpenStatus status, std::string_view detail) {
  if (const auto at = impl_->streams.find(key); at != impl_->streams.end()) {
    if (status == OpenStatus::TargetRefused)
      impl_->target_did(now, at->second.service, service::Health::Refused, detail);
    if (status == OpenStatus::TargetUnreachable)
      impl_->target_did(now, at->second.service, service::Health::NoAnswer, detail);
  }
  impl_->refuse(now, key, status, detail);
  impl_->settle(now);
}

// ---- outbound
// ------------------------------------------------------------------------------------

void Overlay::Impl::answer_arrived(Instant now, const StreamKey& key, ServiceStream& stream) {
  const auto parsed = service::parse_response(sessions.readable(key.session, key.stream));
  const bool broken = !parsed || (!*parsed && sessions.read_finished(key.session, key.stream));
  if (!broken && !*parsed) return;
  service::StreamResponse answer{OpenStatus::Denied, "malformed answer"};
  if (!broken) {
    sessions.consume(now, key.session, key.stream, (*parsed)->consumed);
    answer = (*parsed)->message;
    if (network) {
      network->offers.answered(now, stream.peer, stream.service, answer.status);
      tell_offers();
    }
  }
  if (answer.status == OpenStatus::Ok) {
    stream.phase = ServiceStream::Phase::Open;
    if (const auto held = std::exchange(stream.held, std::nullopt))
      events.push_back(ConnectReady{*held, key});
    events.push_back(ConnectAccepted{key});
    events.push_back(DataReadable{key});
    return;
  }
  ServiceStream held;
  if (stream.held) {
    held = std::move(stream);
    streams.erase(key);
  } else {
    events.push_back(ConnectRefused{key, answer.status, answer.detail, answer.who});
  }
  sessions.reset(now, key.session, key.stream, broken ? kCodeProtocol : kCodeDone);
  if (held.held) held_failed(now, std::move(held), {errc_of(answer.status), answer.detail});
}

CommandId Overlay::ping(Instant now, const std::string& who, std::optional<Duration> within) {
  const CommandId id = impl_->next_command();
  const auto node = find_node(who);
  if (!node) {
    impl_->done(id, std::unexpected(node.error()));
  } else if (*node == this->id()) {
    impl_->done(id, PingOutcome{});
  } else {
    const Duration limit = within.value_or(impl_->config.ping_timeout);
    impl_->wait_for(now, {Waiting::Kind::Ping, id, *node, {}, now + limit});
  }
  impl_->settle(now);
  return id;
}

void Overlay::Impl::wait_for(Instant now, Waiting request) {
  // A caller may let its ping take an hour.
  const bool full = request.kind == Waiting::Kind::Ping && pings.size() >= kMaxWaiting;
  if (!full && try_start(now, request)) return;
  if (full || waiting.size() >= kMaxWaiting) {
    if (request.kind == Waiting::Kind::Connect)
      events.push_back(
          ConnectFailed{request.id, {Errc::Limit, "too many connections are waiting"}});
    else
      done(request.id, fail(Errc::Limit, "too many requests are waiting"));
    return;
  }
  waiting.push_back(std::move(request));
}

bool Overlay::Impl::try_start(Instant now, const Waiting& request) {
  Peer* peer = network->peers.find(request.peer);
  if (peer == nullptr) {
    Error error{Errc::NotFound, label(request.peer) + " is no longer in the network"};
    if (request.kind == Waiting::Kind::Connect)
      events.push_back(ConnectFailed{request.id, std::move(error)});
    else
      done(request.id, std::unexpected(std::move(error)));
    return true;
  }
  if (!peer->is_up()) {
    network->peers.want(now, *peer, true);
    return false;
  }
  const SessionId session = *peer->preferred;
  if (request.kind == Waiting::Kind::Ping) {
    const auto link = links.find(session);
    if (link == links.end()) return false;
    pings.push_back({request.id, session, ++last_ping, now, request.deadline});
    send(now, link->second, Ping{last_ping});
    return true;
  }
  const auto stream = sessions.open_stream(now, session);
  if (!stream) return false;  // no free stream now: the sweep tries again
  const StreamKey key{session, *stream};
  ServiceStream outbound;
  outbound.phase = ServiceStream::Phase::AwaitAnswer;
  outbound.peer = request.peer;
  outbound.service = request.service;
  if (!request.others.empty()) {
    outbound.held = request.id;
    outbound.others = request.others;
  }
  const bool held = outbound.held.has_value();
  streams.emplace(key, std::move(outbound));
  sessions.write(now, session, *stream,
                 service::StreamRequest{StreamKind::Service, request.service}.encode());
  if (!held) events.push_back(ConnectReady{request.id, key});
  return true;
}

void Overlay::Impl::peer_ready(Instant now, const NodeId& peer) {
  std::erase_if(waiting, [&](const Waiting& w) { return w.peer == peer && try_start(now, w); });
}

// ---- both
// ----------------------------------------------------------------------------------------

// One direction was reset, so both are over: ours must not stay open for want of a word.
void Overlay::Impl::ended_by_peer(Instant now, const StreamKey& key, const ServiceStream& stream,
                                  std::uint64_t code) {
  if (!stream.held) events.push_back(DataReset{key, code});
  sessions.reset(now, key.session, key.stream, code);
  if (stream.phase == ServiceStream::Phase::AwaitDecision) give_up(key);
}

// The owner connects the target: it learns at once that it need not.
void Overlay::Impl::give_up(const StreamKey& key) {
  streams.erase(key);
  events.push_back(DataClosed{key});
}

void Overlay::Impl::drop_streams(Instant now, SessionId session) {
  const auto begin = streams.lower_bound({session, std::numeric_limits<StreamId>::min()});
  auto end = begin;
  std::vector<ServiceStream> held;
  for (; end != streams.end() && end->first.session == session; ++end) {
    if (end->second.held)
      held.push_back(std::move(end->second));
    else
      events.push_back(DataClosed{end->first});
  }
  streams.erase(begin, end);
  for (auto& stream : held)
    held_failed(now, std::move(stream), {Errc::NoPath, "the session ended"});
}

// Rules or roster changed: ends what is no longer allowed and tells everybody what is.
void Overlay::Impl::rules_changed(Instant now) {
  network->health.rules_changed();
  std::vector<StreamKey> ended;
  for (const auto& [key, stream] : streams) {
    if (!stream.inbound || stream.phase == ServiceStream::Phase::AwaitRequest ||
        stream.phase == ServiceStream::Phase::Refused)
      continue;
    const bool exposed =
        network->registry.find(stream.service) != nullptr && may_expose(config.identity.id);
    if (!exposed ||
        !network->access.decide(network->roster, stream.peer, stream.service, unix_now(now))
             .allowed)
      ended.push_back(key);
  }
  for (const auto& key : ended) {
    sessions.reset(now, key.session, key.stream, kCodeDenied);
    events.push_back(DataReset{key, kCodeDenied});
    auto& phase = streams.at(key).phase;
    if (phase == ServiceStream::Phase::AwaitDecision)
      give_up(key);
    else if (phase == ServiceStream::Phase::Open)
      phase = ServiceStream::Phase::Refused;
  }
  for (auto& [id, link] : links)
    if (!link.up.joining && link.control) say_services(now, link);
}

}  // namespace weft::overlay
