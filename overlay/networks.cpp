// The networks of this node: loading, founding, joining and leaving them. On the disk a network is
// what has a static key in Table::Network; "current" under the zero network names the default.
#include <algorithm>
#include <set>

#include "base/assert.hpp"
#include "base/label.hpp"
#include "overlay/overlay_impl.hpp"
#include "overlay/streams/codes.hpp"

namespace weft::overlay {

namespace {

constexpr std::string_view kCurrent = "current";
constexpr std::string_view kStatic = "static";
constexpr std::size_t kShortestPrefix = 8;  // hex digits of a network's id

Row current_row(const NetworkId& network) {
  return {Table::Network, {}, to_bytes(bytes_of(kCurrent)), to_bytes(network.view())};
}

bool moves_along(const Row& row) {
  return row.table == Table::Exposure || row.table == Table::Mapping;
}

std::unexpected<Error> bad_row(const Row& row, const Error& error) {
  const bool trusted = is_trust(row.table);
  return fail(error.code, std::string(trusted ? "trust.db" : "state.db") + ", table " +
                              std::string(name_of(row.table)) + ", key " + to_hex(row.key) + ": " +
                              error.detail +
                              ". Fix: weft restore FILE; without a backup: weft start-over " +
                              (trusted ? "network" : "services"));
}

}  // namespace

// ---- at a start ---------------------------------------------------------------------------------

Result<void> Overlay::Impl::load_rows(Instant now, std::vector<Row> rows) {
  std::set<NetworkId> ids;
  for (const auto& row : rows) {
    relaying.load(row);
    if (row.table != Table::Network || !row.value) continue;
    if (row.network.is_zero() && text_of(row.key) == kCurrent) {
      WEFT_TRY(default_network.bytes, to_array<32>(*row.value));
    } else if (!row.network.is_zero() && text_of(row.key) == kStatic) {
      ids.insert(row.network);
    }
  }
  if (config.relay)
    relaying.set(now, clock.at(now), *config.relay);
  else
    relaying.begin(now, clock.at(now));
  if (default_network.is_zero()) return {};
  ids.insert(default_network);
  // A join that drops an unused network moves its exposures and doors; if it was cut short, they
  // still carry the id of a network that is no more.
  std::vector<Row> adopted;
  for (auto& row : rows) {
    if (!row.value || !moves_along(row) || ids.contains(row.network)) continue;
    adopted.push_back({row.table, row.network, row.key, std::nullopt});
    const bool own = std::ranges::any_of(rows, [&](const Row& other) {
      return other.table == row.table && other.network == default_network && other.key == row.key;
    });
    row.network = default_network;
    if (own)
      row.value.reset();
    else
      adopted.push_back(row);
  }
  for (const auto& id : ids) WEFT_CHECK(load_network(now, id, rows));
  store(default_network, std::move(adopted));
  return {};
}

Result<void> Overlay::Impl::load_network(Instant now, const NetworkId& id,
                                         const std::vector<Row>& rows) {
  std::vector<Row> trusted;
  for (const auto& row : rows)
    if (row.network == id &&
        (row.table == Table::Roster || row.table == Table::Epoch || row.table == Table::Network))
      trusted.push_back(row);
  WEFT_TRY(auto roster, roster::Roster::from_rows(id, trusted));
  auto fresh = std::make_unique<Network>(shared, std::move(roster));
  for (const auto& row : rows) {
    if (row.network != id || !row.value) continue;
    if (const auto loaded = fresh->load(row); !loaded) return bad_row(row, loaded.error());
  }
  install(now, std::move(fresh));
  return {};
}

Network& Overlay::Impl::install(Instant now, std::unique_ptr<Network> fresh,
                                std::optional<StaticCredential> first) {
  Network& network = *fresh;
  trust.add(network.roster());
  networks[network.id()] = std::move(fresh);
  network.begin(now, first);
  return network;
}

std::unique_ptr<Network> Overlay::Impl::take_out(Instant now, const NetworkId& id) {
  Network& network = *networks.at(id);
  network.broker().stop();
  for (const auto session : links.of(id))
    sessions.close(now, session, kCodeDone, "this node left the network");
  hear_sessions(now);
  network.mail().end(now);
  network.drain(now);
  network.end();
  trust.remove(id);
  auto taken = std::move(networks.at(id));
  networks.erase(id);
  sessions.remove_network(now, id);
  return taken;
}

// What it exposes and opens has moved: commands under way are answered as the disk says, then it
// goes.
void Overlay::Impl::retire(Instant now, const NetworkId& id) {
  retired.push_back(take_out(now, id));
}

void Overlay::Impl::uninstall(Instant now, const NetworkId& id) {
  const auto gone = fail(Errc::NotFound, "this node is no longer in that network");
  for (const auto& then : journal.forget(id)) then(now, gone);
  take_out(now, id);
}

void Overlay::Impl::store(const NetworkId& owner, std::vector<Row> rows, Then then, Again again) {
  if (!rows.empty()) journal.store(owner, {std::move(rows), std::move(then), again});
}

// ---- founding -----------------------------------------------------------------------------------

Result<roster::Roster> Overlay::Impl::found(Instant now, const std::string& network_name,
                                            const std::string& node_name) {
  if (!config.person)
    return fail(Errc::Denied, "this node has no person's key, which founds a network");
  if (!is_label(network_name) || !is_label(node_name))
    return fail(Errc::Usage, "a name is 1 to 63 of a-z, 0-9 and -");
  roster::GenesisBody genesis;
  genesis.network_name = network_name;
  genesis.network_secret = rng.bytes<32>();
  genesis.person_key = config.person->public_key;
  genesis.person_name = node_name;
  genesis.node_key = config.identity.public_key();
  genesis.node_name = node_name;
  return roster::Roster::create(*config.person, std::move(genesis), clock.at(now));
}

void Overlay::create_network(Instant now, const std::string& node_name) {
  WEFT_ASSERT(impl_->networks.empty());
  std::string name = node_name + "-net";
  name.resize(std::min(name.size(), kMaxLabel));
  if (name.back() == '-') name.pop_back();  // else no label
  auto roster = impl_->found(now, name, node_name);
  WEFT_ASSERT(roster.has_value());
  Network& fresh =
      impl_->install(now, std::make_unique<Network>(impl_->shared, std::move(*roster)));
  impl_->default_network = fresh.id();
  auto rows = fresh.trust_rows();
  rows.push_back(current_row(fresh.id()));
  impl_->store(fresh.id(), std::move(rows));
  impl_->settle(now);
}

CommandId Overlay::found_network(Instant now, const std::string& network_name,
                                 const std::string& node_name) {
  const CommandId id = next_command();
  auto roster = impl_->found(now, network_name, node_name);
  if (roster && find(network_name)) {
    impl_->done(id, fail(Errc::AlreadyExists,
                         "this node is in a network called \"" + network_name + "\" already"));
  } else if (impl_->networks.size() >= impl_->config.max_networks) {
    impl_->done(id, fail(Errc::Limit, "this node is in " + std::to_string(impl_->networks.size()) +
                                          " networks, and in no more at once"));
  } else if (!roster) {
    impl_->done(id, std::unexpected(roster.error()));
  } else {
    auto fresh = std::make_shared<std::unique_ptr<Network>>(
        std::make_unique<Network>(impl_->shared, std::move(*roster)));
    auto credential = Credential::issue(impl_->config.identity, (*fresh)->id(), impl_->rng,
                                        impl_->clock.at(now), 0);
    auto rows = (*fresh)->trust_rows_with(credential);
    if (impl_->networks.empty()) rows.push_back(current_row((*fresh)->id()));
    impl_->store(
        {}, std::move(rows),
        [impl = impl_.get(), id, fresh, credential](Instant later, const Result<void>& stored) {
          if (!stored) return impl->done(id, std::unexpected(stored.error()));
          if (impl->networks.empty()) impl->default_network = (*fresh)->id();
          Network& network = impl->install(later, std::move(*fresh), credential);
          impl->done(id, NetworkOutcome{network.id(), network.name()});
        },
        Again::Never);
  }
  impl_->settle(now);
  return id;
}

// ---- joining ------------------------------------------------------------------------------------

CommandId Overlay::join(Instant now, const std::string& ticket_text,
                        std::optional<Duration> within) {
  const CommandId id = next_command();
  impl_->start_join(now, id, ticket_text, within);
  impl_->settle(now);
  return id;
}

void Overlay::Impl::start_join(Instant now, CommandId id, const std::string& text,
                               std::optional<Duration> within) {
  auto ticket = roster::Ticket::from_text(text);
  if (!ticket) return done(id, std::unexpected(ticket.error()));
  if (const auto at = networks.find(ticket->network); at != networks.end()) {
    const auto& network = *at->second;
    if (!network.is_out())
      return done(id, fail(Errc::AlreadyExists, "this node is already in that network"),
                  Refusal::Here);
    if (network.roster().state().is_removed(config.identity.id))
      return done(id, fail(Errc::Denied, kRemovedStaysOut), Refusal::Removed);
    return done(id, fail(Errc::Conflict,
                         "this node was let in, but another admin's change came first: it "
                         "is let in again when its inviter meets the others"));
  }
  if (networks.size() >= config.max_networks && !replaced(now))
    return done(id,
                fail(Errc::Conflict, "this node is in " + std::to_string(networks.size()) +
                                         " networks, and in no more at once"),
                Refusal::Elsewhere);
  if (joiner.busy()) return done(id, fail(Errc::Busy, "another join is under way"));
  // Expired by our clock is asked all the same, for a moment: the inviter's clock decides, and
  // who of the two is wrong can be told only by both.
  auto limit = within.value_or(config.join_timeout);
  if (ticket->expires <= clock.at(now)) limit = std::min(limit, kAskExpired);
  joiner.begin(now, id, std::move(*ticket), limit);
}

// The network whose place a join takes: one that this node is out of, or the unused one of a first
// start, if it is the only network.
std::optional<NetworkId> Overlay::Impl::replaced(Instant now) const {
  for (const auto& [id, network] : networks)
    if (network->is_out()) return id;
  if (networks.size() != 1) return std::nullopt;
  const auto& [id, only] = *networks.begin();
  const bool alone = config.max_networks == 1 && only->roster().members().size() == 1;
  return only->unused(now) || alone ? std::optional(id) : std::nullopt;
}

void Overlay::Impl::carry(Instant now, Joiner::Output output) {
  if (auto* say = std::get_if<Say>(&output)) return links.say(now, Room::Joining, std::move(*say));
  if (auto* finished = std::get_if<CommandDone>(&output)) {
    events.push_back(std::move(*finished));
    return;
  }
  if (auto* open = std::get_if<OpenCarrier>(&output)) {
    events.push_back(std::move(*open));
    return;
  }
  joined(now, std::move(std::get<Joiner::Joined>(output)));
}

void Overlay::Impl::joined(Instant now, Joiner::Joined joined) {
  auto fresh = std::make_shared<std::unique_ptr<Network>>(
      std::make_unique<Network>(shared, std::move(joined.roster)));
  auto rows = (*fresh)->trust_rows_with(joined.credential);
  const auto old = replaced(now);
  const bool is_default = networks.empty() || old == default_network;
  if (is_default) rows.push_back(current_row((*fresh)->id()));
  if (old)  // the old network's keys do not stay behind
    std::ranges::move(networks.at(*old)->gone_rows(true), std::back_inserter(rows));
  store(
      {}, std::move(rows),
      [this, fresh, old, is_default, ticket = joined.ticket, credential = joined.credential,
       remote = joined.remote](Instant later, const Result<void>& stored) {
        if (!stored) return joiner.stored(later, stored);
        std::vector<Row> moved;
        if (old) {
          moved = (*fresh)->adopt(*networks.at(*old));
          retire(later, *old);
        }
        Network& network = install(later, std::move(*fresh), credential);
        if (is_default) default_network = network.id();
        store(network.id(), std::move(moved));
        const NodeId via = node_id_of(ticket.inviter);
        network.peers().found(later,
                              {via, std::nullopt, udp_endpoints(ticket.addresses), false,
                               discovery::Source::Ticket, stream_addresses(ticket.addresses)});
        if (remote) network.peers().found(later, {via, std::nullopt, {*remote}, true});
        for (const auto& address : ticket.addresses) {
          const auto* through = std::get_if<RelayAddress>(&address);
          if (through == nullptr) continue;
          std::vector<Endpoint> places;
          for (const auto& place : through->places)
            if (const auto* udp = std::get_if<UdpAddress>(&place)) places.push_back(udp->endpoint);
          if (places.empty()) continue;
          network.peers().found(later, {through->relay, std::nullopt, std::move(places), false,
                                        discovery::Source::Ticket});
          network.peers().want(later, {through->relay, true});
        }
        network.peers().want(later, {via, true});
        joiner.stored(later, {});
      },
      Again::Never);  // else the disk would change networks behind our back
}

// ---- leaving ------------------------------------------------------------------------------------

CommandId Overlay::leave(Instant now, const NetworkId& network, Duration within) {
  const CommandId id = next_command();
  Network* found = find(network);
  if (found == nullptr)
    impl_->done(id, fail(Errc::NotFound, "this node is in no such network"));
  else if (impl_->joiner.busy())
    impl_->done(id, fail(Errc::Busy, "a join or a leave is under way"));
  else
    found->members().leave(now, id, within, impl_->networks.size() == 1);
  impl_->settle(now);
  return id;
}

// State first: were it left behind by a crash, its exposures would look like those of a join that
// was cut short, and be offered in another network.
void Overlay::Impl::forget(Instant now, const NetworkId& id) {
  auto state = networks.at(id)->gone_rows(false);
  auto trusted = networks.at(id)->gone_rows(true);
  uninstall(now, id);
  if (default_network == id) {
    default_network = networks.begin()->first;
    trusted.push_back(current_row(default_network));
  }
  store({}, std::move(state));
  store({}, std::move(trusted));
}

// ---- all of them --------------------------------------------------------------------------------

void Overlay::set_wall_clock(WallClock clock) {
  impl_->clock = clock;
  impl_->sessions.set_wall_clock(clock);
  for (const auto& [id, network] : impl_->networks) network->clock_set();
}

void Overlay::set_local_time(std::int32_t east_s) {
  for (const auto& [id, network] : impl_->networks) network->streams().set_local_time(east_s);
}

void Overlay::set_relay(Instant now, const RelaySettings& settings) {
  impl_->relaying.set(now, impl_->clock.at(now), settings);
  impl_->settle(now);
}

RelayView Overlay::relay(Instant now) const { return impl_->relaying.view(now); }

void Overlay::datagram_refused(Instant now, PathId path, const Endpoint& to, std::size_t size) {
  impl_->sessions.datagram_refused(now, path, to, size);
  for (const auto circuit : impl_->relaying.circuits.through({path, to}))
    impl_->sessions.datagram_refused(now, circuit, relay::stand_in(circuit),
                                     size - std::min(size, relay::kHeader));
}

void Overlay::set_mapped_endpoints(Instant now, std::vector<Endpoint> endpoints) {
  if (endpoints == impl_->config.mapped_endpoints) return;
  impl_->config.mapped_endpoints = std::move(endpoints);
  for (const auto& [id, network] : impl_->networks) {
    network->peers().tell_own_place(false, now);
    network->mail().set_addresses(now, impl_->config.listen_endpoints);
  }
  impl_->settle(now);
}

void Overlay::set_listen_endpoints(Instant now, std::vector<Endpoint> endpoints) {
  if (endpoints == impl_->config.listen_endpoints) return;
  impl_->config.listen_endpoints = std::move(endpoints);
  for (const auto& [id, network] : impl_->networks) {
    network->punch().addresses_changed(now);
    network->peers().tell_own_place(true, now);
    network->mail().set_addresses(now, impl_->config.listen_endpoints);
  }
  impl_->settle(now);
}

void Overlay::set_carriers(Instant now, std::vector<Address> carriers) {
  if (carriers == impl_->config.carriers) return;
  impl_->config.carriers = std::move(carriers);
  for (const auto& [id, network] : impl_->networks) {
    network->peers().tell_own_place(false, now);
    network->mail().others_changed(now);
  }
  impl_->settle(now);
}

void Overlay::carrier_opened(Instant now, CommandId id, PathId path, const Endpoint& remote) {
  impl_->joiner.carrier_opened(now, id, path, remote);
  for (const auto& [network, it] : impl_->networks) it->carrying().opened(now, id, path, remote);
  impl_->settle(now);
}

void Overlay::carrier_failed(Instant now, CommandId id, std::string_view why) {
  impl_->joiner.carrier_failed(now, id);
  for (const auto& [network, it] : impl_->networks) it->carrying().failed(now, id, why);
  impl_->settle(now);
}

void Overlay::carrier_closed(Instant now) {
  for (const auto& [network, it] : impl_->networks) it->carrying().closed(now);
  impl_->settle(now);
}

void Overlay::shutdown(Instant now) {
  for (const auto& [id, network] : impl_->networks) {
    network->liveness().leave(now);
    network->drain(now);
    for (const auto session : impl_->links.of(id))
      impl_->sessions.close(now, session, kCodeShutdown, "the node is going down");
    network->end();
    // Whoever hears it dials again at once: a session taken up now would be left without a word.
    impl_->sessions.remove_network(now, id);
  }
  impl_->settle(now);
}

// ---- which --------------------------------------------------------------------------------------

Overlay::Meaning::Meaning(const Overlay& overlay, const std::optional<NetworkId>& network)
    : overlay_(overlay), before_(std::exchange(overlay.impl_->meant, network)) {}
Overlay::Meaning::~Meaning() { overlay_.impl_->meant = before_; }

Network* Overlay::home() const { return find(impl_->meant.value_or(impl_->default_network)); }

Network* Overlay::find(const NetworkId& id) const {
  const auto at = impl_->networks.find(id);
  return at == impl_->networks.end() ? nullptr : at->second.get();
}

Result<Network*> Overlay::find(const std::string& which) const {
  std::vector<Network*> found;
  for (const auto& [id, network] : impl_->networks)
    if (network->name() == which) found.push_back(network.get());
  if (found.empty() && which.size() >= kShortestPrefix)
    for (const auto& [id, network] : impl_->networks)
      if (to_hex(id.view()).starts_with(which)) found.push_back(network.get());
  if (found.size() == 1) return found.front();
  if (found.empty())
    return fail(Errc::NotFound, "this node is in no network called \"" + which + "\"");
  return fail(Errc::Conflict, "several networks are called \"" + which + "\": name one by its id");
}

std::vector<NetworkView> Overlay::networks(Instant now) const {
  std::vector<NetworkView> out;
  for (const auto& [id, network] : impl_->networks) {
    NetworkView view{id, network->name(), network->members().name(), network->members().role()};
    view.members = network->roster().state().members().size();
    for (const auto& peer : network->peers().known()) view.up += peer.up ? 1 : 0;
    view.is_default = id == impl_->default_network;
    view.unused = network->unused(now);
    out.push_back(std::move(view));
  }
  std::ranges::sort(out, {},
                    [](const NetworkView& v) { return std::tuple(!v.is_default, v.name); });
  return out;
}

CommandId Overlay::set_default(Instant now, const NetworkId& network) {
  const CommandId id = next_command();
  if (find(network) == nullptr) {
    impl_->done(id, fail(Errc::NotFound, "this node is in no such network"));
  } else {
    impl_->store(
        network, {current_row(network)},
        [impl = impl_.get(), id, network](Instant, const Result<void>& stored) {
          if (!stored) return impl->done(id, std::unexpected(stored.error()));
          impl->default_network = network;
          impl->done(id, std::monostate{});
        },
        Again::Never);
  }
  impl_->settle(now);
  return id;
}

}  // namespace weft::overlay
