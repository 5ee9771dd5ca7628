#include "overlay/network.hpp"

#include <algorithm>

namespace weft::overlay {

namespace {

constexpr std::uint64_t kRosterGet = 5;
// Datagrams of no session that wait to be sent; beyond it they are lost, as the net loses them.
constexpr std::size_t kMostCasts = 1024;

std::optional<SessionId> session_of(const SessionNews& news) {
  return std::visit(
      [](const auto& e) -> std::optional<SessionId> {
        if constexpr (requires { e.session; })
          return e.session;
        else
          return std::nullopt;
      },
      news);
}

bool of_roster(const Row& row) { return row.table == Table::Roster || row.table == Table::Epoch; }

}  // namespace

Network::Network(const Shared& shared, roster::Roster roster)
    : shared_(shared),
      roster_(std::move(roster)),
      table_(shared.config.identity.id, shared.sessions),
      beside_{shared.config,    shared.clock, shared.rng,     shared.sessions, roster_,
              table_,           shared.links, shared.journal, shared.instance, shared.last_command,
              shared.last_door, seen_at_,     through_},
      names_(shared.config.identity.id, roster_, table_, shared.sessions),
      credential_(beside_),
      peers_(beside_, table_, credential_),
      relaying_(beside_, table_, shared.relaying),
      carrying_(beside_),
      sync_(beside_, roster_),
      members_(beside_, sync_, names_, shared.born),
      inviter_(beside_, credential_, members_, sync_, relaying_),
      streams_(beside_),
      mail_(beside_, credential_, streams_.offering().registry()),
      liveness_(beside_, credential_),
      broker_(beside_),
      punch_(beside_) {
  seat(Room::Credential, credential_);
  seat(Room::Peers, peers_);
  seat(Room::Path, relaying_);
  seat(Room::Carrying, carrying_);
  seat(Room::Sync, sync_);
  seat(Room::Joining, inviter_);
  seat(Room::Members, members_);
  seat(Room::Streams, streams_);
  seat(Room::Post, mail_);
  seat(Room::Membership, liveness_);
  seat(Room::Broker, broker_);
  seat(Room::Path, punch_);
}

void Network::seat(Room room, Part& part) {
  parts_.push_back({room, &part, part.interests()});
  for (const auto& seated : parts_)  // they may have moved
    for (const auto& range : seated.interests.controls)
      for (auto type = range.first; type <= range.last && type < kControlTypes; ++type)
        by_control_[type] = &seated;
}

// ---- rows ---------------------------------------------------------------------------------------

Result<void> Network::load(const Row& row) {
  for (const auto& seat : parts_)
    if (std::ranges::find(seat.interests.tables, row.table) != seat.interests.tables.end())
      WEFT_CHECK(seat.part->load(row));
  note_rows({row});
  return {};
}

void Network::begin(Instant now, std::optional<StaticCredential> first) {
  credential_.begin(now, first);
  mail_.begin(now);
  inviter_.begin(now);
  sync_.begin(now);
  push_context(now);
  peers_.begin(now);
  liveness_.begin(now);
  punch_.addresses_changed(now);
  streams_.offering().look_at_all(now);
  broker_.begin(now);
  credential_.rotate_if_due(now);
}

void Network::note_rows(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    if (of_roster(row) || row.network != id()) continue;
    if (row.value)
      stored_.emplace(row.table, row.key);
    else
      stored_.erase({row.table, row.key});
  }
}

std::vector<Row> Network::trust_rows() const {
  auto rows = roster_.rows();
  std::ranges::move(credential_.rows(), std::back_inserter(rows));
  return rows;
}

std::vector<Row> Network::trust_rows_with(const StaticCredential& first) const {
  auto rows = roster_.rows();
  std::ranges::move(Credential::rows_of(id(), first, {}), std::back_inserter(rows));
  return rows;
}

std::vector<Row> Network::gone_rows(bool trust) const {
  std::set<std::pair<Table, Bytes>> keys;
  if (trust)
    for (auto& row : trust_rows()) keys.emplace(row.table, std::move(row.key));
  for (const auto& key : stored_)
    if (is_trust(key.first) == trust) keys.insert(key);
  std::vector<Row> rows;
  for (const auto& [table, key] : keys) rows.push_back({table, id(), key, std::nullopt});
  return rows;
}

