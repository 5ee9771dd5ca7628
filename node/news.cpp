#include "node/news.hpp"

#include <utility>

#include "node/control_answers.hpp"
#include "node/io/clock.hpp"

namespace weft::node {

void News::tell(const overlay::OverlayEvent& event) {
  std::visit(
      [this](const auto& e) {
        std::optional<NetworkId> network;
        if constexpr (requires { e.network; })
          if (!e.network.is_zero()) network = e.network;
        const overlay::Overlay::Meaning meaning(overlay_, network);
        on(e);
      },
      event);
}

void News::record(events::Body body, const std::optional<NetworkId>& network) {
  if (!network) return recorder_.record(std::move(body), overlay_.network_name());
  const overlay::Overlay::Meaning meaning(overlay_, network);
  recorder_.record(std::move(body), overlay_.network_name());
}

void News::tell(const path::GsoGuards::Interface& change) {
  const std::string where = address_text(change.local);
  if (change.state == path::GsoGuard::State::Off)
    recorder_.record(events::GsoOff{where, gso_off_text(where),
                                    static_cast<std::uint64_t>(path::GsoGuard::kAgain / 1s)});
  else
    recorder_.record(events::GsoOn{where});
}

ChangeWatch::Where News::here() const {
  return {overlay_.network().value_or(NetworkId{}), overlay_.network_name()};
}

void News::look() {
  look_for_lost(false);
  overlay_.in_each(io::monotonic_time(), [this] {
    const auto where = here();
    networks_[where.network] = where.name;
    changes_.look(where, overlay_.members());
    changes_.look(where, overlay_.exposures());
    changes_.look(where, overlay_.mappings(),
                  [this](const NodeId& node) { return node_label(overlay_, node); });
  });
}

// Networks that this node is in no more: it left them, or joined another in their place.
void News::look_for_lost(bool left) {
  std::erase_if(networks_, [&](const auto& network) {
    if (overlay_.find(network.first) != nullptr) return false;
    if (left) {
      changes_.left({network.first, network.second});
      recorder_.record(events::NetworkLeft{}, network.second);
    }
    changes_.forget(network.first);
    return true;
  });
}

// What failed changed nothing, and a ping never does.
void News::on(const overlay::CommandDone& e) {
  if (!e.result || std::holds_alternative<overlay::PingOutcome>(*e.result)) return;
  if (std::holds_alternative<overlay::LeaveOutcome>(*e.result)) look_for_lost(true);
  look();
  if (const auto* made = std::get_if<overlay::NetworkOutcome>(&*e.result))
    record(events::NetworkMade{}, made->network);
  if (const auto* joined = std::get_if<overlay::JoinOutcome>(&*e.result))
    record(events::NetworkJoined{joined->via_name}, joined->network);
}

void News::on(const overlay::PeerUp& e) {
  record(events::PeerUp{e.name, to_text(e.peer), path_text(overlay_, e.path),
                        place_text(overlay_, e.path, e.remote)});
}

void News::on(const overlay::PeerDown& e) {
  record(
      events::PeerDown{e.name, to_text(e.peer), std::string(session::name_of(e.reason)), e.detail});
}

void News::on(const overlay::PeerMoved& e) {
  record(events::PeerMoved{e.name, to_text(e.peer), path_text(overlay_, e.path),
                           place_text(overlay_, e.path, e.remote)});
}

void News::on(const overlay::PeerSilent& e) {
  if (e.silent)
    record(events::PeerSilent{e.name, to_text(e.peer)});
  else
    record(events::PeerHeard{e.name, to_text(e.peer)});
}

void News::on(const overlay::ServicesChanged& e) {
  record(events::ServicesChanged{e.name, to_text(e.node)});
}

void News::on(const overlay::CallerDenied& e) {
  record(events::CallerDenied{e.service, e.caller_name, to_text(e.caller), e.rule});
}

void News::on(const overlay::AccessAsked& e) {
  record(events::AccessAsked{e.service, e.who_name, to_text(e.who), e.note});
}

void News::on(const overlay::ShareEnded& e) {
  record(events::ShareEnded{e.share, e.service, e.who});
}

void News::on(const overlay::StoreChanged& e) {
  if (e.why.empty())
    recorder_.record(events::StoreWorks{});
  else
    recorder_.record(events::StoreFailed{e.why});
}

void News::on(const overlay::RosterChanged& e) {
  record(events::RosterChanged{e.sequence, e.lost});
  changes_.look(here(), overlay_.members());
}

void News::on(const overlay::MemberStateChanged& e) {
  record(events::MemberState{e.name, to_text(e.node), std::string(membership::name_of(e.state)),
                             std::string(membership::name_of(e.was)), e.incarnation});
}

void News::on(const overlay::RemovedFromNetwork&) { record(events::Removed{}); }

void News::on(const overlay::DhtMode& e) { record(events::DhtMode{e.server, e.full_table}); }

void News::on(const overlay::SeenElsewhere& e) {
  for (const auto& endpoint : e.endpoints) record(events::SeenAt{to_text(endpoint)});
}

void News::on(const overlay::Notice& e) {
  const bool warns = e.level == overlay::Notice::Level::Warning;
  recorder_.record(events::Notice{e.text}, overlay_.network_name(),
                   warns ? events::Level::Warning : events::Level::Info);
}

}  // namespace weft::node
