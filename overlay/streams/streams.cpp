#include "overlay/streams/streams.hpp"

#include <algorithm>

#include "overlay/control_message.hpp"

namespace weft::overlay {

namespace {

constexpr TypeRange kControls[] = {{8, 9}, {kTypeAsk, kTypeAskAnswer}};
constexpr std::uint64_t kStreamKinds[] = {1};  // service
constexpr Table kTables[] = {Table::Exposure, Table::Mapping, Table::Access};
constexpr Subject kServices{6, {}};  // 1 to 5 are taken until links keep a queue for each part

}  // namespace

Streams::Streams(const Beside& beside)
    : Part(beside),
      members_(beside.self(), beside.roster, beside.peers, beside.sessions),
      io_(beside.sessions),
      out_(outputs_, [this](Instant now) { settle(now); }),
      offering_(beside.roster, members_, out_),
      doors_(beside.network(), offers_, members_),
      inbound_(io_, offering_, members_, counters_, out_),
      outbound_(io_, doors_, offers_, offering_.registry(), beside.config.connect_timeout, members_,
                counters_, out_),
      messages_(io_, inbound_, outbound_, counters_, out_),
      asking_(offering_, members_, out_) {}

Interests Streams::interests() const {
  return {.controls = kControls, .stream_kinds = kStreamKinds, .tables = kTables};
}

Result<void> Streams::load(const Row& row) {
  if (row.table != Table::Mapping) return offering_.load(row);
  WEFT_CHECK(doors_.load(row));
  for (const auto& door : doors_.list()) beside_.last_door = std::max(beside_.last_door, door.id);
  return {};
}

// ---- inputs -------------------------------------------------------------------------------------

void Streams::handle_session(Instant now, const SessionNews& news) {
  if (const auto* up = std::get_if<session::SessionUp>(&news)) {
    sessions_[up->session] = {up->peer, false};
    messages_.session_up(up->session, up->initiator);
    offers_.came(up->peer);
    outbound_.peer_ready(now, up->peer);
  } else if (const auto* open = std::get_if<LinkOpen>(&news)) {
    const auto at = sessions_.find(open->session);
    if (at == sessions_.end()) return;
    at->second.open = true;
    say_services(now, open->session, at->second.node);
  } else if (const auto* moved = std::get_if<session::RemoteMoved>(&news)) {
    offering_.places_changed();
    const auto at = sessions_.find(moved->session);
    if (at == sessions_.end()) return settle(now);
    if (members_.is_direct(moved->session)) {
      outbound_.peer_ready(now, at->second.node);
    } else {
      inbound_.relayed(now, moved->session);
      outbound_.relayed(now, moved->session);
    }
    settle(now);
  } else if (const auto* down = std::get_if<session::SessionDown>(&news)) {
    inbound_.session_down(down->session);
    outbound_.session_down(now, down->session);
    messages_.session_down(down->session);
    asking_.session_down(down->session);
    sessions_.erase(down->session);
    if (down->was_up && members_.is_member(down->peer) && !members_.session(down->peer))
      offers_.went(down->peer, beside_.clock.at(now));
  }
}

Result<void> Streams::handle_control(Instant now, const ControlIn& in) {
  if (in.type >= kTypeAsk) {
    auto from = asked(now);
    from.at = members_.place(in.from.session);
    return asking_.heard(from, in);
  }
  WEFT_TRY(const auto message, decode_control(in.body));
  if (std::holds_alternative<ServicesGet>(message)) {
    say_services(now, in.from.session, in.from.peer);
  } else if (const auto* said = std::get_if<ServicesAre>(&message)) {
    const NodeId& peer = in.from.peer;
    if (offers_.take(now, peer, said->services, members_.may_expose(peer)))
      out_.warn(members_.label(peer) + " offers services without the right to expose: ignored");
    tell_offers();
    outbound_.peer_ready(now, peer);
  }
  return {};
}

void Streams::handle_roster(Instant now, const RosterNews&) {
  std::vector<NodeId> gone;
  for (const auto& [node, offer] : offers_.all())
    if (!members_.is_member(node)) gone.push_back(node);
  for (const auto& node : gone) offers_.forget(node);
  offering_.forget_removed();
  offering_.rules_changed();
  settle(now);
}

void Streams::handle_timeout(Instant now) {
  outbound_.handle_timeout(now);
  asking_.handle_timeout(now);
  settle(now);
}

std::optional<Instant> Streams::poll_timeout() const {
  const auto connects = outbound_.poll_timeout();
  const auto looks = offering_.poll_timeout(beside_.clock);
  const auto answers = asking_.poll_timeout();
  std::optional<Instant> first = connects;
  for (const auto& due : {looks, answers})
    if (due && (!first || *due < *first)) first = due;
  return first;
}

namespace {

template <class News>
StreamKey key_of(const News& news) {
  return {news.session, news.stream};
}

}  // namespace

bool Streams::handle_stream(Instant now, const StreamNews& news) {
  if (const auto* in = std::get_if<StreamIn>(&news)) {
    messages_.stream_came(in->key);
    inbound_.opened(now, asked(now), in->key, in->peer);
    messages_.stream_changed(in->key);
    return true;
  }
  if (const auto* message = std::get_if<session::MessageReceived>(&news)) {
    messages_.received(*message);
    return true;
  }
  return std::visit(
      [&](const auto& e) {
        if constexpr (requires { e.stream; })
          return handle_own(now, key_of(e), e);
        else
          return false;
      },
      news);
}

template <class News>
bool Streams::handle_own(Instant now, const StreamKey& key, const News& e) {
  const bool in = inbound_.contains(key);
  if (!in && !outbound_.contains(key)) return false;
  if constexpr (std::is_same_v<News, session::StreamReadable>) {
    in ? inbound_.readable(now, key) : outbound_.readable(now, key);
    tell_offers();
  } else if constexpr (std::is_same_v<News, session::StreamWritable>) {
    out_.event(DataWritable{key});
  } else if constexpr (std::is_same_v<News, session::StreamClosed>) {
    in ? inbound_.closed(key) : outbound_.closed(now, key);
  } else {  // reset by the peer, or not read any more
    in ? inbound_.ended_by_peer(now, key, e.code) : outbound_.ended_by_peer(now, key, e.code);
  }
  messages_.stream_changed(key);
  return true;
}

// ---- commands -----------------------------------------------------------------------------------

void Streams::add_door(CommandId id, service::Mapping door) {
  doors_.number_from(beside_.last_door + 1);
  auto change = doors_.add(std::move(door));
  if (!change) return out_.done(id, std::unexpected(change.error()));
  beside_.last_door = std::max(beside_.last_door, change->mapping.id);
  MappingOutcome outcome{change->mapping};
  if (!change->row) return out_.done(id, std::move(outcome));
  // Kept or refused: its door is installed with the answer, and a mapping without one is none.
  out_.store(
      {std::move(*change->row)},
      [this, id, outcome = std::move(outcome)](Instant, const Result<void>& stored) {
        if (stored) return out_.done(id, outcome);
        std::ignore = doors_.remove(outcome.mapping.id);
        out_.done(id, std::unexpected(stored.error()));
      },
      Again::Never);
}

void Streams::remove_door(CommandId id, std::uint64_t door) {
  auto change = doors_.remove(door);
  if (!change) return out_.done(id, std::unexpected(change.error()));
  MappingOutcome outcome{change->mapping};
  if (!change->row) return out_.done(id, std::move(outcome));
  out_.store({std::move(*change->row)}, out_.done_when_stored(id, std::move(outcome)));
}

void Streams::accept(Instant now, const StreamKey& key) {
  inbound_.accept(now, key);
  messages_.stream_changed(key);
  settle(now);
}

void Streams::refuse(Instant now, const StreamKey& key, service::OpenStatus status,
                     std::string_view detail) {
  inbound_.refuse(now, key, status, detail);
  messages_.stream_changed(key);
  settle(now);
}

void Streams::stop(Instant now) {
  outbound_.give_up_all();
  while (!sessions_.empty()) {
    const auto session = sessions_.begin()->first;
    inbound_.session_down(session);
    outbound_.session_down(now, session);
    messages_.session_down(session);
    sessions_.erase(session);
  }
}

void Streams::settle(Instant now) {
  offering_.turn_terms(asked(now));
  if (offering_.take_change()) {
    inbound_.rules_changed(now, asked(now));
    asking_.rules_changed(asked(now));
    for (const auto& [session, member] : sessions_)
      if (member.open) say_services(now, session, member.node);
  }
  if (!offering_.sweep(now)) return;
  for (const auto& [session, member] : sessions_)
    if (member.open) say_services(now, session, member.node);
}

service::Decision Streams::decide(Instant now, const NodeId& caller,
                                  const std::string& service) const {
  auto from = asked(now);
  if (const auto session = members_.session(caller)) from.at = members_.place(*session);
  return offering_.decide(caller, service, from);
}

void Streams::tell_offers() {
  while (const auto node = offers_.poll_changed())
    out_.event(ServicesChanged{*node, members_.label(*node)});
}

void Streams::say_services(Instant now, session::SessionId session, const NodeId& caller) {
  auto from = asked(now);
  from.at = members_.place(session);
  put(Say{session, encode(ServicesAre{0, offering_.lines_for(now, caller, from)}), kServices});
}

}  // namespace weft::overlay