// Rows of the old network go in the same commit: left behind, they would come back at the next
// start.
std::vector<Row> Network::adopt(const Network& other) {
  std::vector<Row> rows;
  for (const auto& door : other.streams_.doors().list()) {
    Bytes key;
    append_be(key, door.id);
    Row row{Table::Mapping, id(), std::move(key), door.encode()};
    if (streams_.load(row) && !door.once) rows.push_back(std::move(row));
  }
  for (auto& row : other.streams_.offering().registry().rows()) {
    row.network = id();
    if (streams_.load(row)) rows.push_back(std::move(row));
  }
  note_rows(rows);
  for (std::size_t i = rows.size(); i-- > 0;)
    rows.push_back({rows[i].table, other.id(), rows[i].key, std::nullopt});
  return rows;
}

bool Network::unused(Instant now) const {
  return roster_.members().size() == 1 && !is_out() &&
         !inviter_.tickets().open(shared_.clock.at(now));
}

// ---- inputs -------------------------------------------------------------------------------------

void Network::handle_session(Instant now, const SessionNews& news) {
  if (const auto* up = std::get_if<session::SessionUp>(&news); up != nullptr && up->joining)
    joiners_.insert(up->session);
  const auto session = session_of(news);
  const bool joiner = session && joiners_.contains(*session);
  for (const auto& seat : parts_)
    if (!joiner || seat.interests.joiners) seat.part->handle_session(now, news);
  if (std::holds_alternative<session::SessionDown>(news)) joiners_.erase(*session);
}

Result<void> Network::handle_control(Instant now, const ControlIn& in) {
  // Its session lasts for kJudgeDelay so that it can read why it was removed, and for nothing else.
  if (!in.from.joining && in.type != kRosterGet &&
      roster_.verdict(id(), in.from.peer, shared_.clock.at(now)) == Verdict::Removed)
    return {};
  const Seat* seat = in.type < kControlTypes ? by_control_[in.type] : nullptr;
  if (seat == nullptr) {
    shared_.links.unclaimed();
    return {};
  }
  if (in.from.joining && !seat->interests.joiners) return {};
  return seat->part->handle_control(now, in);
}

bool Network::handle_stream(Instant now, const StreamNews& news) {
  return std::ranges::any_of(parts_,
                             [&](const Seat& seat) { return seat.part->handle_stream(now, news); });
}

bool Network::open_stream(Instant now, std::uint64_t kind, const StreamIn& in) {
  for (const auto& seat : parts_)
    if (std::ranges::find(seat.interests.stream_kinds, kind) != seat.interests.stream_kinds.end())
      return seat.part->handle_stream(now, in);
  return false;
}

void Network::handle_room(Instant now, Room room, const LinkRoom& news) {
  for (const auto& seat : parts_)
    if (seat.room == room) seat.part->handle_session(now, news);
}

void Network::handle_sealed(Instant now, const Datagram& datagram) {
  const auto in = mail_.handle_datagram(now, datagram);
  if (!in) return;
  const auto wants = [&](const Seat& seat) {
    return std::ranges::find(seat.interests.channels, in->channel) != seat.interests.channels.end();
  };
  const auto seat = std::ranges::find_if(parts_, wants);
  if (seat == parts_.end())
    mail_.unclaimed();
  else
    seat->part->handle_sealed(now, *in);
}

void Network::handle_timeout(Instant now) {
  for (const auto& seat : parts_) seat.part->handle_timeout(now);
}

std::optional<Instant> Network::poll_timeout() const {
  std::optional<Instant> earliest;
  for (const auto& seat : parts_)
    if (const auto at = seat.part->poll_timeout(); at && (!earliest || *at < *earliest))
      earliest = at;
  return earliest;
}

void Network::clock_set() {
  credential_.clock_set();
  inviter_.clock_set();
  mail_.clock_set();
  streams_.clock_set();
}

// ---- outputs ------------------------------------------------------------------------------------

bool Network::drain(Instant now) {
  bool any = false;
  for (bool more = true; more;) {
    more = false;
    relaying_.settle(now);
    inviter_.settle(now);
    for (const auto& seat : parts_)
      while (auto output = seat.part->poll_output()) {
        carry(now, seat.room, std::move(*output));
        more = true;
      }
    members_.settle();
    mail_.look_at_services(now);
    broker_.look_at_services(now, streams_.offering().registry());
    push_context(now);
    any = any || more;
  }
  return any;
}

