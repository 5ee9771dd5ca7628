#include <algorithm>

#include "base/assert.hpp"
#include "base/label.hpp"
#include "base/wire.hpp"
#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

namespace {

// Keys of Table::Network. "current" lies under the zero network and names the one we are in.
constexpr std::string_view kCurrent = "current";
constexpr std::string_view kStatic = "static";      // secret 32 | certificate
constexpr std::string_view kPrevious = "previous";  // the static key before, until its not_after

Row network_row(const NetworkId& network, std::string_view key, std::optional<Bytes> value) {
  return {Table::Network, network, to_bytes(bytes_of(key)), std::move(value)};
}

Bytes encode_credential(const StaticCredential& credential) {
  Bytes out = to_bytes(credential.key.secret);
  append(out, credential.certificate.encode());
  return out;
}

Result<StaticCredential> decode_credential(ByteView bytes) {
  if (bytes.size() < 32) return fail(Errc::Malformed, "static key: too short");
  WEFT_TRY(const auto secret, to_array<32>(bytes.first(32)));
  WEFT_TRY(const auto certificate, Certificate::decode(bytes.subspan(32)));
  return StaticCredential{crypto::X25519KeyPair::from_secret(secret), certificate};
}

JoinStatus join_status_of(Errc code) {
  switch (code) {
    case Errc::NotFound:
      return JoinStatus::NoSuchTicket;
    case Errc::AuthFailed:
      return JoinStatus::WrongProof;
    case Errc::Expired:
      return JoinStatus::Expired;
    case Errc::Conflict:
      return JoinStatus::Used;
    case Errc::AlreadyExists:
      return JoinStatus::NameTaken;
    case Errc::Storage:
      return JoinStatus::Storage;
    default:
      return JoinStatus::Denied;
  }
}

Errc errc_of(JoinStatus status) {
  switch (status) {
    case JoinStatus::NoSuchTicket:
      return Errc::NotFound;
    case JoinStatus::WrongProof:
      return Errc::AuthFailed;
    case JoinStatus::Expired:
      return Errc::Expired;
    case JoinStatus::Used:
      return Errc::Conflict;
    case JoinStatus::NameTaken:
      return Errc::AlreadyExists;
    case JoinStatus::Storage:
      return Errc::Storage;
    case JoinStatus::Ok:
    case JoinStatus::Denied:
    case JoinStatus::Removed:
      break;
  }
  return Errc::Denied;
}

}  // namespace

// ---- creating and loading
// ------------------------------------------------------------------------

void Overlay::create_network(Instant now, const std::string& node_name) {
  WEFT_ASSERT(!impl_->network);
  WEFT_ASSERT(impl_->config.person.has_value());
  roster::GenesisBody genesis;
  genesis.network_name = node_name + "-net";
  genesis.network_name.resize(std::min(genesis.network_name.size(), kMaxLabel));
  if (genesis.network_name.back() == '-') genesis.network_name.pop_back();  // else no label
  genesis.network_secret = impl_->rng.bytes<32>();
  genesis.person_key = impl_->config.person->public_key;
  genesis.person_name = node_name;
  genesis.node_key = impl_->config.identity.public_key();
  genesis.node_name = node_name;
  auto created =
      roster::Roster::create(*impl_->config.person, std::move(genesis), impl_->unix_now(now));
  WEFT_ASSERT(created.has_value());
  auto fresh = std::make_unique<Network>(std::move(*created), id(), impl_->sessions);
  fresh->credential = impl_->make_credential(now, fresh->id, 0);
  auto rows = impl_->network_rows(*fresh);
  impl_->install(now, std::move(fresh));
  impl_->persist_quietly(std::move(rows));
  impl_->settle(now);
}

std::vector<Row> Overlay::Impl::network_rows(const Network& n) const {
  std::vector<Row> rows = n.roster.rows();
  rows.push_back(network_row({}, kCurrent, to_bytes(n.id.view())));
  rows.push_back(network_row(n.id, kStatic, encode_credential(n.credential)));
  if (n.previous) rows.push_back(network_row(n.id, kPrevious, encode_credential(*n.previous)));
  return rows;
}

