#include "node/gateway.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "node/adapter/tcp_end.hpp"
#include "node/exit_flow.hpp"
#include "node/io/clock.hpp"
#include "node/local_addresses.hpp"

namespace weft::node {

namespace {

overlay::StreamKey overlay_key(const adapter::StreamKey& key) { return {key.session, key.stream}; }
adapter::StreamKey port_key(const overlay::StreamKey& key) { return {key.session, key.stream}; }

service::OpenStatus status_of(adapter::ConnectFailure failure) {
  switch (failure) {
    case adapter::ConnectFailure::Refused:
      return service::OpenStatus::TargetRefused;
    case adapter::ConnectFailure::Limit:
      return service::OpenStatus::Limit;
    case adapter::ConnectFailure::Unreachable:
    case adapter::ConnectFailure::Timeout:
    case adapter::ConnectFailure::NotFound:
    case adapter::ConnectFailure::Denied:
      break;
  }
  return service::OpenStatus::TargetUnreachable;
}

// Looked up for each: addresses come and go.
bool is_own_address(const Endpoint& at) {
  return std::ranges::any_of(machine_addresses(), [&](const LocalAddress& own) {
    return own.endpoint.address == at.address;
  });
}

Errc errc_of(service::OpenStatus status) {
  switch (status) {
    case service::OpenStatus::Denied:
      return Errc::Denied;
    case service::OpenStatus::NoSuchService:
      return Errc::NotFound;
    case service::OpenStatus::Limit:
      return Errc::Limit;
    case service::OpenStatus::TargetRefused:
    case service::OpenStatus::TargetUnreachable:
    case service::OpenStatus::NotDirect:
    case service::OpenStatus::Ok:
      break;
  }
  return Errc::NoPath;
}

}  // namespace

Gateway::Gateway(io::EventLoop& loop, ServicePort& port, Record on_happened,
                 adapter::FindAdapter find_adapter)
    : record(std::move(on_happened)),
      loop_(loop),
      port_(port),
      find_adapter_(find_adapter),
      connector_(loop) {}

Gateway::~Gateway() = default;

// ---- doors --------------------------------------------------------------------------------------

Result<Gateway::BoundDoor> Gateway::bind(service::Protocol protocol, const Endpoint& at,
                                         adapter::IfTaken taken) {
  const auto* adapter = find_adapter_(protocol);
  if (adapter == nullptr || (adapter->needs_messages && port_.messages() == nullptr))
    return fail(Errc::Unsupported,
                "this weft has no doors for " + std::string(service::name_of(protocol)));
  BoundDoor door;
  door.mapping = std::make_shared<std::uint64_t>(0);
  WEFT_TRY(door.listener,
           adapter->listen(loop_, at, taken,
                           [this, id = door.mapping](std::unique_ptr<adapter::LocalEnd> client) {
                             on_client(*id, std::move(client));
                           }));
  return door;
}

void Gateway::install(BoundDoor bound, const service::Mapping& mapping) {
  *bound.mapping = mapping.id;
  OpenDoor& door = doors_[mapping.id];
  door.mapping = mapping;
  door.network = port_.network_of(mapping.id);
  if (mapping.node && door.network) door.peer = port_.name_of(*door.network, *mapping.node);
  door.listener = std::move(bound.listener);
}

void Gateway::close_door(std::uint64_t mapping) {
  doors_.erase(mapping);
  std::erase_if(waiting_, [&](const auto& entry) {
    if (entry.second.mapping != mapping) return false;
    port_.cancel_connect(entry.first);
    return true;
  });
  std::erase_if(connections_, [&](const auto& entry) {
    if (entry.second.mapping != mapping) return false;
    add_ended(entry.second);
    return true;
  });
}

void Gateway::close_all_but(const std::vector<service::Mapping>& kept) {
  std::vector<std::uint64_t> gone;
  for (const auto& [id, door] : doors_)
    if (std::ranges::find(kept, id, &service::Mapping::id) == kept.end()) gone.push_back(id);
  for (const auto id : gone) close_door(id);
}

DoorTraffic Gateway::traffic(std::uint64_t mapping) const {
  DoorTraffic sum;
  if (const auto door = doors_.find(mapping); door != doors_.end()) sum = door->second.done;
  for (const auto& [key, connection] : connections_) {
    if (connection.mapping != mapping || !connection.flow) continue;
    ++sum.connections;
    sum.tx_bytes += connection.flow->counters().to_stream;
    sum.rx_bytes += connection.flow->counters().from_stream;
    if (const auto* datagrams = connection.flow->datagrams()) sum.datagrams += *datagrams;
  }
  return sum;
}

void Gateway::on_client(std::uint64_t mapping, std::unique_ptr<adapter::LocalEnd> end) {
  const auto door = doors_.find(mapping);
  if (door == doors_.end()) return;  // and the client is refused, as below
  auto place = take_place(std::nullopt, "doors");
  if (!place) return;
  const auto& service = door->second.mapping.service;
  const auto id = port_.connect_door(mapping);
  waiting_.emplace(id, Client{std::move(*place),
                              std::move(end),
                              mapping,
                              {},
                              service,
                              door->second.peer,
                              door->second.network});
  if (door->second.mapping.once) {
    doors_.erase(door);  // and its listener; the one client goes on
    if (on_once_used) on_once_used(mapping);
  }
}

// ---- pipes --------------------------------------------------------------------------------------

void Gateway::open_pipe(const std::string& service, const std::string& node, Duration within,
                        PipeAnswer answered) {
  auto place = take_place(std::nullopt, "pipes");
  if (!place)
    return answered(std::unexpected(Refusal{{Errc::Limit, "too many connections at this node"}}));
  const auto id = port_.connect(service, node, within);
  waiting_.emplace(id, Client{std::move(*place), {}, 0, std::move(answered), service, node});
}

void Gateway::adopt(const overlay::StreamKey& key, io::UniqueFd socket, ByteView early) {
  const auto at = connections_.find(port_key(key));
  if (at == connections_.end()) return;
  if (!socket) {
    port_.streams().reset(port_key(key), adapter::kLocalClosed);
    return forget(key);
  }
  if (!early.empty()) port_.write(key, early);
  start_flow(key, *adapter::tcp_end(std::move(socket)), at->second);
}

void Gateway::adopt(const overlay::StreamKey& key, std::unique_ptr<adapter::LocalEnd> end) {
  const auto at = connections_.find(port_key(key));
  if (at == connections_.end()) return;
  if (end) return start_flow(key, *end, at->second);
  port_.streams().reset(port_key(key), adapter::kLocalClosed);
  forget(key);
}

// ---- events -------------------------------------------------------------------------------------

bool Gateway::handle(overlay::OverlayEvent& event) {
  if (const auto* ready = std::get_if<overlay::ConnectReady>(&event)) return on(*ready), true;
  if (const auto* failed = std::get_if<overlay::ConnectFailed>(&event)) return on(*failed), true;
  if (const auto* ok = std::get_if<overlay::ConnectAccepted>(&event)) return on(*ok), true;
  if (const auto* refused = std::get_if<overlay::ConnectRefused>(&event)) return on(*refused), true;
  if (const auto* inbound = std::get_if<overlay::InboundStream>(&event)) return on(*inbound), true;
  if (const auto* probe = std::get_if<overlay::ProbeTarget>(&event)) return on(*probe), true;
  if (const auto* readable = std::get_if<overlay::DataReadable>(&event)) {
    if (auto* flow = flow_of(readable->key)) flow->on_stream_readable();
    return true;
  }
  if (const auto* writable = std::get_if<overlay::DataWritable>(&event)) {
    if (auto* flow = flow_of(writable->key)) flow->on_stream_writable();
    return true;
  }
  if (const auto* reset = std::get_if<overlay::DataReset>(&event)) {
    if (auto* flow = flow_of(reset->key)) flow->on_stream_reset(reset->code);
    return true;
  }
  if (const auto* message = std::get_if<overlay::MessageArrived>(&event)) {
    if (auto* flow = flow_of(message->key)) flow->on_message(message->payload);
    return true;
  }
  if (const auto* closed = std::get_if<overlay::DataClosed>(&event)) {
    on_closed(closed->key);
    return true;
  }
  return false;
}

void Gateway::on_closed(const overlay::StreamKey& key) {
  port_.ungate(key);
  if (const auto target = connecting_.find(key); target != connecting_.end()) {
    connector_.cancel(target->second.ticket);
    connecting_.erase(target);
  }
  if (auto* flow = flow_of(key)) return flow->on_stream_closed();
  const auto at = connections_.find(port_key(key));
  if (at == connections_.end()) return;
  auto pipe = std::move(at->second.pipe);
  connections_.erase(at);
  if (pipe) pipe(std::unexpected(Refusal{{Errc::NoPath, "the session ended"}}));
}

void Gateway::on(const overlay::ConnectReady& e) {
  auto node = waiting_.extract(e.id);
  if (node.empty()) {  // the client is gone: so is its stream
    port_.streams().reset(port_key(e.key), adapter::kLocalClosed);
    return;
  }
  Client client = std::move(node.mapped());
  port_.gate(e.key);
  Connection& connection = connections_[port_key(e.key)];
  connection.place = std::move(client.place);
  connection.mapping = client.mapping;
  connection.pipe = std::move(client.pipe);
  connection.service = std::move(client.service);
  connection.peer = std::move(client.peer);
  if (const auto far = port_.far_end(e.key)) {
    connection.node = far->node;
    connection.network = far->network;
  }
  if (!connection.pipe) start_flow(e.key, *client.end, connection);
}

void Gateway::on(const overlay::ConnectFailed& e) {
  auto node = waiting_.extract(e.id);
  if (node.empty()) return;
  Client client = std::move(node.mapped());
  if (client.pipe) return client.pipe(std::unexpected(Refusal{e.error}));
  record(client.network, events::ConnectFailed{client.service, client.peer, e.error.detail});
}

void Gateway::on(const overlay::ConnectAccepted& e) {
  port_.ungate(e.key);
  const auto at = connections_.find(port_key(e.key));
  if (at == connections_.end()) return;
  if (auto pipe = std::exchange(at->second.pipe, {})) pipe(e.key);
}

void Gateway::on(const overlay::ConnectRefused& e) {
  port_.ungate(e.key);
  const auto at = connections_.find(port_key(e.key));
  if (at == connections_.end()) return;
  record(at->second.network,
         events::RefusedByPeer{at->second.service, at->second.peer,
                               std::string(service::name_of(e.status)), e.detail});
  auto pipe = std::move(at->second.pipe);
  forget(e.key);  // a flow that is not done ends its local side
  if (pipe) pipe(std::unexpected(Refusal{{errc_of(e.status), e.detail}, e.status, e.who}));
}

void Gateway::on(const overlay::InboundStream& e) {
  const auto& target = e.exposure.target;
  adapter::Target where{target.host, target.port, target.path};
  if (const auto why = own_places.forbid(e.exposure.protocol, target)) return refuse_own(e, *why);
  if (target.kind == service::Target::Kind::Exit) return serve_exit(e);
  if (target.kind == service::Target::Kind::Folder) return serve_folder(e);
  const auto* adapter = find_adapter_(e.exposure.protocol);
  if (adapter == nullptr)
    return port_.refuse(
        e.key, service::OpenStatus::TargetUnreachable,
        "its weft does not speak " + std::string(service::name_of(e.exposure.protocol)));
  auto place = take_place(e.caller, e.caller_name);
  if (!place)
    return port_.refuse(e.key, service::OpenStatus::Limit,
                        "you hold all the connections that one member may have there");
  connecting_[e.key] = {std::move(*place),
                        connector_.connect(
                            where, [this, e](auto result) { on_target(e, std::move(result)); },
                            adapter::Connector::kTimeout, adapter->socket_type)};
}

// There is no program behind it: the stream says where to go (exit_flow.hpp).
void Gateway::serve_exit(const overlay::InboundStream& e) {
  auto policy = service::ExitPolicy::from_text(e.exposure.target.path);
  if (!policy)
    return port_.refuse(e.key, service::OpenStatus::TargetUnreachable, "the exit has no rules");
  auto place = take_place(e.caller, e.caller_name);
  if (!place)
    return port_.refuse(e.key, service::OpenStatus::Limit,
                        "you hold all the connections that one member may have there");
  port_.accept(e.key);
  Connection& connection = connections_[port_key(e.key)];
  connection.place = std::move(*place);
  connection.service = e.exposure.name;
  connection.peer = e.caller_name;
  connection.node = e.caller;
  connection.network = e.network;
  const auto refused = [this, service = e.exposure.name, peer = e.caller_name, network = e.network](
                           const std::string& where, const std::string& why) {
    record(network, events::ExitRefused{service, peer, where, why});
  };
  start_flow(e.key, *exit_end({connector_, is_own_address, refused}, std::move(*policy)),
             connection);
}

// Nor of a folder: a server of ours answers (file_sessions.hpp).
void Gateway::serve_folder(const overlay::InboundStream& e) {
  auto place = take_place(e.caller, e.caller_name);
  auto socket = place && on_folder ? on_folder(e.exposure.target.path) : io::UniqueFd();
  if (!socket)
    return port_.refuse(e.key, service::OpenStatus::Limit,
                        place ? "too many connections there"
                              : "you hold all the connections that one member may have there");
  port_.accept(e.key);
  Connection& connection = connections_[port_key(e.key)];
  connection.place = std::move(*place);
  connection.service = e.exposure.name;
  connection.peer = e.caller_name;
  connection.node = e.caller;
  start_flow(e.key, *adapter::tcp_end(std::move(socket)), connection);
}

std::optional<ConnectionShares::Place> Gateway::take_place(const ConnectionShares::Holder& holder,
                                                           std::string_view name) {
  const std::size_t left = capacity_ > doors_.size() ? capacity_ - doors_.size() : 0;
  auto place = shares_.take(io::monotonic_time(), holder, left);
  if (!place)
    record({}, events::Limit{"connections", std::string(holder ? name : ""),
                             std::string(holder ? "" : name), shares_.held(holder), left});
  return place;
}

std::vector<ConnectionShares::Crowd> Gateway::crowds() const {
  return shares_.crowds(io::monotonic_time());
}

void Gateway::refuse_own(const overlay::InboundStream& inbound, const std::string& why) {
  record(inbound.network, events::TargetRefused{inbound.exposure.name, inbound.caller_name, why});
  port_.refuse(inbound.key, service::OpenStatus::TargetUnreachable,
               "the target may not be offered");
}

void Gateway::on_target(const overlay::InboundStream& inbound,
                        std::expected<io::UniqueFd, adapter::ConnectError> target) {
  auto under_way = connecting_.extract(inbound.key);
  WEFT_ASSERT(!under_way.empty());
  if (target && is_this_process(target->value()))
    return refuse_own(inbound, "the target leads back into weft itself");
  if (!target) {
    record(inbound.network,
           events::TargetFailed{inbound.exposure.name, inbound.caller_name, target.error().detail});
    return port_.refuse(inbound.key, status_of(target.error().failure), target.error().detail);
  }
  if (inbound.exposure.protocol == service::Protocol::Http && on_http)
    *target = on_http(std::move(*target), inbound);
  if (!*target)
    return port_.refuse(inbound.key, service::OpenStatus::Limit, "too many connections there");
  port_.accept(inbound.key);
  Connection& connection = connections_[port_key(inbound.key)];
  connection.place = std::move(under_way.mapped().place);
  connection.service = inbound.exposure.name;
  connection.peer = inbound.caller_name;
  connection.node = inbound.caller;
  connection.network = inbound.network;
  const auto* adapter = find_adapter_(inbound.exposure.protocol);
  start_flow(inbound.key, *adapter->end_of(std::move(*target)), connection);
}

// Connects once and hangs up: programs that log who connects see one line for each look.
void Gateway::on(const overlay::ProbeTarget& e) {
  const auto& target = e.exposure.target;
  const auto& name = e.exposure.name;
  if (const auto why = own_places.forbid(e.exposure.protocol, target))
    return probed(e.network, name, service::Health::NoAnswer, *why);
  if (target.kind == service::Target::Kind::Exit)
    return probed(e.network, name, service::Health::Ok, {});
  if (target.kind == service::Target::Kind::Folder) {
    if (!look_at_folder) return probed(e.network, name, service::Health::Unknown, {});
    return look_at_folder(target.path, [this, network = e.network, name](const Result<void>& seen) {
      probed(network, name, seen ? service::Health::Ok : service::Health::NoAnswer,
             seen ? std::string() : seen.error().detail);
    });
  }
  // Where nothing answers a knock, only a real question would tell.
  const auto* adapter = find_adapter_(e.exposure.protocol);
  if (adapter == nullptr || adapter->socket_type != SOCK_STREAM)
    return probed(e.network, name, service::Health::Unknown, {});
  auto place = take_place(std::nullopt, "probes");
  if (!place) return probed(e.network, name, service::Health::Unknown, {});
  connector_.connect(
      {target.host, target.port, target.path},
      [this, name, network = e.network,
       place = std::make_shared<ConnectionShares::Place>(std::move(*place))](const auto& result) {
        if (result) return probed(network, name, service::Health::Ok, {});
        const bool refused =
            status_of(result.error().failure) == service::OpenStatus::TargetRefused;
        probed(network, name, refused ? service::Health::Refused : service::Health::NoAnswer,
               result.error().detail);
      },
      kProbeTimeout);
}

void Gateway::probed(const NetworkId& network, const std::string& service, service::Health health,
                     std::string_view detail) {
  port_.probed(network, service, health, detail);
  if (on_probed) on_probed(network, service);
}

// ---- flows --------------------------------------------------------------------------------------

void Gateway::start_flow(const overlay::StreamKey& key, adapter::LocalEnd& end,
                         Connection& connection) {
  accounts_.on_flow(connection.node, connection.service);
  connection.flow =
      end.begin({loop_, port_.streams(), port_.messages(), datagram_idle_}, port_key(key), *this);
  connection.flow->start();
}

void Gateway::on_bytes(adapter::StreamKey key, std::size_t size, adapter::Direction direction) {
  const auto at = connections_.find(key);
  if (at == connections_.end()) return;
  accounts_.on_bytes(at->second.node, at->second.service, size, direction);
}

void Gateway::on_nobody_there(adapter::StreamKey key) {
  const auto at = connections_.find(key);
  if (at == connections_.end()) return;
  record(at->second.network,
         events::TargetFailed{at->second.service, at->second.peer, "nobody takes its datagrams"});
}

void Gateway::on_flow_done(adapter::StreamKey key, adapter::FlowEnd) {
  const auto at = connections_.find(key);
  if (at == connections_.end()) return;
  if (const auto door = doors_.find(at->second.mapping); door != doors_.end()) {
    door->second.done.tx_bytes += at->second.flow->counters().to_stream;
    door->second.done.rx_bytes += at->second.flow->counters().from_stream;
    if (const auto* datagrams = at->second.flow->datagrams())
      door->second.done.datagrams += *datagrams;
  }
  forget(overlay_key(key));
}

adapter::Flow* Gateway::flow_of(const overlay::StreamKey& key) {
  const auto at = connections_.find(port_key(key));
  return at == connections_.end() ? nullptr : at->second.flow.get();
}

void Gateway::forget(const overlay::StreamKey& key) {
  port_.ungate(key);
  if (const auto at = connections_.find(port_key(key)); at != connections_.end()) {
    add_ended(at->second);
    connections_.erase(at);
  }
}

adapter::FlowCounters Gateway::bytes() const {
  adapter::FlowCounters sum = ended_;
  for (const auto& [key, connection] : connections_)
    if (connection.flow) add_fields(sum, connection.flow->counters());
  return sum;
}

void Gateway::add_ended(const Connection& connection) {
  if (connection.flow) add_fields(ended_, connection.flow->counters());
}

}  // namespace weft::node
