#include "overlay/joining/joiner.hpp"

#include <algorithm>
#include <utility>

#include "overlay/carrying/dial_policy.hpp"
#include "overlay/credential/credential.hpp"
#include "overlay/joining/inviter.hpp"
#include "overlay/joining/join_status.hpp"
#include "overlay/peers/clocks.hpp"
#include "overlay/peers/peers.hpp"
#include "overlay/session/handshake.hpp"
#include "overlay/streams/codes.hpp"

namespace weft::overlay {

namespace {

std::string list_of(const std::vector<Address>& addresses) {
  std::string out;
  for (const auto& address : addresses) {
    const auto* udp = std::get_if<UdpAddress>(&address);
    out += (out.empty() ? "" : ", ") + (udp != nullptr ? to_text(udp->endpoint) : to_text(address));
  }
  return out.empty() ? "no address" : out;
}

}  // namespace

void Joiner::begin(Instant now, CommandId id, roster::Ticket ticket, Duration within) {
  Join join;
  join.command = id;
  join.deadline = now + within;
  join.credential = Credential::issue(config_.identity, ticket.network, rng_, clock_.at(now), 0);
  session::NetworkContext context;
  context.id = ticket.network;
  context.secret = ticket.network_secret;
  context.credential = join.credential;
  sessions_.set_network(context);
  join.carriers = stream_addresses(ticket.addresses);
  join.ticket = std::move(ticket);
  join_ = std::move(join);
  for (const auto& endpoint : udp_endpoints(join_->ticket.addresses))
    dial(now, PathId::Udp, endpoint);
  if (!join_->carriers.empty())
    join_->next_carrier = join_->dials.empty() ? now : now + DialPolicy::kSilence;
  guides_.begin(now, join_->ticket);
  if (nothing_left())
    return abort(now, {Errc::NoPath, "the ticket names no address that can be dialled"});
  handle_timeout(now);
}

bool Joiner::nothing_left() const {
  return join_->dials.empty() && join_->connecting.empty() && join_->carriers.empty() &&
         guides_.empty();
}

void Joiner::carrier_opened(Instant now, CommandId id, PathId path, const Endpoint& remote) {
  if (!join_ || join_->connecting.erase(id) == 0 || join_->session) return;
  dial(now, path, remote);
}

void Joiner::carrier_failed(Instant now, CommandId id) {
  if (!join_ || join_->connecting.erase(id) == 0 || join_->session) return;
  if (nothing_left()) abort(now, {Errc::NoPath, "the inviting node was not reached"});
}

bool Joiner::dial(Instant now, PathId path, const Endpoint& endpoint) {
  session::DialTarget target;
  target.network = join_->ticket.network;
  target.identity = join_->ticket.inviter;
  target.endpoint = endpoint;
  target.path = path;
  target.join = true;
  const auto dialled = sessions_.dial(now, target);
  if (dialled) join_->dials.insert(*dialled);
  return dialled.has_value();
}

void Joiner::say(const ControlMessage& message) {
  outputs_.push_back(Say{join_->session->session, encode(message)});
}

// ---- its sessions -------------------------------------------------------------------------------

void Joiner::handle_session(Instant now, const SessionNews& news) {
  std::visit([&](const auto& e) { on(now, e); }, news);
}

void Joiner::on(Instant now, const session::SessionUp& up) {
  if (guides_.owns(up.session)) return guides_.up(up);
  if (!owns(up.session)) return;
  if (join_->session)
    return sessions_.close(now, up.session, kCodeSuperseded, "another dial came up first");
  join_->session = up;
  join_->next_carrier.reset();
  join_->path = sessions_.paths().at(up.path).kind;
  if (path::is_direct(join_->path)) guides_.end(now);
  for (const auto other : join_->dials)
    if (other != up.session) sessions_.close(now, other, kCodeSuperseded, "another dial came up");
  join_->dials = {up.session};
}

void Joiner::on(Instant now, const LinkOpen& open) {
  if (auto frame = guides_.open(open.session))
    outputs_.push_back(Say{open.session, std::move(*frame)});
  if (!join_ || !join_->session || join_->session->session != open.session) return;
  const auto& up = *join_->session;
  say(hello_to(observed_at(sessions_, up), config_, instance_, config_.listen_endpoints,
               config_.carriers));
  say(JoinRequest{join_->ticket.id, roster::join_proof(join_->ticket.secret, up.channel_binding),
                  join_->ticket.name, static_cast<std::uint64_t>(clock_.at(now))});
}

void Joiner::on(Instant now, const session::SessionDown& down) {
  if (guides_.owns(down.session)) {
    guides_.down(down.session);
    if (join_ && !join_->session && nothing_left())
      abort(now, {Errc::NoPath, "the inviting node was not reached: " +
                                    (guides_.refusal().empty() ? down.detail : guides_.refusal())});
    return;
  }
  if (!join_ || join_->dials.erase(down.session) == 0) return;
  if (join_->storing) return;  // it has told us all
  if (down.reason == session::CloseReason::RemovedByPeer)
    return abort(now, {Errc::Denied, kRemovedStaysOut}, Refusal::Removed);
  const bool failed = down.reason == session::CloseReason::HandshakeFailed;
  const auto ahead = down.clock_ahead.value_or(0);
  if (failed && (ahead > kClockSkew || ahead < -kClockSkew))
    return abort(now,
                 {Errc::NotYetValid, "this machine's clock is " + off_by(-ahead) +
                                         " of the inviting node's, and one of the two is wrong"},
                 Refusal::Clock);
  // RFC 9001 section 4.8: an alert is 0x100 and its number.
  if (failed && down.code == 0x100u + session::alert_of(session::HandshakeFault::CertUnknown))
    return abort(now, {Errc::Denied,
                       "the inviting node lets nobody in now: this ticket was used, was "
                       "taken back, or has expired"});
  if (join_->session && join_->session->session == down.session)
    abort(now, {Errc::NoPath, "the inviting node ended the session: " + down.detail});
  else if (nothing_left())
    abort(now, {Errc::NoPath, "the inviting node was not reached: " + down.detail});
}

// ---- what the inviter says ----------------------------------------------------------------------

Result<void> Joiner::handle_control(Instant now, const ControlIn& in) {
  if (guides_.owns(in.from.session)) {
    WEFT_TRY(const auto path, guides_.heard(now, in));
    if (path && join_ && !join_->session) dial(now, *path, relay::stand_in(*path));
    return {};
  }
  WEFT_TRY(const auto message, decode_control(in.body));
  if (!join_ || join_->storing || !join_->session || join_->session->session != in.from.session)
    return {};
  if (const auto* answer = std::get_if<JoinAnswer>(&message)) answered(now, *answer);
  if (const auto* entries = std::get_if<RosterEntries>(&message)) took(now, *entries);
  return {};
}

void Joiner::answered(Instant now, const JoinAnswer& answer) {
  if (answer.status == JoinStatus::Expired)
    if (const auto off = clocks_apart(clock_.at(now), answer.time); !off.empty())
      return abort(now,
                   {Errc::Expired,
                    "by the inviting node's clock the ticket has expired; this machine's "
                    "clock is " +
                        off + " of that one, and one of the two is wrong"},
                   Refusal::Clock);
  if (answer.status != JoinStatus::Ok)
    return abort(now, {errc_of(answer.status), answer.detail},
                 answer.status == JoinStatus::Removed ? Refusal::Removed : Refusal::None);
  join_->accepted = true;
  join_->name = answer.name;
  say(RosterGet{});
}

void Joiner::took(Instant now, const RosterEntries& entries) {
  if (!join_->accepted) return;
  for (const auto& entry : entries.entries) join_->chain.push_back(entry);
  if (join_->chain.size() > roster::kMaxEntries)
    return abort(now, {Errc::Limit, "the network's roster is too long"});
  if (!entries.last) return;
  if (!entries.more) return finish(now);
  if (entries.entries.empty())
    return abort(now, {Errc::Malformed, "the inviter promises a roster and sends none"});
  RosterGet next;
  next.locator.push_back(crypto::sha256(join_->chain.back()));
  say(next);
}

void Joiner::finish(Instant now) {
  auto roster = roster::Roster::from_chain(join_->ticket.network, join_->chain);
  if (!roster) return abort(now, roster.error());
  if (roster->member(config_.identity.id) == nullptr)
    return abort(now, {Errc::Denied, "the network's roster does not name this node"});
  join_->storing = true;
  join_->via_name =
      roster->name_of(join_->ticket.network, node_id_of(join_->ticket.inviter)).value_or("");
  std::optional<Endpoint> remote;
  if (const auto info = sessions_.info(join_->session->session)) {
    join_->path = sessions_.paths().at(info->path).kind;
    if (path::over_udp(join_->path)) remote = info->remote;
  }
  outputs_.push_back(Joined{join_->command, join_->ticket, join_->credential, std::move(*roster),
                            join_->name, remote});
}

// ---- the end ------------------------------------------------------------------------------------

void Joiner::stored(Instant now, const Result<void>& result) {
  if (!join_ || !join_->storing) return;
  if (!result) return abort(now, result.error());
  const Join finished = std::move(*join_);
  join_.reset();
  JoinOutcome outcome{finished.ticket.network, finished.name, node_id_of(finished.ticket.inviter),
                      finished.via_name, finished.path};
  for (const auto session : finished.dials) sessions_.close(now, session, kCodeDone, "joined");
  guides_.end(now);
  outputs_.push_back(CommandDone{finished.command, std::move(outcome), Refusal::None});
}

void Joiner::abort(Instant now, Error error, Refusal refusal) {
  const Join failed = std::move(*join_);
  join_.reset();
  if (error.code == Errc::NoPath) {
    error.detail += "; tried " + list_of(failed.ticket.addresses);
    if (failed.ticket.expires <= clock_.at(now))  // by our clock; nobody was there to ask
      error = {Errc::Expired,
               "the ticket has expired by this machine's clock, and " + error.detail};
  }
  for (const auto dial : failed.dials) sessions_.close(now, dial, kCodeDone, "join given up");
  guides_.end(now);
  sessions_.remove_network(now, failed.ticket.network);
  outputs_.push_back(CommandDone{failed.command, std::unexpected(std::move(error)), refusal});
}

void Joiner::handle_timeout(Instant now) {
  while (join_ && join_->next_carrier && *join_->next_carrier <= now) {
    const CommandId id = ++last_command_;
    join_->connecting.insert(id);
    outputs_.push_back(OpenCarrier{id, join_->carriers.front()});
    join_->carriers.erase(join_->carriers.begin());
    join_->next_carrier = now + DialPolicy::kStagger;
    if (join_->carriers.empty()) join_->next_carrier.reset();
  }
  if (join_ && !join_->storing && join_->deadline <= now)
    abort(now, {Errc::NoPath, "the inviting node did not answer at any of its addresses"});
}

std::optional<Instant> Joiner::poll_timeout() const {
  if (!join_ || join_->storing) return std::nullopt;
  return std::min(join_->deadline, join_->next_carrier.value_or(join_->deadline));
}

std::optional<Joiner::Output> Joiner::poll_output() {
  if (outputs_.empty()) return std::nullopt;
  std::optional<Output> output(std::move(outputs_.front()));
  outputs_.pop_front();
  return output;
}

}  // namespace weft::overlay