// What is stored of this network, to where it belongs; the roster and peers are read elsewhere.
static Result<void> load_row(Network& network, const Row& row) {
  switch (row.table) {
    case Table::Ticket:
      return network.tickets.load(row);
    case Table::Exposure:
      return network.registry.load(row);
    case Table::Mapping:
      return network.doors.load(row);
    case Table::Access:
      return network.access.load(row);
    case Table::Network:
      if (text_of(row.key) == kStatic) {
        WEFT_TRY(network.credential, decode_credential(*row.value));
      } else if (text_of(row.key) == kPrevious) {
        WEFT_TRY(network.previous, decode_credential(*row.value));
      }
      return {};
    case Table::Roster:
    case Table::Epoch:
    case Table::Peer:
    case Table::Setting:
      return {};
  }
  return {};
}

static std::unexpected<Error> bad_row(const Row& row, const Error& error) {
  const bool trusted = is_trust(row.table);
  return fail(error.code, std::string(trusted ? "trust.db" : "state.db") + ", table " +
                              std::string(name_of(row.table)) + ", key " + to_hex(row.key) + ": " +
                              error.detail +
                              ". Fix: weft restore FILE; without a backup: weft start-over " +
                              (trusted ? "network" : "services"));
}

Result<void> Overlay::Impl::load_rows(Instant now, std::vector<Row> rows) {
  const auto current = std::ranges::find_if(rows, [](const Row& row) {
    return row.table == Table::Network && row.network.is_zero() && text_of(row.key) == kCurrent &&
           row.value;
  });
  if (current == rows.end()) return {};
  WEFT_TRY(const auto id_bytes, to_array<32>(*current->value));
  const NetworkId id{id_bytes};
  std::vector<Row> trusted;
  for (const auto& row : rows)
    if (row.network == id &&
        (row.table == Table::Roster || row.table == Table::Epoch || row.table == Table::Network))
      trusted.push_back(row);
  WEFT_TRY(auto roster, roster::Roster::from_rows(id, trusted));
  auto fresh = std::make_unique<Network>(std::move(roster), config.identity.id, sessions);
  std::vector<Row> adopted;
  for (const auto& row : rows) {
    // A join moves exposures and doors along; if it was cut short, they still carry the old id.
    const bool belonging = row.table == Table::Exposure || row.table == Table::Mapping;
    const bool adopt = belonging && row.network != id;
    if (!row.value || (row.network != id && !adopt)) continue;
    Row mine = row;
    mine.network = id;
    if (adopt) adopted.push_back({row.table, row.network, row.key, std::nullopt});
    if (adopt && std::ranges::any_of(rows, [&](const Row& own) {
          return own.table == row.table && own.network == id && own.key == row.key;
        }))
      continue;
    if (const auto loaded = load_row(*fresh, mine); !loaded) return bad_row(row, loaded.error());
    if (adopt) adopted.push_back(std::move(mine));
  }
  Network& installed = *fresh;
  if (installed.credential.certificate.epoch == 0)
    installed.credential = make_credential(now, id, 0);
  install(now, std::move(fresh));
  persist_quietly(std::move(adopted));
  for (const auto& row : rows)
    if (row.table == Table::Peer && row.network == id && row.value)
      if (const auto message = decode_control(*row.value))
        if (const auto* list = std::get_if<PeerList>(&*message)) learn_peers(now, *list);
  rotate_credential(now);
  repair_roster(now);
  return {};
}

void Overlay::Impl::install(Instant now, std::unique_ptr<Network> fresh) {
  if (network) {
    trust.set(nullptr);
    const NetworkId old = network->id;
    network.reset();
    sessions.remove_network(now, old);
  }
  network = std::move(fresh);
  network->announced = network->roster.head();
  if (const auto* self = network->roster.member(config.identity.id)) network->known_as = self->name;
  trust.set(&network->roster);
  push_context(now);
  adopt_members(now);
  for (const auto& exposure : network->registry.list()) network->health.look(now, exposure.name);
}

// ---- our credential
// ------------------------------------------------------------------------------

StaticCredential Overlay::Impl::make_credential(Instant now, const NetworkId& id,
                                                std::uint64_t last_epoch) {
  const auto key = crypto::X25519KeyPair::generate(rng);
  const auto epoch = std::max(last_epoch + 1, static_cast<std::uint64_t>(unix_now(now)));
  return {key, Certificate::issue(config.identity, id, key.public_key, epoch, unix_now(now))};
}

