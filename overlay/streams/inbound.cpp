#include "overlay/streams/inbound.hpp"

#include <algorithm>
#include <limits>

#include "base/assert.hpp"
#include "overlay/streams/codes.hpp"

namespace weft::overlay {

using service::Health;
using service::OpenStatus;

void Inbound::opened(Instant now, service::Asked asked, const StreamKey& key, const NodeId& peer) {
  const auto parsed = service::parse_request(io_.readable(key));
  if (!parsed || !*parsed) return io_.reset(now, key, kCodeProtocol);
  io_.consume(now, key, (*parsed)->consumed);
  const std::string& name = (*parsed)->message.service;
  streams_[key] = {Phase::AwaitDecision, peer, name};
  ++counters_.inbound;
  const auto* exposure = offering_.registry().find(name);
  const std::string caller = members_.label(peer);
  if (exposure == nullptr)
    return refuse(now, key, OpenStatus::NoSuchService, "no service \"" + name + "\" here");
  if (!offering_.may_expose()) {
    ++counters_.denied;
    return refuse(
        now, key, OpenStatus::Denied,
        members_.label(members_.self()) + " has no right to expose services in this network");
  }
  asked.at = members_.place(key.session);
  const auto decision = offering_.decide(peer, name, asked);
  if (decision.allowed && exposure->direct_only && !members_.is_direct(key.session)) {
    ++counters_.denied;
    return refuse(
        now, key, OpenStatus::NotDirect,
        "\"" + name + "\" is not given through a relay, and the way here goes through one");
  }
  if (!decision.allowed) {
    ++counters_.denied;
    if (decision.unmet != service::Unmet::None) {
      const auto& terms = *offering_.rule(*decision.rule)->terms;
      out_.event(CallerDenied{peer, caller, name, "share " + std::to_string(*decision.rule)});
      return refuse(
          now, key, OpenStatus::Denied,
          caller + " may not use \"" + name + "\": " + terms.refusal(decision.unmet, asked.now));
    }
    const std::string rule = offering_.who_text(decision.rule);
    out_.event(CallerDenied{peer, caller, name, rule});
    return refuse(now, key, OpenStatus::Denied, caller + " may not use \"" + name + "\"", rule);
  }
  out_.event(InboundStream{key, *exposure, peer, caller});
}

void Inbound::accept(Instant now, const StreamKey& key) {
  const auto at = streams_.find(key);
  if (at == streams_.end()) return;
  WEFT_ASSERT(at->second.phase == Phase::AwaitDecision);
  at->second.phase = Phase::Open;
  // That a socket for datagrams was made says nothing about who takes them.
  const auto* exposure = offering_.registry().find(at->second.service);
  if (exposure != nullptr && exposure->protocol != service::Protocol::Udp)
    offering_.target_did(now, at->second.service, Health::Ok, {});
  io_.accept(key);
  io_.write(now, key, service::StreamResponse{OpenStatus::Ok, {}}.encode());
}

void Inbound::refuse(Instant now, const StreamKey& key, OpenStatus status, std::string_view detail,
                     std::string_view who) {
  const auto at = streams_.find(key);
  if (at == streams_.end()) return;
  if (status == OpenStatus::TargetRefused)
    offering_.target_did(now, at->second.service, Health::Refused, detail);
  if (status == OpenStatus::TargetUnreachable)
    offering_.target_did(now, at->second.service, Health::NoAnswer, detail);
  at->second.phase = Phase::Refused;
  io_.write(now, key,
            service::StreamResponse{status, std::string(detail), std::string(who)}.encode());
  io_.finish(now, key);
  readable(now, key);
}

void Inbound::readable(Instant now, const StreamKey& key) {
  switch (streams_.at(key).phase) {
    case Phase::AwaitDecision:
      return;
    case Phase::Open:
      return out_.event(DataReadable{key});
    case Phase::Refused:
      break;
  }
  for (auto view = io_.readable(key); !view.empty(); view = io_.readable(key))
    io_.consume(now, key, view.size());
}

// One direction was reset, so both are over: ours must not stay open for want of a word.
void Inbound::ended_by_peer(Instant now, const StreamKey& key, std::uint64_t code) {
  out_.event(DataReset{key, code});
  io_.reset(now, key, code);
  if (is_waiting(key)) give_up(key);
}

// The owner connects the target: it learns at once that it need not.
void Inbound::give_up(const StreamKey& key) {
  streams_.erase(key);
  out_.event(DataClosed{key});
}

void Inbound::closed(const StreamKey& key) { give_up(key); }

void Inbound::session_down(session::SessionId session) {
  const auto begin = streams_.lower_bound({session, std::numeric_limits<session::StreamId>::min()});
  auto end = begin;
  for (; end != streams_.end() && end->first.session == session; ++end)
    out_.event(DataClosed{end->first});
  streams_.erase(begin, end);
}

void Inbound::rules_changed(Instant now, service::Asked asked) {
  std::vector<StreamKey> ended;
  for (const auto& [key, stream] : streams_) {
    if (stream.phase == Phase::Refused) continue;
    asked.at = members_.place(key.session);
    const auto* exposure = offering_.registry().find(stream.service);
    if (exposure == nullptr || !offering_.may_expose() ||
        (exposure->direct_only && !members_.is_direct(key.session)) ||
        !offering_.decide(stream.peer, stream.service, asked).allowed)
      ended.push_back(key);
  }
  for (const auto& key : ended) end(now, key, kCodeDenied);
}

void Inbound::end(Instant now, const StreamKey& key, std::uint64_t code) {
  io_.reset(now, key, code);
  out_.event(DataReset{key, code});
  if (is_waiting(key))
    give_up(key);
  else
    streams_.at(key).phase = Phase::Refused;
}

void Inbound::relayed(Instant now, session::SessionId session) {
  std::vector<StreamKey> over;
  for (auto at = streams_.lower_bound({session, std::numeric_limits<session::StreamId>::min()});
       at != streams_.end() && at->first.session == session; ++at) {
    const auto* exposure = offering_.registry().find(at->second.service);
    if (at->second.phase != Phase::Refused && exposure != nullptr && exposure->direct_only)
      over.push_back(at->first);
  }
  for (const auto& key : over) end(now, key, kCodeNotDirect);
}

bool Inbound::is_open(const StreamKey& key) const {
  const auto at = streams_.find(key);
  return at != streams_.end() && at->second.phase == Phase::Open;
}

bool Inbound::is_waiting(const StreamKey& key) const {
  const auto at = streams_.find(key);
  return at != streams_.end() && at->second.phase == Phase::AwaitDecision;
}

std::size_t Inbound::open_to(const std::string& service) const {
  return static_cast<std::size_t>(std::ranges::count_if(streams_, [&](const auto& entry) {
    return entry.second.phase == Phase::Open && entry.second.service == service;
  }));
}

}  // namespace weft::overlay
