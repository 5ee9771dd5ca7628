#include "overlay/topics/broker_part.hpp"

#include <algorithm>
#include <utility>

#include "overlay/service/stream_open.hpp"
#include "overlay/streams/codes.hpp"

namespace weft::overlay {

namespace {

constexpr std::uint64_t kStreamKinds[] = {5};
constexpr Table kTables[] = {Table::Message};

}  // namespace

BrokerPart::BrokerPart(const Beside& beside)
    : Part(beside),
      core_(beside.config.identity, beside.network(), beside.roster, beside.clock),
      system_(beside) {}

Interests BrokerPart::interests() const {
  return {.stream_kinds = kStreamKinds, .tables = kTables};
}

Result<void> BrokerPart::load(const Row& row) {
  if (!row.value) return fail(Errc::Malformed, "a message row without a value");
  return core_.load(row.key, *row.value);
}

void BrokerPart::begin(Instant now) {
  look_at_roster();
  core_.begin(now);
}

// ---- sessions and streams -----------------------------------------------------------------------

void BrokerPart::handle_session(Instant now, const SessionNews& news) {
  if (const auto* up = std::get_if<session::SessionUp>(&news)) {
    if (!up->initiator || up->joining) return;
    // A peer that lets none be opened has no broker in this session.
    if (const auto stream = beside_.sessions.open_stream(now, up->session))
      open(now, {up->session, *stream}, up->peer,
           service::StreamRequest{service::StreamKind::Broker, {}}.encode());
    settle(now);
  } else if (const auto* down = std::get_if<session::SessionDown>(&news)) {
    drop(now, down->session, false);
    settle(now);
  }
}

bool BrokerPart::handle_stream(Instant now, const StreamNews& news) {
  if (const auto* in = std::get_if<StreamIn>(&news)) {
    const auto request =
        service::parse_request(beside_.sessions.readable(in->key.session, in->key.stream));
    if (links_.contains(in->key.session) || !request || !*request) {
      beside_.sessions.reset(now, in->key.session, in->key.stream, kCodeProtocol);
      return true;
    }
    beside_.sessions.consume(now, in->key.session, in->key.stream, (*request)->consumed);
    beside_.sessions.accept(in->key.session, in->key.stream);
    open(now, in->key, in->peer, {});
    read(now, in->key.session);
    settle(now);
    return true;
  }
  return std::visit(
      [&](const auto& e) {
        if constexpr (requires { e.stream; }) {
          const auto at = links_.find(e.session);
          if (at == links_.end() || at->second.key.stream != e.stream) return false;
          using News = std::decay_t<decltype(e)>;
          if constexpr (std::is_same_v<News, session::StreamReadable>)
            read(now, e.session);
          else if constexpr (std::is_same_v<News, session::StreamWritable>)
            write(now, e.session);
          else
            drop(now, e.session, !std::is_same_v<News, session::StreamClosed>);
          settle(now);
          return true;
        } else {
          return false;
        }
      },
      news);
}

void BrokerPart::open(Instant now, const StreamKey& key, const NodeId& peer, Bytes first) {
  links_[key.session] = {key, peer, {}, 0, std::move(first)};
  beside_.sessions.stand(key.session, key.stream);
  core_.link_up(now, link_of(key.session), peer);
}

void BrokerPart::drop(Instant now, SessionId session, bool reset) {
  const auto at = links_.find(session);
  if (at == links_.end()) return;
  const StreamKey key = at->second.key;
  links_.erase(at);
  core_.link_down(link_of(session));
  if (reset) beside_.sessions.reset(now, key.session, key.stream, kCodeProtocol);
}

void BrokerPart::read(Instant now, SessionId session) {
  for (;;) {
    const auto at = links_.find(session);
    if (at == links_.end()) return;
    Link& link = at->second;
    const ByteView view = beside_.sessions.readable(session, link.key.stream);
    if (view.empty()) {
      if (beside_.sessions.read_finished(session, link.key.stream)) drop(now, session, true);
      return;
    }
    const auto size = view.size();
    append(link.inbox, view);
    beside_.sessions.consume(now, session, link.key.stream, size);
    if (!hear(now, session)) return drop(now, session, true);
  }
}

// The whole frames of the inbox. What stays is less than one of 64 KiB.
bool BrokerPart::hear(Instant now, SessionId session) {
  Link& link = links_.at(session);
  std::size_t heard = 0;
  bool good = true;
  while (good) {
    const ByteView rest = ByteView(link.inbox).subspan(heard);
    if (rest.size() < 2) break;
    const std::size_t length = read_be<std::uint16_t>(rest);
    if (rest.size() < 2 + length) break;
    good = core_.receive(now, link_of(session), rest.subspan(2, length));
    heard += 2 + length;
  }
  link.inbox.erase(link.inbox.begin(), link.inbox.begin() + static_cast<std::ptrdiff_t>(heard));
  return good;
}

void BrokerPart::write(Instant now, SessionId session) {
  const auto at = links_.find(session);
  if (at == links_.end()) return;
  Link& link = at->second;
  auto& sessions = beside_.sessions;
  if (!link.first.empty()) {
    const auto taken = sessions.write(now, session, link.key.stream, link.first);
    link.first.erase(link.first.begin(), link.first.begin() + static_cast<std::ptrdiff_t>(taken));
    if (!link.first.empty()) return;
  }
  while (const auto frame = core_.links().front(link_of(session))) {
    const auto rest = ByteView(*frame).subspan(link.written);
    const auto taken = sessions.write(now, session, link.key.stream, rest);
    link.written += taken;
    if (taken < rest.size()) break;
    link.written = 0;
    core_.links().taken(link_of(session));
  }
  core_.written(now);
}

// ---- what the core asks for ---------------------------------------------------------------------

void BrokerPart::settle(Instant now) {
  while (auto output = core_.poll_output()) carry(std::move(*output));
  while (const auto link = core_.links().poll_busy()) write(now, *link - 1);
}

void BrokerPart::carry(broker::Output output) {
  if (auto* rows = std::get_if<broker::StoreRows>(&output)) {
    std::vector<Row> out;
    for (auto& row : rows->rows)
      out.push_back({Table::Message, beside_.network(), std::move(row.key), std::move(row.value)});
    const auto done = [this, id = rows->id](Instant now, const Result<void>& stored) {
      core_.stored(now, id, stored.has_value());
      settle(now);
    };
    store(std::move(out), done, Again::Never);
  } else if (auto* published = std::get_if<broker::Published>(&output)) {
    if (waiting_.erase(published->id) == 0) return;
    if (!published->result) return done(published->id, std::unexpected(published->result.error()));
    const auto& receipt = *published->result;
    done(published->id,
         PublishOutcome{receipt.epoch, receipt.sequence, receipt.stamp, receipt.holders});
  } else if (const auto* waiting = std::get_if<broker::Waiting>(&output)) {
    put(OverlayEvent(MessagesWaiting{waiting->subscriber}));
  }
}

void BrokerPart::look_at_roster() {
  std::vector<NodeId> members;
  for (const auto& [id, member] : beside_.roster.state().members()) members.push_back(id);
  std::vector<broker::TopicRule> rules;
  const auto ruling = [](roster::Ruling says) -> std::optional<bool> {
    if (says == roster::Ruling::None) return std::nullopt;
    return says == roster::Ruling::Allow;
  };
  for (const auto& rule : beside_.roster.state().topics())
    rules.push_back({rule.topic, rule.node, rule.group, ruling(rule.publish), ruling(rule.read)});
  core_.set_members(std::move(members), std::move(rules));
}

void BrokerPart::handle_roster(Instant now, const RosterNews&) {
  look_at_roster();
  tell(now, system_.look_at_roster(wall(now)));
}

// ---- what programs are told of the network ------------------------------------------------------

void BrokerPart::tell(Instant now, const SystemTopics::Tellings& tellings) {
  if (tellings.empty()) return;
  for (const auto& telling : tellings) core_.tell(now, telling);
  settle(now);
}

void BrokerPart::member_changed(Instant now, const MemberStateChanged& changed) {
  const bool away =
      changed.state == membership::State::Dead || changed.state == membership::State::Left;
  core_.set_away(changed.node, away);
  tell(now, system_.member_changed(wall(now), changed));
}

void BrokerPart::offered(Instant now, const NodeId& node,
                         const std::vector<service::ServiceLine>& lines) {
  tell(now, system_.offered(wall(now), node, lines));
}

void BrokerPart::look_at_services(Instant now, const service::Registry& own) {
  tell(now, system_.look_at_own(wall(now), own));
}

void BrokerPart::handle_timeout(Instant now) {
  core_.handle_timeout(now);
  settle(now);
}

std::optional<Instant> BrokerPart::poll_timeout() const { return core_.poll_timeout(); }

// ---- commands -----------------------------------------------------------------------------------

bool BrokerPart::publish(Instant now, CommandId id, broker::Publish what) {
  if (id != 0) waiting_.insert(id);
  const bool taken = core_.publish(now, id, std::move(what));
  settle(now);
  return taken;
}

Result<broker::SubscriberId> BrokerPart::subscribe(Instant now, const broker::Wanted& wanted) {
  auto id = core_.subscribe(now, wanted);
  settle(now);
  return id;
}

void BrokerPart::unsubscribe(broker::SubscriberId id) { core_.unsubscribe(id); }

void BrokerPart::change_rule(CommandId id, roster::TopicBody rule) {
  const auto& rules = beside_.roster.state().topics();
  if (std::ranges::find(rules, rule) != rules.end()) return done(id, std::monostate{});
  put(Sign{std::move(rule), [this, id](Instant, const Result<void>& result) {
             if (result) return done(id, std::monostate{});
             done(id, std::unexpected(result.error()));
           }});
}

void BrokerPart::stop() {
  for (const auto id : std::exchange(waiting_, {}))
    done(id, fail(Errc::NotFound, "this node left the network"));
}

}  // namespace weft::overlay