void Network::carry(Instant now, Room room, Output output) {
  struct Carry {
    Network& network;
    Instant now;
    Room room;

    void operator()(Say& say) { network.shared_.links.say(now, room, std::move(say)); }
    void operator()(SayAll& say) { network.shared_.links.say_all(now, room, network.id(), say); }
    void operator()(const Seal& seal) { network.mail_.send(now, seal); }
    void operator()(const Want& want) {
      network.peers_.want(now, want);
      network.relaying_.wanted(now, want.node);
      network.mail_.members_changed(now);
    }
    void operator()(const DialOver& dial) { network.peers_.dial_over(now, dial); }
    void operator()(const Learned& learned) { network.peers_.found(now, learned); }
    void operator()(const Observed& seen) { network.mail_.observed(now, seen.by, seen.endpoint); }
    void operator()(SeenAt& seen) {
      if (network.seen_at_ == seen.endpoints) return;
      network.seen_at_ = std::move(seen.endpoints);
      network.shared_.events.push_back(SeenElsewhere{network.id(), network.seen_at_});
      network.peers_.tell_own_place(false, now);
    }
    void operator()(Through& through) {
      if (network.through_ == through.relays) return;
      network.through_ = std::move(through.relays);
      network.peers_.tell_relays();
      network.mail_.others_changed(now);
    }
    void operator()(const Heard& heard) {
      network.peers_.heard(now, heard.certificate.node(), heard.certificate, heard.endpoint);
    }
    void operator()(Cast& cast) {
      if (network.shared_.casts.size() < kMostCasts)
        network.shared_.casts.push_back(std::move(cast));
    }
    void operator()(const Punched& way) { network.peers_.punched(now, way); }
    void operator()(const Tried& tried) {
      network.attempts_.note(now, tried.node, tried.where, tried.result, tried.detail);
    }
    void operator()(Store& store) {
      network.note_rows(store.rows);
      network.shared_.journal.store(network.id(), std::move(store));
    }
    void operator()(Sign& sign) { network.sync_.sign(now, std::move(sign)); }
    void operator()(const Promise& promise) {
      auto rows = network.streams_.offering().promise(promise.joiner, promise.services);
      if (rows.empty()) return;
      Store store{std::move(rows)};
      (*this)(store);
    }
    void operator()(const RosterNews& news) {
      for (const NodeId& node : news.changed)
        if (network.roster_.member(node) == nullptr) network.attempts_.forget(node);
      for (const auto& seat : network.parts_) seat.part->handle_roster(now, news);
    }
    void operator()(OverlayEvent& event) {
      std::visit(
          [&](auto& e) {
            if constexpr (requires { e.network; }) e.network = network.id();
          },
          event);
      network.tell_programs(now, event);
      network.shared_.events.push_back(std::move(event));
    }
  };
  std::visit(Carry{*this, now, room}, output);
}

// By the topics of the nodes.
void Network::tell_programs(Instant now, const OverlayEvent& event) {
  if (const auto* changed = std::get_if<MemberStateChanged>(&event)) {
    broker_.member_changed(now, *changed);
  } else if (const auto* services = std::get_if<ServicesChanged>(&event)) {
    const auto& all = streams_.offers().all();
    const auto at = all.find(services->node);
    const auto* member = roster_.member(services->node);
    const bool licensed = member != nullptr && (member->may & roster::kMayExpose) != 0;
    broker_.offered(
        now, services->node,
        at == all.end() || !licensed ? std::vector<service::ServiceLine>() : at->second.lines);
  }
}

// Tells the session layer our credential, head and joiner flag, when one of them is another.
void Network::push_context(Instant now) {
  const auto& announced = sync_.announced();
  const Context context{credential_.current().certificate.epoch, announced.hash,
                        inviter_.open() || shared_.relaying.server.awaits_joiners(now, id())};
  relaying_.set_open(inviter_.open());
  if (ended_ || told_ == context) return;
  const bool renewed = told_ && told_->epoch != context.epoch;
  told_ = context;
  session::NetworkContext tell;
  tell.id = id();
  tell.secret = roster_.network_secret();
  tell.credential = credential_.current();
  tell.previous = credential_.previous();
  tell.roster_seq = announced.seq;
  tell.roster_head = announced.hash;
  tell.accept_joiners = context.open;
  shared_.sessions.set_network(tell);
  if (renewed) peers_.tell_own_place(false, now);
}

}  // namespace weft::overlay