void Overlay::Impl::push_context(Instant now) {
  network->open_to_joiners = network->tickets.open(unix_now(now));
  session::NetworkContext context;
  context.id = network->id;
  context.secret = network->roster.network_secret();
  context.credential = network->credential;
  context.previous = network->previous;
  context.roster_seq = network->announced.seq;
  context.roster_head = network->announced.hash;
  context.accept_joiners = network->open_to_joiners;
  sessions.set_network(context);
}

void Overlay::Impl::rotate_credential(Instant now) {
  const UnixTime wall = unix_now(now);
  const auto& certificate = network->credential.certificate;
  // Issued while the clock ran ahead: nobody takes it before its time.
  const bool early = wall + kClockSkew < certificate.not_before;
  if (!early && wall < certificate.not_before + kCertificateRotation &&
      wall < certificate.not_after)
    return;
  network->previous =
      std::exchange(network->credential, make_credential(now, network->id, certificate.epoch));
  std::vector<Row> rows;
  rows.push_back(network_row(network->id, kStatic, encode_credential(network->credential)));
  rows.push_back(network_row(network->id, kPrevious, encode_credential(*network->previous)));
  // Used even if the disk refuses it: the old one runs out, and who starts again from that makes
  // another at once, of a later epoch.
  persist(std::move(rows), [this](Instant later, const Result<void>&) {
    if (!network) return;
    push_context(later);
    broadcast(later, peer_list());
  });
}

// ---- the roster
// ----------------------------------------------------------------------------------

// Peers follow the roster: new members are known, removed ones forgotten.
void Overlay::Impl::adopt_members(Instant now) {
  for (const auto& member : network->roster.members())
    if (member.id != config.identity.id) network->peers.add(network->id, member.identity);
  std::vector<NodeId> gone;
  for (const auto& [id, peer] : network->peers.all())
    if (network->roster.member(id) == nullptr) gone.push_back(id);
  for (const auto& id : gone) {
    network->offers.forget(id);
    network->peers.remove(now, id);
    persist_quietly({{Table::Peer, network->id, to_bytes(id.view()), std::nullopt}});
  }
  if (network->roster.members().size() > kEagerPeers) return;
  for (const auto& member : network->roster.members())
    if (Peer* peer = network->peers.find(member.id); peer != nullptr && !peer->wanted)
      network->peers.want(now, *peer, false);
}

// ---- joining
// -------------------------------------------------------------------------------------

void Overlay::Impl::start_join(Instant now, CommandId id, roster::Ticket ticket, Duration within) {
  if (joining) return done(id, fail(Errc::Busy, "another join is under way"));
  Joining j;
  j.command = id;
  j.deadline = now + within;
  j.credential = make_credential(now, ticket.network, 0);
  session::NetworkContext context;
  context.id = ticket.network;
  context.secret = ticket.network_secret;
  context.credential = j.credential;
  sessions.set_network(context);
  for (const auto& endpoint : udp_endpoints(ticket.addresses)) {
    session::DialTarget target;
    target.network = ticket.network;
    target.identity = ticket.inviter;
    target.endpoint = endpoint;
    target.join = true;
    if (const auto dial = sessions.dial(now, target)) j.dials.insert(*dial);
  }
  j.ticket = std::move(ticket);
  joining = std::move(j);
  if (joining->dials.empty())
    abort_join(now, {Errc::NoPath, "the ticket names no address that can be dialled"});
}

void Overlay::Impl::join_session_up(Instant now, const session::SessionUp& up) {
  Link& link = links.at(up.session);
  if (!up.initiator) return;  // somebody joins us: their request comes on the control stream
  if (pulls.contains(up.session)) {
    greet(now, link);
    if (network) send(now, link, RosterGet{network->roster.locator()});
    return;
  }
  if (!joining || joining->session) {
    sessions.close(now, up.session, kCodeSuperseded, "another dial came up first");
    return;
  }
  joining->session = up.session;
  for (const auto other : joining->dials)
    if (other != up.session) sessions.close(now, other, kCodeSuperseded, "another dial came up");
  joining->dials = {up.session};
  greet(now, link);
  send(now, link,
       JoinRequest{joining->ticket.id,
                   roster::join_proof(joining->ticket.secret, up.channel_binding),
                   joining->ticket.name, static_cast<std::uint64_t>(unix_now(now))});
}

