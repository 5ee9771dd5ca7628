#include "overlay/streams/asking.hpp"

#include <algorithm>
#include <utility>

namespace weft::overlay {

void Asking::ask(Instant now, CommandId id, const NodeId& node, Ask ask) {
  const auto session = members_.session(node);
  if (!session)
    return out_.done(id, fail(Errc::NoPath, "there is no connection to " + members_.label(node)));
  ask.request = ++last_request_;
  pending_[ask.request] = {id, *session, now + kAnswerWithin};
  out_.put(Say{*session, encode(ask)});
}

Result<void> Asking::heard(const service::Asked& asked, const ControlIn& in) {
  if (in.type == kTypeAsk) {
    WEFT_TRY(const auto ask, parse_ask(in.body));
    heard_ask(asked, in, ask);
  } else if (in.type == kTypeAskAnswer) {
    WEFT_TRY(const auto answer, parse_ask_answer(in.body));
    const auto at = pending_.find(answer.request);
    if (at != pending_.end() && at->second.session == in.from.session)
      finish(answer.request, AskOutcome{answer.status});
  }
  return {};
}

void Asking::heard_ask(const service::Asked& asked, const ControlIn& in, const Ask& ask) {
  const NodeId& who = in.from.peer;
  auto status = AskStatus::NoSuchService;
  if (offering_.registry().find(ask.service) != nullptr && offering_.may_expose()) {
    if (offering_.decide(who, ask.service, asked).allowed) {
      status = AskStatus::MayUse;
    } else {
      bool fresh = false;
      status = book_.add(asked.now, who, ask, fresh);
      if (fresh) out_.event(AccessAsked{who, members_.label(who), ask.service, ask.note});
    }
  }
  out_.put(Say{in.from.session, encode(AskAnswer{ask.request, status})});
}

void Asking::finish(std::uint64_t request, Result<Outcome> result) {
  auto node = pending_.extract(request);
  if (!node.empty()) out_.done(node.mapped().command, std::move(result));
}

void Asking::session_down(session::SessionId session) {
  std::vector<std::uint64_t> over;
  for (const auto& [request, pending] : pending_)
    if (pending.session == session) over.push_back(request);
  for (const auto request : over) finish(request, fail(Errc::NoPath, "the connection ended"));
}

void Asking::handle_timeout(Instant now) {
  std::vector<std::uint64_t> over;
  for (const auto& [request, pending] : pending_)
    if (now >= pending.until) over.push_back(request);
  for (const auto request : over)
    finish(request, fail(Errc::Timeout, "no answer: its weft may be too old to be asked"));
}

std::optional<Instant> Asking::poll_timeout() const {
  std::optional<Instant> due;
  for (const auto& [request, pending] : pending_)
    due = std::min(due.value_or(pending.until), pending.until);
  return due;
}

void Asking::approve(Instant now, CommandId id, std::uint64_t ask,
                     const std::optional<service::Terms>& terms) {
  const auto* entry = book_.find(ask);
  if (entry == nullptr)
    return out_.done(id, fail(Errc::NotFound, "nobody waits under " + std::to_string(ask)));
  const auto service = entry->service;
  const std::vector<std::string> who{to_text(entry->who)};
  if (terms)
    offering_.share(now, id, service, who, *terms);
  else
    offering_.set_access(now, id, service, who, true);
}

void Asking::refuse(UnixTime now, CommandId id, std::uint64_t ask) {
  if (!book_.refuse(now, ask))
    return out_.done(id, fail(Errc::NotFound, "nobody waits under " + std::to_string(ask)));
  out_.done(id, std::monostate{});
}

void Asking::rules_changed(const service::Asked& asked) {
  book_.drop_if([&](const AskBook::Entry& entry) {
    return !members_.is_member(entry.who) || offering_.registry().find(entry.service) == nullptr ||
           offering_.decide(entry.who, entry.service, asked).allowed;
  });
}

std::vector<AskView> Asking::waiting() const {
  std::vector<AskView> out;
  for (const auto& entry : book_.waiting())
    out.push_back(
        {entry.id, entry.who, members_.label(entry.who), entry.service, entry.note, entry.at});
  return out;
}

}  // namespace weft::overlay
