#include "overlay/overlay.hpp"

#include <algorithm>
#include <utility>

#include "base/sealed.hpp"
#include "overlay/overlay_impl.hpp"
#include "overlay/relay/frame.hpp"
#include "overlay/streams/codes.hpp"

namespace weft::overlay {

namespace {

constexpr std::uint64_t kRekey = 12;       // a control type of the sessions themselves
constexpr std::uint8_t kQuicBit = 0x40;    // the first byte of every packet of a session
constexpr std::uint8_t kLastStunByte = 3;  // RFC 7983

enum class Kind : std::uint8_t { Session, Sealed, Relayed, Stun, None };

Kind kind_of(ByteView datagram) {
  const std::uint8_t first = datagram.empty() ? std::uint8_t{0} : datagram[0];
  if (first >= kQuicBit) return Kind::Session;
  if (first == sealed::kFirstByte) return Kind::Sealed;
  if (first <= kLastStunByte && !datagram.empty()) return Kind::Stun;
  return first == relay::kFirstByte ? Kind::Relayed : Kind::None;
}

}  // namespace

// ---- construction -------------------------------------------------------------------------------

Overlay::Impl::Impl(Instant now, WallClock wall, OverlayConfig overlay_config, Rng& random)
    : config(std::move(overlay_config)),
      rng(random),
      clock(wall),
      relaying(random, paths),
      sessions(config.identity, trust, random, paths, wall, config.session_limits),
      links(sessions),
      stream_io(sessions),
      openings(stream_io),
      instance(random.bytes<8>()),
      shared{config, clock,        rng,       sessions, links,    journal, relaying,
             events, last_command, last_door, casts,    instance, now},
      joiner(config, clock, rng, sessions, instance, last_command, relaying.circuits),
      latest(now) {}

Overlay::Overlay(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Overlay::~Overlay() = default;

Result<std::unique_ptr<Overlay>> Overlay::load(Instant now, WallClock clock, OverlayConfig config,
                                               std::vector<Row> stored, Rng& rng) {
  auto impl = std::make_unique<Impl>(now, clock, std::move(config), rng);
  WEFT_CHECK(impl->load_rows(now, std::move(stored)));
  impl->settle(now);
  return std::unique_ptr<Overlay>(new Overlay(std::move(impl)));
}

// ---- the core's shape ---------------------------------------------------------------------------

// What came together from one sender may be of several kinds: packets of its session, and what it
// relays. Each stretch of one kind goes on as a run.
void Overlay::handle_datagram(Instant now, const Datagram& datagram) {
  if (!datagram.is_run()) return impl_->handle_one_kind(now, datagram);
  const ByteView all = datagram.payload;
  for (std::size_t at = 0; at < all.size();) {
    const Kind kind = kind_of(all.subspan(at));
    std::size_t end = at + datagram.segment_size;
    while (end < all.size() && kind_of(all.subspan(end)) == kind) end += datagram.segment_size;
    Datagram run = datagram;
    run.payload = all.subspan(at, std::min(end, all.size()) - at);
    impl_->handle_one_kind(now, run);
    at = end;
  }
}

void Overlay::Impl::handle_one_kind(Instant now, const Datagram& run) {
  switch (kind_of(run.payload)) {
    case Kind::Session:
      sessions.handle_datagram(now, run);
      unsettled = now;
      return;
    case Kind::Sealed:
      return handle_sealed(now, run);
    case Kind::Relayed:
      return handle_frames(now, run);
    case Kind::Stun:
      return for_each_datagram(run, [&](const Datagram& one) { handle_stun(now, one); });
    case Kind::None:
      ++counters.no_such_first_byte;
      return;
  }
}

// Of two nodes that relay for each other, one run may hold frames of both roles.
void Overlay::Impl::handle_frames(Instant now, const Datagram& run) {
  const auto& forwarder = relaying.server.forwarder();
  if (!run.is_run() || relaying.circuits.size() == 0 || forwarder.labels() == 0)
    return handle_stretch(now, run);
  const ByteView all = run.payload;
  for (std::size_t at = 0; at < all.size();) {
    const bool ours = forwarder.owns(all.subspan(at));
    std::size_t end = at + run.segment_size;
    while (end < all.size() && forwarder.owns(all.subspan(end)) == ours) end += run.segment_size;
    Datagram stretch = run;
    stretch.payload = all.subspan(at, std::min(end, all.size()) - at);
    handle_stretch(now, stretch);
    at = end;
  }
}

void Overlay::Impl::handle_stretch(Instant now, const Datagram& run) {
  if (relaying.server.forwarder().handle_datagram(now, run)) return;
  const bool ours = relaying.circuits.unwrap(now, run, [&](Instant at, const Datagram& inner) {
    if (kind_of(inner.payload) == Kind::Session)
      sessions.handle_datagram(at, inner);
    else
      ++counters.no_such_first_byte;
  });
  if (ours)
    unsettled = now;
  else
    ++counters.relay_unclaimed;
}

void Overlay::Impl::handle_sealed(Instant now, const Datagram& run) {
  std::vector<post::PostOffice*> offices;
  for (const auto& [id, network] : networks) offices.push_back(&network->mail().office());
  if (offices.empty()) {
    ++counters.sealed_unclaimed;
    return;
  }
  for_each_datagram(run, [&](const Datagram& datagram) {
    const auto* office = post::addressee(offices, datagram.payload);
    for (const auto& [id, network] : networks)
      if (&network->mail().office() == office) network->handle_sealed(now, datagram);
  });
  unsettled = now;
}

std::optional<Transmit> Overlay::Impl::poll_post(MutableByteView out) {
  if (auto transmit = poll_cast(out)) return transmit;
  for (const auto& [id, network] : networks)
    if (auto transmit = network->poll_transmit(paths, out)) return transmit;
  return std::nullopt;
}

void Overlay::hear_beacon(Instant now, ByteView datagram, const Endpoint& from) {
  for (const auto& [id, network] : impl_->networks)
    network->mail().handle_beacon(now, datagram, from);
  impl_->settle(now);
}

void Overlay::came_back(Instant now) {
  for (const auto& [id, network] : impl_->networks) network->mail().came_back(now);
  impl_->settle(now);
}

void Overlay::handle_timeout(Instant now) {
  impl_->sessions.handle_timeout(now);
  impl_->relaying.server.handle_timeout(now);
  impl_->relaying.circuits.handle_timeout(now);
  while (const auto path = impl_->relaying.circuits.poll_suspect())
    for (const auto& [id, network] : impl_->networks) network->relaying().suspect(now, *path);
  for (const auto& [id, network] : impl_->networks) network->handle_timeout(now);
  impl_->joiner.handle_timeout(now);
  impl_->journal.handle_timeout(now);
  impl_->settle(now);
}

std::optional<Transmit> Overlay::poll_transmit(Instant now, MutableByteView out) {
  // Others' frames first: they wait for nobody, and are never more than what just came. Then in
  // turns: neither a download nor a burst of the post holds up the other.
  if (auto frames = impl_->relaying.server.forwarder().poll_transmit(out)) return frames;
  impl_->post_goes = !impl_->post_goes;
  if (impl_->post_goes)
    if (auto transmit = impl_->poll_post(out)) return transmit;
  while (auto transmit = impl_->sessions.poll_transmit(now, out))
    if (transmit->headroom == 0 || impl_->relaying.circuits.wrap(now, *transmit, out))
      return transmit;
  impl_->settle(now);
  return impl_->poll_post(out);
}

std::optional<OverlayEvent> Overlay::poll_event() {
  if (impl_->unsettled) impl_->settle(*impl_->unsettled);
  if (impl_->events.empty()) impl_->settle(impl_->latest);
  if (impl_->events.empty()) return std::nullopt;
  OverlayEvent event = std::move(impl_->events.front());
  impl_->events.pop_front();
  return event;
}

std::optional<Instant> Overlay::poll_timeout() const {
  std::optional<Instant> earliest = impl_->sessions.poll_timeout();
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!earliest || *at < *earliest)) earliest = at;
  };
  for (const auto& [id, network] : impl_->networks) consider(network->poll_timeout());
  consider(impl_->relaying.server.poll_timeout());
  consider(impl_->relaying.circuits.poll_timeout());
  consider(impl_->joiner.poll_timeout());
  consider(impl_->journal.poll_timeout());
  return earliest;
}