void Overlay::Impl::join_answer(Instant now, Link& link, const JoinAnswer& answer) {
  if (!joining || joining->session != link.up.session || joining->storing) return;
  if (answer.status == JoinStatus::Expired)
    if (const auto off = clocks_apart(unix_now(now), answer.time); !off.empty())
      return abort_join(now,
                        {Errc::Expired,
                         "by the inviting node's clock the ticket has expired; this machine's "
                         "clock is " +
                             off + " of that one, and one of the two is wrong"},
                        Refusal::Clock);
  if (answer.status != JoinStatus::Ok)
    return abort_join(now, {errc_of(answer.status), answer.detail},
                      answer.status == JoinStatus::Removed ? Refusal::Removed : Refusal::None);
  joining->accepted = true;
  joining->name = answer.name;
  send(now, link, RosterGet{});
}

void Overlay::Impl::join_entries(Instant now, Link& link, const RosterEntries& entries) {
  if (!joining || joining->session != link.up.session || !joining->accepted || joining->storing)
    return;
  for (const auto& entry : entries.entries) joining->chain.push_back(entry);
  if (joining->chain.size() > roster::kMaxEntries)
    return abort_join(now, {Errc::Limit, "the network's roster is too long"});
  if (!entries.last) return;
  if (!entries.more) return finish_join(now);
  if (entries.entries.empty())
    return abort_join(now, {Errc::Malformed, "the inviter promises a roster and sends none"});
  RosterGet next;
  next.locator.push_back(crypto::sha256(joining->chain.back()));
  send(now, link, next);
}

void Overlay::Impl::finish_join(Instant now) {
  auto roster = roster::Roster::from_chain(joining->ticket.network, joining->chain);
  if (!roster) return abort_join(now, roster.error());
  if (roster->member(config.identity.id) == nullptr)
    return abort_join(now, {Errc::Denied, "the network's roster does not name this node"});
  auto fresh = std::make_unique<Network>(std::move(*roster), config.identity.id, sessions);
  fresh->credential = joining->credential;
  JoinOutcome outcome{fresh->id, joining->name, node_id_of(joining->ticket.inviter), {}};
  outcome.via_name = fresh->roster.name_of(fresh->id, outcome.via).value_or("");
  auto rows = network_rows(*fresh);
  if (network && network->id != fresh->id)  // the old network's keys do not stay behind
    for (auto& row : network_rows(*network))
      if (!row.network.is_zero()) {
        row.value.reset();
        rows.push_back(std::move(row));
      }
  auto shared = std::make_shared<std::unique_ptr<Network>>(std::move(fresh));
  joining->storing = true;
  persist(
      std::move(rows),
      [this, shared, outcome](Instant later, const Result<void>& stored) {
        WEFT_ASSERT(joining && joining->storing);
        if (!stored) return abort_join(later, stored.error());
        const Joining finished = std::move(*joining);
        joining.reset();
        auto moved = move_to(**shared);
        install(later, std::move(*shared));
        persist_quietly(std::move(moved));
        if (Peer* peer = network->peers.find(outcome.via)) {
          network->peers.learn(*peer, udp_endpoints(finished.ticket.addresses), false);
          if (finished.session)
            if (const auto info = sessions.info(*finished.session))
              network->peers.learn(*peer, {info->remote}, true);
          network->peers.want(later, *peer, true);
        }
        if (finished.session) sessions.close(later, *finished.session, kCodeDone, "joined");
        done(finished.command, outcome);
      },
      Again::Never);  // else the disk would change networks behind our back
}

// What we expose and open comes along, doors under the ids that their owner knows them by. Rows of
// the old network go in the same commit: left behind, they would come back at the next start.
std::vector<Row> Overlay::Impl::move_to(Network& fresh) const {
  if (!network || network->id == fresh.id) return {};
  std::vector<Row> rows;
  for (const auto& mapping : network->doors.list()) {
    Bytes key;
    append_be(key, mapping.id);
    Row row{Table::Mapping, fresh.id, std::move(key), mapping.encode()};
    if (fresh.doors.load(row) && !mapping.once) rows.push_back(std::move(row));
  }
  for (const auto& exposure : network->registry.list())
    if (auto row = fresh.registry.add(exposure)) rows.push_back(std::move(*row));
  for (std::size_t i = rows.size(); i-- > 0;)
    rows.push_back({rows[i].table, network->id, rows[i].key, std::nullopt});
  return rows;
}

