// What is asked of the overlay without naming a network: it goes to home(), or, where a stream says
// so, to the network of its session.
#include <algorithm>
#include <iterator>

#include "overlay/overlay_impl.hpp"
#include "overlay/roster/export.hpp"
#include "overlay/streams/services_view.hpp"

namespace weft::overlay {

namespace {

const auto kNowhere = fail(Errc::NotFound, "this node is in no network");

}  // namespace

// ---- commands -----------------------------------------------------------------------------------

template <class Body>
CommandId Overlay::at_home(Instant now, const Body& body) {
  const CommandId id = next_command();
  if (Network* network = home())
    body(*network, id);
  else
    impl_->done(id, kNowhere);
  impl_->settle(now);
  return id;
}

CommandId Overlay::invite(Instant now, const std::string& name, std::vector<std::string> may,
                          std::vector<std::string> allow, Duration ttl) {
  return at_home(
      now, [&](Network& n, CommandId id) { n.inviter().invite(now, id, name, may, allow, ttl); });
}
CommandId Overlay::cancel_invite(Instant now, const std::string& who) {
  return at_home(now, [&](Network& n, CommandId id) { n.inviter().cancel(now, id, who); });
}
CommandId Overlay::remove_node(Instant now, const std::string& who) {
  return at_home(now, [&](Network& n, CommandId id) { n.members().remove(id, who); });
}
CommandId Overlay::change_rights(Instant now, const std::string& who,
                                 const std::vector<std::string>& rights, bool give) {
  return at_home(
      now, [&](Network& n, CommandId id) { n.members().change_rights(id, who, rights, give); });
}
CommandId Overlay::rename_node(Instant now, const std::string& who, const std::string& name) {
  return at_home(now, [&](Network& n, CommandId id) { n.members().rename(id, who, name); });
}
CommandId Overlay::leave(Instant now, Duration within) {
  return leave(now, impl_->meant.value_or(impl_->default_network), within);
}
CommandId Overlay::group_change(Instant now, const std::string& group, const std::string& node,
                                bool add) {
  return at_home(now,
                 [&](Network& n, CommandId id) { n.members().group_change(id, group, node, add); });
}
CommandId Overlay::expose(Instant now, service::Exposure exposure, std::vector<std::string> allow,
                          Wish wish) {
  return at_home(now, [&](Network& n, CommandId id) {
    n.streams().offering().expose(id, std::move(exposure), allow, wish);
    n.streams().settle(now);
  });
}
CommandId Overlay::unexpose(Instant now, const std::string& name) {
  return at_home(now, [&](Network& n, CommandId id) {
    n.streams().offering().unexpose(id, name);
    n.streams().settle(now);
  });
}
CommandId Overlay::set_access(Instant now, const std::string& service,
                              const std::vector<std::string>& who, bool allow) {
  return at_home(now, [&](Network& n, CommandId id) {
    n.streams().offering().set_access(now, id, service, who, allow);
    n.streams().settle(now);
  });
}
CommandId Overlay::share(Instant now, const std::string& service,
                         const std::vector<std::string>& who, const service::Terms& terms) {
  return at_home(now, [&](Network& n, CommandId id) {
    n.streams().offering().share(now, id, service, who, terms);
    n.streams().settle(now);
  });
}
CommandId Overlay::unshare(Instant now, std::uint64_t share) {
  return at_home(now, [&](Network& n, CommandId id) {
    n.streams().offering().unshare(now, id, share);
    n.streams().settle(now);
  });
}
CommandId Overlay::ask_access(Instant now, const NodeId& node, const std::string& service,
                              const std::string& note) {
  return at_home(now, [&](Network& n, CommandId id) {
    n.streams().asking().ask(now, id, node, {0, service, note});
  });
}
CommandId Overlay::approve(Instant now, std::uint64_t ask,
                           const std::optional<service::Terms>& terms) {
  return at_home(now, [&](Network& n, CommandId id) {
    n.streams().asking().approve(now, id, ask, terms);
    n.streams().settle(now);
  });
}
CommandId Overlay::refuse_ask(Instant now, std::uint64_t ask) {
  return at_home(now, [&](Network& n, CommandId id) {
    n.streams().asking().refuse(impl_->clock.at(now), id, ask);
  });
}
CommandId Overlay::reset_access(Instant now, const std::string& service,
                                const std::vector<std::string>& who) {
  return at_home(now, [&](Network& n, CommandId id) {
    n.streams().offering().reset_access(now, id, service, who);
    n.streams().settle(now);
  });
}
CommandId Overlay::add_mapping(Instant now, service::Mapping mapping) {
  return at_home(now,
                 [&](Network& n, CommandId id) { n.streams().add_door(id, std::move(mapping)); });
}
CommandId Overlay::remove_mapping(Instant now, std::uint64_t mapping) {
  const CommandId id = next_command();
  if (Network* network = with_door(mapping))
    network->streams().remove_door(id, mapping);
  else
    impl_->done(id, kNowhere);
  impl_->settle(now);
  return id;
}
CommandId Overlay::ping(Instant now, const std::string& who, std::optional<Duration> within) {
  return at_home(now, [&](Network& n, CommandId id) {
    const auto node = n.members().find(who);
    if (!node) return impl_->done(id, std::unexpected(node.error()));
    n.peers().ping(now, id, *node, within.value_or(impl_->config.ping_timeout));
  });
}

CommandId Overlay::connect(Instant now, const std::string& service, const std::string& node,
                           std::optional<Duration> within) {
  const CommandId id = next_command();
  if (Network* network = home())
    network->streams().outbound().connect(now, id, service, node, within);
  else
    impl_->events.push_back(ConnectFailed{id, kNowhere.error()});
  impl_->settle(now);
  return id;
}
CommandId Overlay::connect_door(Instant now, std::uint64_t door) {
  const CommandId id = next_command();
  if (Network* network = with_door(door))
    network->streams().outbound().connect_door(now, id, door);
  else
    impl_->events.push_back(ConnectFailed{id, kNowhere.error()});
  impl_->settle(now);
  return id;
}
void Overlay::cancel_connect(CommandId id) {
  for (const auto& [network_id, network] : impl_->networks)
    network->streams().outbound().cancel(id);
}

void Overlay::accept(Instant now, StreamKey key) {
  if (Network* network = impl_->network_of(key.session)) network->streams().accept(now, key);
  impl_->settle(now);
}
void Overlay::refuse(Instant now, StreamKey key, service::OpenStatus status,
                     std::string_view detail) {
  if (Network* network = impl_->network_of(key.session))
    network->streams().refuse(now, key, status, detail);
  impl_->settle(now);
}
Result<void> Overlay::send_message(Instant now, StreamKey key, ByteView payload) {
  Network* network = impl_->network_of(key.session);
  if (network == nullptr) return fail(Errc::NotFound, "no such stream");
  return network->streams().messages().send(now, key, payload);
}
void Overlay::probed(Instant now, const std::string& service, service::Health health,
                     std::string_view detail, const NetworkId& id) {
  if (Network* network = id.is_zero() ? home() : find(id)) {
    network->streams().offering().probed(now, service, health, detail);
    network->streams().settle(now);
  }
  impl_->settle(now);
}

void Overlay::peer_found(Instant now, const NodeId& node,
                         const std::optional<Certificate>& certificate,
                         const std::vector<Endpoint>& endpoints, bool surely) {
  if (Network* network = home())
    network->peers().found(now, {node, certificate, endpoints, surely});
  impl_->settle(now);
}

void Overlay::peer_heard(Instant now, const NodeId& node, const Certificate& certificate,
                         const Endpoint& endpoint) {
  if (Network* network = find(certificate.network))
    network->peers().heard(now, node, certificate, endpoint);
  impl_->settle(now);
}

// ---- queries ------------------------------------------------------------------------------------

std::optional<Overlay::StoreTrouble> Overlay::store_trouble() const {
  if (!impl_->journal.trouble()) return std::nullopt;
  return StoreTrouble{*impl_->journal.trouble(), impl_->journal.unsaved()};
}
path::PathTable& Overlay::paths() { return impl_->paths; }
const path::PathTable& Overlay::paths() const { return impl_->paths; }
session::SessionLayer& Overlay::sessions() { return impl_->sessions; }
const session::SessionLayer& Overlay::sessions() const { return impl_->sessions; }
const OverlayCounters& Overlay::counters() const { return impl_->counters; }
const LinkCounters& Overlay::link_counters() const { return impl_->links.counters(); }
const JournalCounters& Overlay::store_counters() const { return impl_->journal.counters(); }
NodeId Overlay::id() const { return impl_->config.identity.id; }

// What the network answers, or what there is without one.
template <class Question>
auto Overlay::of_home(const Question& question) const {
  Network* network = home();
  using Answer = decltype(question(*network));
  return network == nullptr ? Answer{} : question(*network);
}

std::string Overlay::name() const {
  return of_home([](Network& n) { return n.members().name(); });
}
std::string Overlay::network_name() const {
  return of_home([](Network& n) { return std::string(n.name()); });
}
std::string Overlay::role() const { return home() == nullptr ? "none" : home()->members().role(); }
std::optional<NetworkId> Overlay::network() const {
  return of_home([](Network& n) { return std::optional(n.id()); });
}
std::vector<MemberView> Overlay::members() const {
  return of_home([](Network& n) {
    auto views = n.members().view();
    n.liveness().complete(views);
    return views;
  });
}
std::vector<InviteView> Overlay::invites(Instant now) const {
  return of_home([&](Network& n) { return n.inviter().invites(now); });
}
std::vector<std::pair<std::string, std::string>> Overlay::clocks_off() const {
  return of_home([](Network& n) { return n.peers().clocks_off(); });
}
std::vector<PeerView> Overlay::peers() const {
  return of_home([](Network& n) { return n.peers().view(); });
}
std::vector<ServiceView> Overlay::services() const {
  return of_home([](Network& n) { return services_of(n.streams()); });
}
Result<NodeId> Overlay::provider(const std::string& service, const std::string& node,
                                 bool any) const {
  if (home() == nullptr) return kNowhere;
  return home()->streams().doors().provider(service, node, any);
}
HealthView Overlay::health(const std::string& service) const {
  return of_home([&](Network& n) { return n.streams().offering().health(service); });
}
ServiceWarnings Overlay::warnings() const {
  return of_home([](Network& n) { return warnings_of(n.streams()); });
}
UnixTime Overlay::away_since(const NodeId& node) const {
  return of_home([&](Network& n) { return n.streams().offers().away_since(node); });
}
std::vector<service::Exposure> Overlay::exposures() const {
  return of_home([](Network& n) { return n.streams().offering().registry().list(); });
}
AccessView Overlay::access(const std::string& service) const {
  return of_home([&](Network& n) { return n.streams().offering().access(service); });
}
std::vector<ShareView> Overlay::shares(Instant now) const {
  return of_home([&](Network& n) { return n.streams().offering().shares(impl_->clock.at(now)); });
}
std::vector<AskView> Overlay::asks() const {
  return of_home([](Network& n) { return n.streams().asking().waiting(); });
}
service::Decision Overlay::decide(Instant now, const NodeId& caller,
                                  const std::string& service) const {
  return of_home([&](Network& n) { return n.streams().decide(now, caller, service); });
}
std::vector<std::string> Overlay::denied_by(const std::string& service,
                                            const std::string& who) const {
  return of_home([&](Network& n) { return n.streams().offering().denied_by(service, who); });
}
std::size_t Overlay::connections(const std::string& service) const {
  return of_home([&](Network& n) { return n.streams().inbound().open_to(service); });
}
Network* Overlay::with_door(std::uint64_t door) const {
  for (const auto& [id, network] : impl_->networks)
    if (network->streams().doors().find(door) != nullptr) return network.get();
  return home();
}
std::vector<service::Mapping> Overlay::all_mappings() const {
  std::vector<service::Mapping> out;
  for (const auto& [id, network] : impl_->networks)
    std::ranges::move(network->streams().doors().list(), std::back_inserter(out));
  return out;
}
std::vector<service::Mapping> Overlay::mappings() const {
  return of_home([](Network& n) { return n.streams().doors().list(); });
}
std::vector<std::pair<std::string, std::vector<std::string>>> Overlay::groups() const {
  return of_home([](Network& n) { return n.members().groups(); });
}
std::vector<std::string> Overlay::roster_attention(Instant now) const {
  return of_home([&](Network& n) { return n.sync().attention(now); });
}
bool Overlay::removed() const {
  return of_home([&](Network& n) { return n.roster().state().is_removed(id()); });
}
Result<std::string> Overlay::export_roster() const {
  if (home() == nullptr) return kNowhere;
  return roster::export_json(home()->roster());
}
std::optional<NetworkKeys> Overlay::network_keys() const {
  return of_home([&](Network& n) {
    return std::optional(NetworkKeys{n.id(), n.roster().network_secret(), impl_->config.identity,
                                     n.credential().current(), &impl_->trust});
  });
}
std::vector<KnownPeer> Overlay::known_peers() const {
  return of_home([](Network& n) { return n.peers().known(); });
}
std::optional<discovery::QuestionId> Overlay::ask_dht(Instant now, discovery::Question question) {
  Network* network = home();
  if (network == nullptr) return std::nullopt;
  const auto id = network->mail().ask(now, std::move(question));
  impl_->settle(now);
  return id;
}
const Mail* Overlay::mail() const {
  return of_home([](Network& n) -> const Mail* { return &n.mail(); });
}
nat::Verdict Overlay::nat(Instant now, nat::Family family) const {
  return of_home([&](Network& n) { return n.punch().verdict(now, family); });
}
std::vector<std::string> Overlay::attention(Instant now) const {
  return of_home([&](Network& n) { return n.peers().attention(now); });
}
Result<NodeId> Overlay::find_node(const std::string& who) const {
  if (home() == nullptr) return kNowhere;
  return home()->members().find(who);
}

}  // namespace weft::overlay
