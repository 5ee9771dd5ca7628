#include "overlay/joining/inviter.hpp"

#include <algorithm>

#include "overlay/joining/join_status.hpp"
#include "overlay/links/links.hpp"
#include "overlay/peers/clocks.hpp"
#include "overlay/streams/codes.hpp"

namespace weft::overlay {

namespace {

constexpr TypeRange kControls[] = {{10, 10}};  // JoinRequest
constexpr Table kTables[] = {Table::Ticket};
constexpr Duration kIdleLook = 60s;
// A joiner whose answer was lost comes through its relay again for so long.
constexpr std::chrono::seconds kAskAgain{120};

}  // namespace

Interests Inviter::interests() const {
  return {.controls = kControls, .tables = kTables, .joiners = true};
}

// ---- tickets ------------------------------------------------------------------------------------

void Inviter::invite(Instant now, CommandId id, const std::string& name,
                     const std::vector<std::string>& may, const std::vector<std::string>& allow,
                     Duration ttl) {
  const auto issue = [&]() -> Result<void> {
    const auto& roster = beside_.roster;
    if (roster.member(beside_.self()) == nullptr)
      return fail(
          Errc::Denied,
          roster.state().is_removed(beside_.self())
              ? "this node was removed from its network: nobody there takes its word any more"
              : "this node is not in the roster of its network (any more)");
    WEFT_TRY(const auto flags, may_flags(may));
    if (!members_.signs())
      return fail(Errc::Denied, "only an admin invites, and this node is none");
    if (roster.node_named(beside_.network(), name))
      return fail(Errc::AlreadyExists, "the name \"" + name + "\" is taken in this network");
    const auto life = std::chrono::duration_cast<std::chrono::seconds>(ttl).count();
    WEFT_TRY(auto issued, tickets_.issue(beside_.rng, name, allow, flags, life, wall(now)));
    roster::Ticket ticket;
    ticket.network = beside_.network();
    ticket.network_secret = roster.network_secret();
    ticket.inviter = beside_.config.identity.public_key();
    ticket.inviter_static = credential_.current().key.public_key;
    const auto& carriers = beside_.config.carriers;
    const std::size_t others = std::min(carriers.size(), kMostOthersTold);
    ticket.addresses = udp_addresses(beside_.own_places());
    ticket.addresses.resize(
        std::min(ticket.addresses.size(), roster::kMaxTicketAddresses - others));
    ticket.addresses.insert(ticket.addresses.end(), carriers.begin(),
                            carriers.begin() + static_cast<std::ptrdiff_t>(others));
    ticket.name = name;
    ticket.id = issued.invite.id;
    ticket.secret = issued.invite.secret;
    ticket.expires = issued.invite.expires;
    add_relays(ticket);
    introduce(ticket.secret, std::chrono::seconds(life));
    look(now);
    store(std::move(issued.rows),
          done_when_stored(id, InviteOutcome{name, ticket.to_text(), ticket.expires}));
    return {};
  };
  if (const auto issued = issue(); !issued) done(id, std::unexpected(issued.error()));
}

void Inviter::cancel(Instant now, CommandId id, const std::string& who) {
  auto cancelled = tickets_.cancel(who, wall(now));
  if (!cancelled) return done(id, std::unexpected(cancelled.error()));
  look(now);
  const auto& invite = cancelled->invite;
  introduce(invite.secret, 0s);
  store({std::move(cancelled->row)},
        done_when_stored(id, InviteOutcome{invite.name, {}, invite.expires}));
}

// They stand at the end of the list: who reaches this node itself needs no relay.
void Inviter::add_relays(roster::Ticket& ticket) {
  std::vector<RelayAddress> relays;
  for (const auto& [session, node] : relaying_.reserved()) {
    const Peer* peer = beside_.peers.find(node);
    if (peer == nullptr || relays.size() == kReserved) continue;
    auto address = relaying_.address_of(session, node);
    if (!address) continue;
    address->identity = peer->identity;
    relays.push_back(std::move(*address));
  }
  const std::size_t room = roster::kMaxTicketAddresses - relays.size();
  if (ticket.addresses.size() > room) ticket.addresses.resize(room);
  for (auto& address : relays) ticket.addresses.emplace_back(std::move(address));
}

void Inviter::introduce(const ByteArray<32>& secret, std::chrono::seconds life) {
  const auto seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(0, life.count()));
  for (const auto& [session, node] : relaying_.reserved())
    put(Say{session, relay::encode(relay::Introduce{relay::introduction(secret, node), seconds})});
}

// A relay that is new, or was started anew, does not know yet whom it is to let through.
void Inviter::settle(Instant now) {
  if (introduced_at_ == relaying_.reservations()) return;
  introduced_at_ = relaying_.reservations();
  for (const auto& invite : tickets_.live(wall(now)))
    introduce(invite.secret, std::chrono::seconds(invite.expires - wall(now)));
}

std::vector<InviteView> Inviter::invites(Instant now) const {
  std::vector<InviteView> out;
  for (const auto& invite : tickets_.live(wall(now)))
    out.push_back(
        {to_hex(invite.id), invite.name, invite.expires, may_words(invite.may), invite.allow});
  return out;
}

// ---- joiners ------------------------------------------------------------------------------------

void Inviter::handle_session(Instant now, const SessionNews& news) {
  if (const auto* up = std::get_if<session::SessionUp>(&news)) {
    if (!up->joining || up->initiator) return;
    joiners_.insert_or_assign(up->session, Joiner{*up, now});
    if (!next_look_ || *next_look_ > now + kTicketLook) next_look_ = now + kTicketLook;
  } else if (const auto* down = std::get_if<session::SessionDown>(&news)) {
    joiners_.erase(down->session);
  } else if (const auto* clock = std::get_if<session::ClockDiffers>(&news)) {
    if (open_ && beside_.roster.member(clock->peer) == nullptr)
      notice(Notice::Level::Warning, "a node that wants to join: its clock is " +
                                         off_by(clock->ahead) +
                                         " of this machine's, and one of the two is wrong");
  }
}