void Overlay::Impl::abort_join(Instant now, Error error, Refusal refusal) {
  const Joining failed = std::move(*joining);
  joining.reset();
  if (error.code == Errc::NoPath) {
    error.detail += "; tried " + list_of(udp_endpoints(failed.ticket.addresses));
    if (failed.ticket.expires <= unix_now(now)) {  // by our clock; nobody was there to ask
      error = {Errc::Expired,
               "the ticket has expired by this machine's clock, and " + error.detail};
    }
  }
  for (const auto dial : failed.dials) sessions.close(now, dial, kCodeDone, "join given up");
  if (!network || network->id != failed.ticket.network)
    sessions.remove_network(now, failed.ticket.network);
  done(failed.command, std::unexpected(std::move(error)), refusal);
}

// We are the inviter. One transaction burns the ticket and appends the entry.
void Overlay::Impl::answer_join(Instant now, Link& link, const JoinRequest& request) {
  const auto off = clocks_apart(unix_now(now), request.time);
  const auto refuse_join = [&](const Error& error, bool removed = false) {
    const auto status = removed ? JoinStatus::Removed : join_status_of(error.code);
    const auto skew = off.empty() ? off : "; this machine's clock is " + off + " of the joiner's";
    notice(Notice::Level::Warning,
           "refused a join from " + to_text(link.up.remote) + ": " + error.detail + skew);
    send(now, link,
         JoinAnswer{status, error.detail, {}, static_cast<std::uint64_t>(unix_now(now))});
  };
  if (!network) return;
  const auto* self = network->roster.member(config.identity.id);
  if (self == nullptr)
    return refuse_join({Errc::Denied, "the inviter was itself removed from the network"});
  const auto& joiner = link.up.certificate.identity;
  auto redeemed = network->tickets.redeem(request.ticket, request.proof, link.up.channel_binding,
                                          joiner, unix_now(now));
  if (!redeemed) return refuse_join(redeemed.error());
  link.proven = true;
  const auto session = link.up.session;
  const std::string name = redeemed->invite.name;
  if (redeemed->again || !redeemed->row) {
    if (network->roster.verdict(network->id, link.up.peer, unix_now(now)) == Verdict::Removed)
      return refuse_join({Errc::Denied, kRemovedStaysOut}, true);
    if (roster_unstored())  // perhaps it is this very entry that the disk does not have
      return refuse_join({Errc::Storage, "the inviter could not store it yet; try again soon"});
    return send(now, link, JoinAnswer{JoinStatus::Ok, {}, name});
  }

  auto entry = propose(now, roster::NodeBody{joiner, name, self->owner, redeemed->invite.may});
  Result<roster::Appended> appended =
      entry ? network->roster.append(*entry)
            : Result<roster::Appended>(std::unexpected(entry.error()));
  if (!appended) {
    network->tickets.undo(request.ticket);
    return refuse_join(appended.error());
  }
  // The disk takes these first, in another file: who is in has what the invite promised. Without
  // the entry they mean nothing.
  std::vector<Row> rules;
  for (const auto& service : redeemed->invite.allow)
    if (auto change = network->access.add(true, service::Subject::of(node_id_of(joiner)), service))
      for (auto& row : change->rows) rules.push_back(std::move(row));
  persist_quietly(std::move(rules));
  std::vector<Row> rows = appended->rows;
  rows.push_back(*redeemed->row);
  persist(std::move(rows), [this, session, name, appended = *appended, bytes = entry->encode()](
                               Instant later, const Result<void>& stored) {
    const auto at = links.find(session);
    if (!stored) {
      if (at != links.end())
        send(later, at->second,
             JoinAnswer{JoinStatus::Storage, "the inviter could not store it", {}});
      return;
    }
    broadcast(later, RosterEntries{{bytes}, false, true});
    roster_changed(later, appended);
    notice(Notice::Level::Info, name + " joined the network");
    if (at != links.end()) send(later, at->second, JoinAnswer{JoinStatus::Ok, {}, name});
  });
}

}  // namespace weft::overlay
