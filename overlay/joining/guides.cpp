#include "overlay/joining/guides.hpp"

#include "overlay/streams/codes.hpp"

namespace weft::overlay {

namespace {

std::string words_for(relay::Status status) {
  switch (status) {
    case relay::Status::NoSuchNode:
      return "the relay that it names does not know the ticket: the inviter is away, or took the "
             "ticket back, or it was used";
    case relay::Status::Full:
      return "the relay that it names lets nobody more through with this ticket now";
    case relay::Status::Refused:
      return "the inviter did not answer through the relay that the ticket names";
    default:
      return "the relay that it names does not relay now: " + std::string(relay::name_of(status));
  }
}

}  // namespace

void Guides::begin(Instant now, const roster::Ticket& ticket) {
  ticket_ = ticket;
  refusal_.clear();
  for (const auto& address : ticket.addresses) {
    const auto* through = std::get_if<RelayAddress>(&address);
    if (through == nullptr || !through->identity ||
        node_id_of(*through->identity) != through->relay)
      continue;
    for (const auto& place : through->places) {
      const auto* udp = std::get_if<UdpAddress>(&place);
      if (udp == nullptr) continue;
      session::DialTarget target;
      target.network = ticket.network;
      target.identity = *through->identity;
      target.endpoint = udp->endpoint;
      target.join = true;
      if (const auto dial = sessions_.dial(now, target)) guides_.emplace(*dial, through->relay);
    }
  }
}

void Guides::end(Instant now) {
  ticket_.reset();
  for (const auto& [session, relay] : guides_) sessions_.close(now, session, kCodeDone, "joined");
}

void Guides::up(const session::SessionUp& up) {
  circuits_.set_way(up.session, {up.path, up.remote, {}});
}

std::optional<Bytes> Guides::open(SessionId session) {
  const auto at = guides_.find(session);
  if (at == guides_.end() || !ticket_) return std::nullopt;
  return relay::encode(relay::Connect{session, node_id_of(ticket_->inviter),
                                      relay::introduction(ticket_->secret, at->second)});
}

void Guides::down(SessionId session) {
  guides_.erase(session);
  circuits_.leave(session);
}

Result<std::optional<PathId>> Guides::heard(Instant now, const ControlIn& in) {
  if (in.type < relay::kFirstType || in.type > relay::kLastType) return std::nullopt;
  WEFT_TRY(const auto message, relay::decode(in.body));
  const auto* connected = std::get_if<relay::Connected>(&message);
  const auto at = guides_.find(in.from.session);
  if (connected == nullptr || at == guides_.end() || !ticket_) return std::nullopt;
  if (connected->status != relay::Status::Ok) {
    refusal_ = words_for(connected->status);
    sessions_.close(now, in.from.session, kCodeDone, "no way to the inviter");
    return std::nullopt;
  }
  const auto path = circuits_.open({{},
                                    in.from.session,
                                    connected->circuit,
                                    connected->label,
                                    at->second,
                                    node_id_of(ticket_->inviter),
                                    true});
  return path ? std::optional(*path) : std::nullopt;
}

}  // namespace weft::overlay