void Overlay::persisted(Instant now, std::uint64_t persist_id, Result<void> result) {
  const auto settled = impl_->journal.persisted(now, persist_id, result);
  if (!settled) return;
  if (!result) impl_->events.push_back(StoreChanged{result.error().detail});
  if (settled->then) settled->then(now, settled->result);
  impl_->settle(now);
  for (const auto& id : settled->whole)
    if (Network* network = find(id); network != nullptr && !impl_->journal.roster_unstored(id))
      network->roster_stored(now);
  impl_->settle(now);
}

// ---- carrying -----------------------------------------------------------------------------------

void Overlay::settle(Instant now) { impl_->settle(now); }
CommandId Overlay::next_command() { return ++impl_->last_command; }

void Overlay::Impl::settle(Instant now) {
  unsettled.reset();
  if (now > latest) latest = now;
  while (settle_once(now)) {
  }
  const bool had_trouble = std::exchange(store_troubled, journal.trouble().has_value());
  if (had_trouble && !store_troubled) events.push_back(StoreChanged{});
  if (auto row = relaying.poll_row(now, clock.at(now))) store({}, {std::move(*row)});
  while (auto batch = journal.poll_persist()) events.push_back(PersistRequest{std::move(*batch)});
}

bool Overlay::Impl::hear_sessions(Instant now) {
  bool any = false;
  while (auto event = sessions.poll_event()) {
    std::visit([&](const auto& e) { on(now, e); }, *event);
    any = true;
  }
  return any;
}

