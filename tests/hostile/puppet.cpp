#include "tests/hostile/puppet.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "overlay/service/stream_open.hpp"

namespace weft::overlay::testing {

namespace {

constexpr Duration kTick = 20ms;
constexpr Duration kRedial = 200ms;
constexpr std::size_t kRemembered = 64;
constexpr std::size_t kMaxHeld = 256u << 10;  // control bytes waiting for a victim

}  // namespace

Puppet::Puppet(const Node& node, const NetworkKeys& network, roster::Roster held,
               std::uint64_t seed)
    : roster(std::move(held)),
      identity(node.identity),
      person(node.person),
      rng(seed),
      network_(network),
      base_(node.endpoint) {
  add_face(identity, base_);
}

void Puppet::add_face(const Identity& who, const Endpoint& endpoint) {
  Face& face = faces_.emplace_back(endpoint, who);
  session::NetworkContext context;
  context.id = network_.network;
  context.secret = network_.secret;
  context.credential.key = crypto::X25519KeyPair::generate(rng);
  context.credential.certificate = Certificate::issue(
      who, network_.network, context.credential.key.public_key, kEpoch + 1000, kEpoch);
  context.accept_joiners = true;
  face.layer = std::make_unique<session::SessionLayer>(face.identity, trust_, rng, paths_,
                                                       WallClock{Instant{}, kEpoch});
  face.layer->set_network(context);
}

void Puppet::aim_at(const Node& node, bool senior) {
  Victim victim;
  victim.name = node.name;
  victim.id = node.identity.id;
  victim.identity = node.identity.public_key();
  victim.endpoint = node.endpoint;
  victim.senior = senior;
  victims.push_back(std::move(victim));
}

Puppet::Victim* Puppet::victim_of(session::SessionId session) {
  const auto at = std::ranges::find_if(
      victims, [&](const Victim& victim) { return victim.session == session; });
  return at == victims.end() ? nullptr : &*at;
}

// ---- what it does -------------------------------------------------------------------------------

void Puppet::say(Instant now, Victim& victim, const ControlMessage& message) {
  say_raw(now, victim, encode(message));
}

void Puppet::say_raw(Instant now, Victim& victim, ByteView bytes) {
  if (!victim.session || victim.outbox.size() + bytes.size() > kMaxHeld) return;
  append(victim.outbox, bytes);
  flush(now, victim);
}

void Puppet::flush(Instant now, Victim& victim) {
  if (!victim.session || !victim.control || victim.outbox.empty()) return;
  const auto taken = layer().write(now, *victim.session, *victim.control, victim.outbox);
  victim.outbox.erase(victim.outbox.begin(),
                      victim.outbox.begin() + static_cast<std::ptrdiff_t>(taken));
}

void Puppet::open(Instant now, Victim& victim, const std::string& service, std::size_t bytes) {
  if (!victim.session) return;
  const auto stream = layer().open_stream(now, *victim.session);
  if (!stream) return;
  const auto request = service::StreamRequest{service::StreamKind::Service, service}.encode();
  layer().write(now, *victim.session, *stream, request);
  if (bytes > 0) layer().write(now, *victim.session, *stream, Bytes(bytes, 'x'));
  victim.streams.push_back(*stream);
}

void Puppet::reset_streams(Instant now, Victim& victim) {
  for (const auto stream : victim.streams)
    if (victim.session) layer().reset(now, *victim.session, stream, 16);
  victim.streams.clear();
}

void Puppet::hang_up(Instant now, Victim& victim) {
  if (victim.session) layer().close(now, *victim.session, 0, "bored");
}

void Puppet::knock(Instant now, Victim& victim) {
  if (faces_.size() >= kMaxFaces) return;
  add_face(Identity::generate(rng),
           Endpoint::v4(0x0a640001 + static_cast<std::uint32_t>(faces_.size()), 5000));
  session::DialTarget target;
  target.network = network_.network;
  target.identity = victim.identity;
  target.endpoint = victim.endpoint;
  target.join = true;
  (void)faces_.back().layer->dial(now, target);
}

void Puppet::send_as(int face, const Endpoint& to, Bytes bytes) {
  if (loose_.size() < 4096) loose_.emplace_back(face, std::pair{to, std::move(bytes)});
}

Bytes Puppet::forge(const roster::Body& body) {
  const auto entry = roster::Entry::sign(identity.key, network_.network, roster.head(),
                                         roster::kind_of(body), roster::pack(body), kEpoch);
  (void)roster.append(entry);
  return entry.encode();
}

Bytes Puppet::forge_unknown_kind() {
  return roster::Entry::sign(identity.key, network_.network, roster.head(),
                             static_cast<roster::Kind>(99), Bytes{0x90}, kEpoch, true)
      .encode();
}

// ---- Guest --------------------------------------------------------------------------------------

std::optional<int> Puppet::face_at(const Endpoint& endpoint) const {
  for (std::size_t i = 0; i < faces_.size(); ++i)
    if (faces_[i].endpoint == endpoint) return static_cast<int>(i);
  return std::nullopt;
}

void Puppet::handle_datagram(Instant now, int face, const Datagram& datagram) {
  heard.emplace_back(datagram.from, to_bytes(datagram.payload));
  if (heard.size() > kRemembered) heard.pop_front();
  if (deaf || datagram.payload.empty() || datagram.payload[0] < 0x40) return;
  faces_[static_cast<std::size_t>(face)].layer->handle_datagram(now, datagram);
  settle(now);
}

void Puppet::handle_timeout(Instant now) {
  for (auto& face : faces_) face.layer->handle_timeout(now);
  settle(now);
  for (auto& victim : victims) {
    flush(now, victim);
    if (dials && !victim.session && !victim.dialling && now >= victim.next_dial) dial(now, victim);
  }
  if (now < next_tick_) return;
  next_tick_ = now + kTick;
  if (misdeed) misdeed(now, *this);
}

void Puppet::dial(Instant now, Victim& victim) {
  session::DialTarget target;
  target.network = network_.network;
  target.identity = victim.identity;
  target.endpoint = victim.endpoint;
  victim.next_dial = now + kRedial;
  if (const auto session = layer().dial(now, target)) victim.dialling = *session;
}

std::optional<Guest::Sent> Puppet::poll_transmit(Instant now, MutableByteView out) {
  if (!loose_.empty()) {
    const auto [face, datagram] = std::move(loose_.front());
    loose_.pop_front();
    std::ranges::copy(datagram.second, out.begin());
    return Sent{faces_[static_cast<std::size_t>(face) % faces_.size()].endpoint,
                Transmit{PathId::Udp, datagram.first, datagram.second.size(), 0, Ecn::NotEct}};
  }
  for (auto& face : faces_)
    while (const auto transmit = face.layer->poll_transmit(now, out)) {
      const std::size_t first = transmit->segment_size ? transmit->segment_size : transmit->size;
      sent.emplace_back(transmit->to,
                        to_bytes(ByteView(out).first(std::min(first, transmit->size))));
      if (sent.size() > kRemembered) sent.pop_front();
      if (!mute) return Sent{face.endpoint, *transmit};
    }
  return std::nullopt;
}

std::optional<Instant> Puppet::poll_timeout() const {
  std::optional<Instant> next = next_tick_;
  for (const auto& face : faces_)
    if (const auto at = face.layer->poll_timeout(); at && *at < *next) next = at;
  return next;
}

// ---- session events -----------------------------------------------------------------------------

void Puppet::settle(Instant now) {
  for (auto& face : faces_)
    while (const auto event = face.layer->poll_event()) {
      if (&face != &faces_[0]) continue;
      if (const auto* up = std::get_if<session::SessionUp>(&*event)) {
        on_up(now, *up);
      } else if (const auto* down = std::get_if<session::SessionDown>(&*event)) {
        for (auto& victim : victims) {
          if (victim.dialling == down->session) victim.dialling.reset();
          if (victim.session != down->session) continue;
          victim.session.reset();
          victim.control.reset();
          victim.outbox.clear();
          victim.streams.clear();
        }
      } else if (const auto* opened = std::get_if<session::StreamOpened>(&*event)) {
        Victim* victim = victim_of(opened->session);
        if (victim != nullptr && !victim->control) victim->control = opened->stream;
      } else if (const auto* readable = std::get_if<session::StreamReadable>(&*event)) {
        on_readable(now, *readable);
      }
    }
}

void Puppet::on_up(Instant now, const session::SessionUp& up) {
  const auto at = std::ranges::find(victims, up.peer, &Victim::id);
  if (at == victims.end()) return;
  Victim& victim = *at;
  if (victim.dialling == up.session) victim.dialling.reset();
  victim.session = up.session;
  victim.control.reset();
  victim.outbox.clear();
  victim.streams.clear();
  ++victim.ups;
  if (!up.initiator) return;
  const auto stream = layer().open_stream(now, up.session);
  if (!stream) return;
  victim.control = *stream;
  victim.outbox = service::StreamRequest{service::StreamKind::Control, {}}.encode();
  Hello hello;
  hello.instance = rng.bytes<8>();
  hello.software = "weft test";
  hello.endpoints = {base_};
  append(victim.outbox, encode(hello));
  flush(now, victim);
}

void Puppet::on_readable(Instant now, const session::StreamReadable& event) {
  Victim* victim = victim_of(event.session);
  if (victim == nullptr || !reads) return;
  const auto stream = std::ranges::find(victim->streams, event.stream);
  if (stream != victim->streams.end()) {  // what it reads first is the answer
    const auto answer = service::parse_response(layer().readable(event.session, event.stream));
    if (answer && *answer) {
      victim->served += (*answer)->message.status == service::OpenStatus::Ok;
      victim->streams.erase(stream);
    }
  }
  for (auto view = layer().readable(event.session, event.stream); !view.empty();
       view = layer().readable(event.session, event.stream))
    layer().consume(now, event.session, event.stream, view.size());
}

}  // namespace weft::overlay::testing
