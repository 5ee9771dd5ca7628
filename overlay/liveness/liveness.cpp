#include "overlay/liveness/liveness.hpp"

#include <algorithm>
#include <utility>

#include "base/wire.hpp"
#include "overlay/journal/journal.hpp"
#include "overlay/links/links.hpp"
#include "overlay/peers/peer_table.hpp"
#include "overlay/streams/codes.hpp"

namespace weft::overlay {

namespace {

constexpr std::uint64_t kPacketType = 17;
constexpr std::uint8_t kChannel = 2;
constexpr TypeRange kControls[] = {{17, 31}};
constexpr std::uint8_t kChannels[] = {kChannel};
constexpr Table kTables[] = {Table::Setting};
constexpr std::string_view kIncarnation = "incarnation";  // key; value: u64 big-endian
constexpr std::size_t kMaxElements = 8;                   // of the control message

Bytes frame_of(ByteView packet) {
  wire::Writer out;
  out.array(2).uint(kPacketType).bin(packet);
  Bytes frame;
  append_be(frame, static_cast<std::uint16_t>(out.bytes().size()));
  append(frame, out.bytes());
  return frame;
}

// What belongs to a comparison: it may be much, and need not be soon.
bool may_be_long(membership::PacketType type) { return type >= membership::PacketType::Compare; }

}  // namespace

Interests Liveness::interests() const {
  return {.controls = kControls, .channels = kChannels, .tables = kTables};
}

Result<void> Liveness::load(const Row& row) {
  // Lost or unreadable it is learned again from others.
  if (text_of(row.key) == kIncarnation && row.value && row.value->size() == 8)
    stored_ = read_be<std::uint64_t>(*row.value);
  return {};
}

void Liveness::begin(Instant now) {
  membership::SwimSetup setup;
  setup.self = beside_.self();
  setup.identity = beside_.config.identity.public_key();
  setup.network = beside_.network();
  setup.stored = stored_;
  const membership::Sessions& sessions = *this;
  swim_.emplace(now, setup, notary_, sessions, beside_.rng);
  tell_members(now);
  tell_self(now);
  carry(now);
}

// ---- what it is told ----------------------------------------------------------------------------

void Liveness::tell_members(Instant now) {
  std::vector<membership::Table::Roster> members;
  const auto& all = beside_.roster.state().members();
  members.reserve(all.size());
  // Who is out has nobody to ask.
  if (all.contains(beside_.self()))
    for (const auto& [id, member] : all) members.push_back({id, member.identity});
  swim_->set_members(now, std::move(members));
}

void Liveness::tell_self(Instant now) {
  membership::Self self;
  self.addresses = udp_addresses(beside_.own_places());
  self.key = credential_.current().certificate;
  swim_->set_self(now, std::move(self));
  // A head that a crash could still undo is not told.
  const auto head = beside_.roster.head();
  membership::RosterMark mark;
  if (!beside_.journal.roster_unstored(beside_.network()))
    mark = {head.seq, read_be<std::uint32_t>(ByteView(head.hash))};
  swim_->set_mark(mark);
}

void Liveness::handle_roster(Instant now, const RosterNews&) {
  if (!swim_) return;
  tell_members(now);
  tell_self(now);
  carry(now);
}

void Liveness::handle_session(Instant now, const SessionNews& news) {
  if (!swim_) return;
  if (const auto* open = std::get_if<LinkOpen>(&news)) {
    if (const auto* up = beside_.links.find(open->session)) swim_->session_up(now, up->peer);
  } else if (const auto* down = std::get_if<session::SessionDown>(&news)) {
    const Peer* peer = beside_.peers.find(down->peer);
    if (down->was_up && (peer == nullptr || !peer->is_up())) swim_->session_down(now, down->peer);
  }
  carry(now);
}

Result<void> Liveness::handle_control(Instant now, const ControlIn& in) {
  if (in.type != kPacketType || !swim_) return {};
  auto reader = wire::Reader::lenient(in.body);
  WEFT_TRY(const auto elements, reader.array(kMaxElements));
  if (elements < 2) return fail(Errc::Malformed, "membership: no packet");
  WEFT_CHECK(reader.skip());
  WEFT_TRY(const auto packet, reader.bin(membership::kMaxPacket));
  swim_->handle_packet(now, in.from.peer, packet, true);
  carry(now);
  return {};
}

void Liveness::handle_sealed(Instant now, const SealedIn& in) {
  if (!swim_ || in.channel != kChannel) return;
  swim_->handle_packet(now, in.from, in.body, false);
  carry(now);
}

void Liveness::handle_timeout(Instant now) {
  const auto due = poll_timeout();
  if (!due || *due > now) return;
  tell_self(now);
  swim_->handle_timeout(now);
  carry(now);
}

std::optional<Instant> Liveness::poll_timeout() const {
  // Alone there is nobody to ask.
  if (!swim_ || leaving_ || swim_->table().size() == 0) return std::nullopt;
  return swim_->poll_timeout();
}

void Liveness::leave(Instant now) {
  if (!swim_) return;
  leaving_ = true;
  swim_->leave(now);
  carry(now);
}

std::optional<membership::Sessions::Seen> Liveness::with(const NodeId& node) const {
  const Peer* peer = beside_.peers.find(node);
  if (peer == nullptr || !peer->preferred) return std::nullopt;
  const auto info = beside_.sessions.info(*peer->preferred);
  if (!info) return std::nullopt;
  return Seen{info->heard, info->smoothed_rtt};
}

// ---- what it asks for ---------------------------------------------------------------------------

void Liveness::carry(Instant now) {
  while (auto output = swim_->poll_output())
    std::visit([&](auto& one) { carry(now, one); }, *output);
}

void Liveness::carry(Instant, membership::Send& send) {
  const Peer* peer = beside_.peers.find(send.to);
  if (peer == nullptr) return;
  const bool linked = peer->preferred && beside_.links.is_open(*peer->preferred);
  if (!linked || leaving_ || !may_be_long(send.type)) {
    put(Seal{send.to, kChannel, std::move(send.packet)});
  } else if (!beside_.links.busy(*peer->preferred, Room::Membership)) {
    put(Say{*peer->preferred, frame_of(send.packet)});
  }
}

void Liveness::carry(Instant now, const membership::StateChanged& changed) {
  put(OverlayEvent(MemberStateChanged{changed.node, label(changed.node), changed.state, changed.was,
                                      changed.incarnation}));
  if (changed.state != membership::State::Left) return;
  const Peer* peer = beside_.peers.find(changed.node);
  if (peer == nullptr) return;
  for (const auto& session : std::vector(peer->sessions))
    beside_.sessions.close(now, session.id, kCodeDone, "it has left");
}

void Liveness::carry(Instant, const membership::Spoke& spoke) {
  const auto* member = beside_.roster.member(spoke.node);
  const Peer* peer = beside_.peers.find(spoke.node);
  if (member == nullptr || peer == nullptr) return;
  Learned learned{spoke.node, std::nullopt, udp_endpoints(spoke.addresses), true,
                  discovery::Source::Record};
  const auto known = [&](const Endpoint& endpoint) {
    return std::ranges::find(peer->endpoints, endpoint) != peer->endpoints.end();
  };
  bool news = !std::ranges::all_of(learned.endpoints, known);
  if (spoke.key && (!peer->certificate || peer->certificate->epoch < spoke.key->epoch)) {
    Certificate certificate = *spoke.key;
    certificate.network = beside_.network();
    certificate.identity = member->identity;
    if (const auto genuine = Certificate::decode(certificate.encode())) {
      learned.certificate = *genuine;
      news = true;
    }
  }
  if (news) put(std::move(learned));
}

void Liveness::carry(Instant, const membership::Behind& behind) {
  const Peer* peer = beside_.peers.find(behind.node);
  // With a session it has said so already (sync/), and its entries are on their way.
  if (peer != nullptr && !peer->is_up()) put(Want{behind.node, true});
}

void Liveness::carry(Instant, const membership::Reserve& reserve) {
  Bytes value;
  append_be(value, reserve.incarnation);
  store({{Table::Setting, beside_.network(), to_bytes(bytes_of(kIncarnation)), std::move(value)}});
}

// ---- views --------------------------------------------------------------------------------------

void Liveness::complete(std::vector<MemberView>& views) const {
  if (!swim_) return;
  for (auto& view : views) {
    if (view.id == beside_.self()) {
      view.presence = membership::State::Alive;
      view.incarnation = swim_->incarnation();
      continue;
    }
    const auto* member = swim_->table().find(view.id);
    if (member == nullptr) continue;
    view.presence = member->state;
    view.incarnation = member->incarnation;
    if (member->since) view.presence_since = wall(*member->since);
    const bool gone = !member->present() && member->state != membership::State::Unknown;
    // A session with it may still wait for its end.
    if (gone) view.rtt.reset();
    if (!view.rtt && member->present()) view.rtt = member->rtt.smoothed;
  }
}

}  // namespace weft::overlay
