#include "simulations/network.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::sim {

namespace {
// Public addresses are 32.0.0.0/5, handed out by a bijection so that neighbours in age are no
// neighbours in address: a table limited per /24 sees the diversity the real world has.
constexpr std::uint32_t kFirstAddress = 0x20000000;
constexpr std::uint32_t kAddressMask = (1U << 27) - 1;
constexpr std::uint32_t kStride = 0x2545f49d;       // odd
constexpr std::uint32_t kHomeAddress = 0xc0a80002;  // 192.168.0.2, of the first in each home
constexpr Duration kHomeDelay = 1ms;
bool is_home_address(const Endpoint& endpoint) {
  return endpoint.is_v4() && endpoint.v4_address() >> 16 == kHomeAddress >> 16;
}
constexpr std::uint32_t inverse(std::uint32_t odd) {
  std::uint32_t x = odd;
  for (int i = 0; i < 5; ++i) x *= 2 - odd * x;
  return x;
}
static_assert(inverse(kStride) * kStride == 1);
}  // namespace

std::string_view name_of(Drop reason) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Drop::kCount)> kNames{
      "no route",   "loss",      "uplink full", "downlink full",
      "translator", "hop limit", "partition",   "offline"};
  return kNames[static_cast<std::size_t>(reason)];
}

Result<Network> Network::create(const NetworkOptions& options, std::uint64_t seed) {
  WEFT_TRY(auto latency, LatencyModel::create(options.latency, seed));
  Network network(std::move(latency));
  network.options_ = options;
  network.seed_ = hash_of(seed, 0x6e657477);
  std::uint32_t sum = 0;
  for (const auto& share : options.nats) {
    auto behavior = nat_behavior_named(share.kind);
    if (!behavior) return fail(Errc::Usage, "unknown kind of NAT " + share.kind);
    if (options.nat_timeout > 0s) behavior->timeout = options.nat_timeout;
    if (options.nat_quota > 0) behavior->quota = options.nat_quota;
    behavior->hairpin = options.nat_hairpin;
    sum += share.percent;
    network.nat_kinds_.emplace_back(sum, *behavior);
  }
  if (sum > 100) return fail(Errc::Usage, "shares of NATs add up to more than 100");
  return network;
}

Endpoint Network::address_of(std::uint32_t gateway, std::uint16_t port) {
  return Endpoint::v4(kFirstAddress + ((gateway * kStride) & kAddressMask), port);
}

std::optional<std::uint32_t> Network::gateway_at(const Endpoint& endpoint) const {
  if (!endpoint.is_v4()) return std::nullopt;
  const std::uint32_t address = endpoint.v4_address();
  if ((address & ~kAddressMask) != kFirstAddress) return std::nullopt;
  const std::uint32_t gateway = (address * inverse(kStride)) & kAddressMask;
  if (gateway >= gateways_.size()) return std::nullopt;
  return gateway;
}

const NatBehavior* Network::pick_nat(std::uint32_t node) const {
  const std::uint64_t draw = hash_of(seed_, node, 2) % 100;
  for (const auto& [below, behavior] : nat_kinds_)
    if (draw < below) return &behavior;
  return nullptr;
}

Link Network::line_of(std::uint32_t node) const {
  std::uint64_t draw = hash_of(seed_, node, 3) % 100;
  std::uint8_t access = 0;
  while (draw >= kAccessClasses[access].percent) draw -= kAccessClasses[access++].percent;
  return Link(access);
}

std::uint32_t Network::add_node(Placement placement) {
  const auto node = static_cast<std::uint32_t>(nodes_.size());
  NodeState state;
  const NatBehavior* nat = placement == Placement::Public ? nullptr : pick_nat(node);
  if (nat == nullptr) {
    state.gateway = static_cast<std::uint32_t>(gateways_.size());
    gateways_.push_back({node, nullptr, line_of(node)});
  } else {
    if (open_home_size_ == 0 || open_home_size_ >= options_.home_size) {
      open_home_ = static_cast<std::uint32_t>(gateways_.size());
      open_home_size_ = 0;
      gateways_.push_back(
          {node, std::make_unique<NatModel>(*nat, hash_of(seed_, node, 4)), line_of(node)});
    }
    state.gateway = open_home_;
    state.place = static_cast<std::uint16_t>(open_home_size_);
    state.port = static_cast<std::uint16_t>(4000 + open_home_size_++);
    gateways_[state.gateway].home.push_back(node);
    state.opened = hash_of(seed_, node, 5) % 100 < options_.port_mapping_percent;
    if (state.opened) gateways_[state.gateway].nat->open_port({node, state.port}, state.port);
  }
  const std::uint32_t first = gateways_[state.gateway].node;
  latency_.add_node(node, first);
  if (shards() > 1) state.shard = static_cast<std::uint8_t>(latency_.continent_of(first));
  nodes_.push_back(state);
  return node;
}

std::optional<Instant> Network::drop(Drop reason, std::uint32_t shard) {
  count_drop(reason, shard);
  return std::nullopt;
}

// From one of a home to another: no translator, no line, no loss.
std::optional<Instant> Network::send_home(Instant now, std::uint32_t from, const Endpoint& to,
                                          PacketHeader& header) {
  const NodeState& sender = nodes_[from];
  const auto& home = gateways_[sender.gateway].home;
  const std::uint32_t place = to.v4_address() - kHomeAddress;
  if (place >= home.size()) return drop(Drop::NoRoute, sender.shard);
  header.from = from;
  header.number = sender.packets;
  header.gateway = home[place];
  header.at_home = true;
  header.to_port = to.port;
  header.seen_from = own_endpoint(from);
  return now + kHomeDelay;
}