bool Overlay::Impl::settle_once(Instant now) {
  bool any = hear_sessions(now);
  for (const auto& [id, network] : networks) any = network->drain(now) || any;
  for (const auto& network : retired) any = network->drain(now) || any;
  std::erase_if(retired, [&](const auto& network) { return !journal.awaited(network->id()); });
  while (auto output = joiner.poll_output()) {
    carry(now, std::move(*output));
    any = true;
  }
  while (const auto room = links.poll_room()) {
    if (Network* network = network_of(room->second.session))
      network->handle_room(now, room->first, room->second);
    any = true;
  }
  if (const auto left = std::ranges::find_if(
          networks, [&](const auto& entry) { return entry.second->members().gone(); });
      left != networks.end() && networks.size() > 1) {
    forget(now, NetworkId(left->first));
    any = true;
  }
  return any;
}

Network* Overlay::Impl::network_of(SessionId session) {
  const auto* up = links.find(session);
  const auto at = up == nullptr ? networks.end() : networks.find(up->network);
  return at == networks.end() ? nullptr : at->second.get();
}

void Overlay::Impl::news(Instant now, const NetworkId& network, SessionId session,
                         const SessionNews& news) {
  if (joiner.owns(session)) return joiner.handle_session(now, news);
  if (const auto at = networks.find(network); at != networks.end())
    at->second->handle_session(now, news);
}

void Overlay::Impl::on(Instant now, const session::SessionUp& e) {
  const bool open = links.add(now, e);
  news(now, e.network, e.session, e);
  if (open && e.initiator) link_open(now, e);
}

void Overlay::Impl::link_open(Instant now, const session::SessionUp& up) {
  news(now, up.network, up.session, LinkOpen{up.session});
}

void Overlay::Impl::on(Instant now, const session::SessionDown& e) {
  openings.session_down(e.session);
  const auto* up = links.find(e.session);
  if (joiner.owns(e.session)) {
    joiner.handle_session(now, e);
  } else if (up != nullptr) {
    news(now, NetworkId(up->network), e.session, e);
  } else {  // a dial that never came up: its network knows it
    for (const auto& [id, network] : networks) network->handle_session(now, e);
  }
  // Of a network that is gone nobody else says so.
  relaying.server.leave(now, e.session);
  relaying.circuits.leave(e.session);
  links.remove(e.session);
}

template <class Other>
void Overlay::Impl::on(Instant now, const Other& e) {
  if constexpr (requires { e.network; }) {
    news(now, e.network, e.session, e);
  } else if (Network* network = network_of(e.session)) {
    if constexpr (std::is_same_v<Other, session::RemoteMoved> ||
                  std::is_same_v<Other, session::SilenceChanged>)
      network->handle_session(now, e);
    else
      std::ignore = network->handle_stream(now, e);
  }
}

