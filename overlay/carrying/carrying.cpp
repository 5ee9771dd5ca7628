#include "overlay/carrying/carrying.hpp"

namespace weft::overlay {

void Carrying::handle_session(Instant now, const SessionNews& news) {
  if (const auto* told = std::get_if<session::SilenceChanged>(&news)) {
    if (told->silent)
      silent_.insert(told->session);
    else
      silent_.erase(told->session);
  } else if (const auto* moved = std::get_if<session::RemoteMoved>(&news)) {
    silent_.erase(moved->session);
  } else if (const auto* down = std::get_if<session::SessionDown>(&news)) {
    silent_.erase(down->session);
  } else if (!std::holds_alternative<session::SessionUp>(news)) {
    return;
  }
  look(now);
}

void Carrying::handle_timeout(Instant now) { look(now); }

std::optional<Instant> Carrying::poll_timeout() const {
  return seen_ == beside_.peers.changes() ? next_ : Instant{};
}

Standing Carrying::standing_of(const Peer& peer) const {
  Standing out;
  out.wanted = peer.wanted;
  out.carriers = peer.carriers.size();
  out.endpoints = peer.endpoints.size();
  const auto info = peer.is_up() ? beside_.sessions.info(*peer.preferred) : std::nullopt;
  if (info) {
    const path::Path& path = beside_.sessions.paths().at(info->path);
    out.up = true;
    out.initiator = info->initiator;
    out.on_stream = path::over_stream(path.kind);
    out.silent = path.closed || silent_.contains(*peer.preferred);
  } else {
    out.tried_since = peer.trying_since;
  }
  return out;
}

void Carrying::look(Instant now) {
  seen_ = beside_.peers.changes();
  next_.reset();
  const auto& carried = beside_.peers.carried();
  std::erase_if(policies_, [&](const auto& entry) { return !carried.contains(entry.first); });
  for (const NodeId& node : carried) {
    const Peer* peer = beside_.peers.find(node);
    if (peer == nullptr) continue;
    DialPolicy& policy = policies_[node];
    for (;;) {
      const auto step = policy.step(now, standing_of(*peer));
      if (step.what == DialPolicy::Step::Do::Nothing) break;
      act(now, *peer, step);
    }
    const auto due = policy.deadline(standing_of(*peer));
    if (due && (!next_ || *due < *next_)) next_ = due;
  }
}

void Carrying::act(Instant now, const Peer& peer, const DialPolicy::Step& step) {
  if (step.what == DialPolicy::Step::Do::Connect) {
    const CommandId id = ++beside_.last_command;
    const Address& address = peer.carriers.at(step.index);
    asked_.emplace(id, Asked{peer.id, address});
    return put(OverlayEvent(OpenCarrier{id, address}));
  }
  // Where UDP is still dead nothing answers, and the session stays where it is.
  const Endpoint& to = peer.endpoints.at(step.index);
  std::ignore = beside_.sessions.migrate(now, *peer.preferred, PathId::Udp, to);
}

void Carrying::opened(Instant now, CommandId id, PathId path, const Endpoint& remote) {
  const auto asked = asked_.extract(id);
  if (asked.empty()) return;
  const auto& [node, address] = asked.mapped();
  policies_[node].opened(now);
  put(Tried{node, address, path::TryResult::Worked, "connected"});
  if (const Peer* peer = beside_.peers.find(node)) {
    const Standing standing = standing_of(*peer);
    if (standing.up && standing.silent && standing.initiator) {
      if (const auto moved = beside_.sessions.migrate(now, *peer->preferred, path, remote); !moved)
        notice(Notice::Level::Info, "could not move to a connection with " + label(peer->id) +
                                        ": " + moved.error().detail);
    } else if (standing.up ? standing.silent : standing.wanted) {
      put(DialOver{peer->id, path, remote});
    }
  }
  look(now);
}

void Carrying::failed(Instant now, CommandId id, std::string_view why) {
  const auto asked = asked_.extract(id);
  if (asked.empty()) return;
  const auto& [node, address] = asked.mapped();
  policies_[node].failed();
  put(Tried{node, address, path::TryResult::Failed, std::string(why)});
  look(now);
}

}  // namespace weft::overlay