std::optional<Instant> Network::send(Instant now, std::uint32_t from, const Endpoint& to,
                                     std::size_t size, PacketHeader& header, std::uint8_t ttl) {
  NodeState& sender = nodes_[from];
  const std::uint64_t packet = ++sender.packets;
  if (is_home_address(to)) return send_home(now, from, to, header);
  const auto gateway = gateway_at(to);
  if (!gateway) return drop(Drop::NoRoute, sender.shard);
  header.from = from;
  header.number = sender.packets;
  header.gateway = *gateway;
  header.to_port = to.port;
  std::uint16_t port = sender.port;
  Gateway& own = gateways_[sender.gateway];
  if (own.nat) {
    if (*gateway == sender.gateway && !own.nat->behavior().hairpin)
      return drop(Drop::Translator, sender.shard);
    const auto mapped = own.nat->outbound(now, {from, sender.port}, to);
    if (!mapped) return drop(Drop::Translator, sender.shard);
    port = *mapped;
  }
  if (ttl > 0) return drop(Drop::HopLimit, sender.shard);
  header.seen_from = address_of(sender.gateway, port);
  std::optional<Instant> left = now;
  if (options_.access_queues) left = own.link.send(now, size, options_.queue_limit);
  if (!left) return drop(Drop::UplinkFull, sender.shard);
  if (own.link.loses(now, options_.loss, hash_of(seed_, from, packet)))
    return drop(Drop::Loss, sender.shard);
  const std::uint32_t far = gateways_[*gateway].node;
  // A home is one place; who of it sends tells its packets apart.
  const std::uint64_t draw = packet | std::uint64_t{from - own.node} << 32;
  Duration way = latency_.sample(own.node, far, draw);
  if (nodes_[far].shard != sender.shard) way = std::max(way, kLookahead);
  Instant arrival = *left + way;
  if (options_.access_queues) arrival += gateways_[*gateway].link.receive_time(size);
  return arrival;
}

Network::Arrival Network::arrive(Instant now, PacketHeader& header) {
  Arrival arrival;
  if (header.at_home) {
    arrival.node = header.gateway;
    if (nodes_[arrival.node].port == header.to_port)
      arrival.verdict = Arrival::Verdict::Deliver;
    else
      count_drop(Drop::NoRoute, nodes_[arrival.node].shard);
    return arrival;
  }
  Gateway& gateway = gateways_[header.gateway];
  arrival.node = gateway.node;
  const auto dropped = [&](Drop reason) {
    count_drop(reason, shard_of_gateway(header.gateway));
    return arrival;
  };
  if (gateway.nat) {
    const auto inside = gateway.nat->inbound(now, header.to_port, header.seen_from);
    if (!inside) return dropped(Drop::Translator);
    arrival.node = inside->node;
    if (nodes_[arrival.node].port != inside->port) return dropped(Drop::Translator);
  }
  const NodeState& receiver = nodes_[arrival.node];
  if (!gateway.nat && header.to_port != receiver.port) return dropped(Drop::NoRoute);
  if (parted_ && nodes_[header.from].side != receiver.side) return dropped(Drop::Partition);
  if (!header.queued) {
    const std::uint64_t draw = hash_of(seed_ ^ 0x72, header.from, header.number);
    if (gateway.link.loses(now, options_.loss, draw ^ mix64(arrival.node)))
      return dropped(Drop::Loss);
    if (options_.access_queues) {
      const auto done = gateway.link.receive(now, header.size, options_.queue_limit);
      if (!done) return dropped(Drop::DownlinkFull);
      if (*done > now) {
        header.queued = true;
        arrival.verdict = Arrival::Verdict::Later;
        arrival.at = *done;
        return arrival;
      }
    }
  }
  arrival.verdict = Arrival::Verdict::Deliver;
  return arrival;
}

Endpoint Network::public_endpoint(std::uint32_t node) const {
  return address_of(nodes_[node].gateway, nodes_[node].port);
}

Endpoint Network::own_endpoint(std::uint32_t node) const {
  if (is_public(node)) return public_endpoint(node);
  return Endpoint::v4(kHomeAddress + nodes_[node].place, nodes_[node].port);
}

bool Network::is_public(std::uint32_t node) const { return !gateways_[nodes_[node].gateway].nat; }

void Network::move_node(std::uint32_t node) {
  NodeState& state = nodes_[node];
  const NatModel::Inside before{node, state.port};
  state.port = static_cast<std::uint16_t>(state.port >= 60'000 ? 4000 : state.port + 64);
  if (auto& nat = gateways_[state.gateway].nat) {
    nat->forget();
    nat->reopen(before, {node, state.port});
  }
}

void Network::heal() {
  parted_ = false;
  for (auto& node : nodes_) node.side = 0;
}

std::size_t Network::memory_bytes() const {
  std::size_t bytes = nodes_.capacity() * sizeof(NodeState) +
                      gateways_.capacity() * sizeof(Gateway) + latency_.memory_bytes();
  for (const auto& gateway : gateways_)
    if (gateway.nat) bytes += gateway.nat->memory_bytes();
  return bytes;
}

}  // namespace weft::sim