void Overlay::Impl::on(Instant now, const session::RekeySend& e) {
  links.say(now, Room::Links, Say{e.session, encode(Rekey{e.message})});
}

// ---- streams ------------------------------------------------------------------------------------

void Overlay::Impl::on(Instant now, const session::StreamOpened& e) {
  const auto* up = links.find(e.session);
  if (up == nullptr) return sessions.reset(now, e.session, e.stream, kCodeProtocol);
  // A joiner needs one stream; nobody needs many that ask for nothing.
  if ((up->joining && links.is_open(e.session)) ||
      !openings.opened({e.session, e.stream}, up->joining))
    sessions.close(now, e.session, kCodeProtocol, "streams that ask for nothing");
}

void Overlay::Impl::on(Instant now, const session::StreamReadable& e) {
  const StreamKey key{e.session, e.stream};
  if (links.is_control(e.session, e.stream)) return hear(now, e.session);
  if (openings.contains(key)) return request_arrived(now, key);
  if (Network* network = network_of(e.session)) std::ignore = network->handle_stream(now, e);
}

void Overlay::Impl::request_arrived(Instant now, const StreamKey& key) {
  const auto kind = openings.readable(now, key);
  const auto* up = links.find(key.session);
  if (!kind || up == nullptr) return;
  if (*kind == static_cast<std::uint64_t>(service::StreamKind::Control) &&
      links.may_open(key.session)) {
    const auto request = service::parse_request(sessions.readable(key.session, key.stream));
    sessions.consume(now, key.session, key.stream, (*request)->consumed);
    links.open(key.session, key.stream);
    link_open(now, session::SessionUp(*up));
    return hear(now, key.session);
  }
  Network* network = up->joining ? nullptr : network_of(key.session);
  if (network != nullptr && network->open_stream(now, *kind, {key, up->peer})) return;
  ++counters.streams_unclaimed;
  sessions.reset(now, key.session, key.stream, kCodeProtocol);
}

void Overlay::Impl::on(Instant now, const session::StreamWritable& e) {
  if (links.is_control(e.session, e.stream)) return links.flush(now, e.session);
  if (Network* network = network_of(e.session)) std::ignore = network->handle_stream(now, e);
}

void Overlay::Impl::on(Instant now, const session::StreamReset& e) {
  if (links.is_control(e.session, e.stream))
    return sessions.close(now, e.session, kCodeProtocol, "the control stream was reset");
  if (openings.contains({e.session, e.stream}))
    return sessions.reset(now, e.session, e.stream, e.code);
  if (Network* network = network_of(e.session)) std::ignore = network->handle_stream(now, e);
}

void Overlay::Impl::on(Instant now, const session::StreamClosed& e) {
  if (openings.ended({e.session, e.stream})) return;
  if (Network* network = network_of(e.session)) std::ignore = network->handle_stream(now, e);
}

// ---- the control stream -------------------------------------------------------------------------

void Overlay::Impl::hear(Instant now, SessionId session) {
  using What = Links::Heard::What;
  for (;;) {
    const auto* link = links.find(session);
    if (link == nullptr) return;
    const session::SessionUp up = *link;
    const auto next = links.hear(now, session);
    if (next.what == What::Flood) {
      const auto name = trust.name_of(up.network, up.peer).value_or(short_text(up.peer));
      events.push_back(
          Notice{Notice::Level::Warning, name + " sends more control messages than anybody needs"});
    }
    if (next.what != What::Message) return;
    if (!heard(now, up, next.body)) return links.malformed(now, session);
  }
}

Result<void> Overlay::Impl::heard(Instant now, const session::SessionUp& from, ByteView body) {
  WEFT_TRY(const auto type, control_type(body));
  if (type == kRekey) {
    WEFT_TRY(const auto message, decode_control(body));
    if (const auto* rekey = std::get_if<Rekey>(&message))
      sessions.handle_rekey(now, from.session, rekey->message);
    return {};
  }
  const ControlIn in{from, type, body};
  if (joiner.owns(from.session)) {
    WEFT_CHECK(joiner.handle_control(now, in));
  } else if (const auto at = networks.find(from.network); at != networks.end()) {
    WEFT_CHECK(at->second->handle_control(now, in));
    at->second->drain(now);
  }
  return {};
}

}  // namespace weft::overlay