Result<void> Inviter::handle_control(Instant now, const ControlIn& in) {
  WEFT_TRY(const auto message, decode_control(in.body));
  const auto* request = std::get_if<JoinRequest>(&message);
  const auto at = joiners_.find(in.from.session);
  if (request == nullptr || at == joiners_.end()) return {};
  if (++at->second.requests > kMaxJoinRequests)
    beside_.sessions.close(now, in.from.session, kCodeProtocol, "one ticket after the other");
  else
    answer(now, at->second, *request);
  return {};
}

void Inviter::refuse(Instant now, const Joiner& joiner, const JoinRequest& request,
                     const Error& error, bool removed) {
  const auto off = clocks_apart(wall(now), request.time);
  const auto status = removed ? JoinStatus::Removed : join_status_of(error.code);
  const auto skew = off.empty() ? off : "; this machine's clock is " + off + " of the joiner's";
  notice(Notice::Level::Warning,
         "refused a join from " + to_text(joiner.up.remote) + ": " + error.detail + skew);
  put(Say{joiner.up.session,
          encode(JoinAnswer{status, error.detail, {}, static_cast<std::uint64_t>(wall(now))})});
}

void Inviter::answer(Instant now, Joiner& joiner, const JoinRequest& request) {
  const auto& roster = beside_.roster;
  const auto* self = roster.member(beside_.self());
  if (self == nullptr)
    return refuse(now, joiner, request,
                  {Errc::Denied, "the inviter was itself removed from the network"});
  auto redeemed = tickets_.redeem(request.ticket, request.proof, joiner.up.channel_binding,
                                  joiner.up.certificate.identity, wall(now));
  if (!redeemed) return refuse(now, joiner, request, redeemed.error());
  joiner.proven = true;
  introduce(redeemed->invite.secret, kAskAgain);
  if (!redeemed->again && redeemed->row)
    return let_in(now, joiner, request, std::move(*redeemed), *self);
  if (roster.verdict(beside_.network(), joiner.up.peer, wall(now)) == Verdict::Removed)
    return refuse(now, joiner, request, {Errc::Denied, kRemovedStaysOut}, true);
  if (sync_.unstored())  // perhaps it is this very entry that the disk does not have
    return refuse(now, joiner, request,
                  {Errc::Storage, "the inviter could not store it yet; try again soon"});
  put(Say{joiner.up.session, encode(JoinAnswer{JoinStatus::Ok, {}, redeemed->invite.name})});
}

void Inviter::let_in(Instant now, const Joiner& joiner, const JoinRequest& request,
                     roster::TicketBook::Redeemed redeemed, const roster::Member& self) {
  (void)now;
  const auto& identity = joiner.up.certificate.identity;
  const std::string name = redeemed.invite.name;
  const auto finish = [this, session = joiner.up.session, request, name](
                          Instant later, const Result<void>& result) {
    const auto at = joiners_.find(session);
    if (!result && result.error().code != Errc::Storage) {  // it is not in the roster
      tickets_.undo(request.ticket);
      if (at != joiners_.end()) refuse(later, at->second, request, result.error());
      return;
    }
    if (result) notice(Notice::Level::Info, name + " joined the network");
    if (at == joiners_.end()) return;
    const JoinAnswer told =
        result ? JoinAnswer{JoinStatus::Ok, {}, name}
               : JoinAnswer{JoinStatus::Storage, "the inviter could not store it", {}};
    put(Say{session, encode(told)});
  };
  if (!redeemed.invite.allow.empty()) put(Promise{node_id_of(identity), redeemed.invite.allow});
  put(Sign{roster::NodeBody{identity, name, self.owner, redeemed.invite.may},
           finish,
           {std::move(*redeemed.row)}});
}

// ---- time ---------------------------------------------------------------------------------------

bool Inviter::knows(const Joiner& joiner) const {
  return joiner.proven || relaying_.leads_on(joiner.up.session) ||
         beside_.roster.member(joiner.up.peer) != nullptr;
}

void Inviter::look(Instant now) {
  store(tickets_.purge(wall(now)));
  open_ = tickets_.open(wall(now));
  next_look_.reset();
  if (!tickets_.list().empty()) {
    // The wall clock may be set meanwhile: an end is found out after kIdleLook at the latest.
    Duration pause = kIdleLook;
    for (const auto& invite : tickets_.live(wall(now)))
      pause = std::min<Duration>(
          pause, std::max<Duration>(kTicketLook, std::chrono::seconds(invite.expires - wall(now))));
    next_look_ = now + pause;
  }
  if (!joiners_.empty()) next_look_ = now + kTicketLook;
}

void Inviter::handle_timeout(Instant now) {
  if (!next_look_ || now < *next_look_) return;
  look(now);
  for (const auto& [session, joiner] : joiners_) {
    const auto info = beside_.sessions.info(session);
    const bool cut = info && beside_.sessions.paths().at(info->path).closed;  // its relay said so
    if (cut || now - joiner.since >= (knows(joiner) ? kJoinerTimeout : kProofTimeout))
      beside_.sessions.close(now, session, kCodeDone, "nothing more to say to a joiner");
  }
}

std::optional<Instant> Inviter::poll_timeout() const { return next_look_; }

}  // namespace weft::overlay
