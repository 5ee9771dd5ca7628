#include "simulations/nat_model.hpp"

#include <algorithm>

namespace weft::sim {

std::optional<NatBehavior> nat_behavior_named(std::string_view name) {
  NatBehavior b;
  if (name == "port_restricted") return b;
  if (name == "full_cone") {
    b.filtering = NatScope::EndpointIndependent;
    return b;
  }
  if (name == "restricted") {
    b.filtering = NatScope::Address;
    return b;
  }
  if (name == "symmetric") {
    b.mapping = NatScope::AddressAndPort;
    b.ports = NatPorts::Random;
    b.timeout = 60s;
    return b;
  }
  if (name == "cgnat") {
    b.mapping = NatScope::AddressAndPort;
    b.ports = NatPorts::Random;
    b.timeout = 30s;
    b.quota = 256;
    return b;
  }
  return std::nullopt;
}

NatModel::NatModel(const NatBehavior& behavior, std::uint64_t seed)
    : behavior_(behavior), random_(seed) {}

Endpoint NatModel::scoped(NatScope scope, const Endpoint& remote) {
  if (scope == NatScope::EndpointIndependent) return {};
  Endpoint key = remote;
  if (scope == NatScope::Address) key.port = 0;
  return key;
}

bool NatModel::port_free(std::uint16_t port) const {
  return std::ranges::none_of(mappings_, [&](const auto& m) { return m.public_port == port; });
}

std::optional<std::uint16_t> NatModel::pick_port(std::uint16_t wanted) {
  if (behavior_.ports == NatPorts::Preserve && wanted >= 1024 && port_free(wanted)) return wanted;
  for (int attempt = 0; attempt < 64; ++attempt) {
    std::uint16_t port = 0;
    if (behavior_.ports == NatPorts::Random) {
      port = static_cast<std::uint16_t>(1024 + random_.below(64512));
    } else {
      port = next_port_ =
          next_port_ == 65535 ? std::uint16_t{1024} : static_cast<std::uint16_t>(next_port_ + 1);
    }
    if (port_free(port)) return port;
  }
  return std::nullopt;
}

void NatModel::expire(Instant now) {
  next_expiry_check_ = now + 1s;
  const auto gone = [&](const Mapping& m) { return !m.permanent && m.expires <= now; };
  counters_.expired += static_cast<std::uint64_t>(std::erase_if(mappings_, gone));
  for (auto& mapping : mappings_)
    std::erase_if(mapping.permitted, [&](const Permission& p) { return p.expires <= now; });
}

void NatModel::permit(Mapping& mapping, Instant now, const Endpoint& remote) const {
  mapping.expires = now + behavior_.timeout;
  if (behavior_.filtering == NatScope::EndpointIndependent) return;
  const Endpoint key = scoped(behavior_.filtering, remote);
  for (auto& permission : mapping.permitted) {
    if (permission.remote != key) continue;
    permission.expires = mapping.expires;
    return;
  }
  mapping.permitted.push_back({key, mapping.expires});
}

std::optional<std::uint16_t> NatModel::outbound(Instant now, const Inside& from,
                                                const Endpoint& to) {
  if (now >= next_expiry_check_) expire(now);
  const Endpoint key = scoped(behavior_.mapping, to);
  for (auto& mapping : mappings_) {
    if (mapping.inside != from || (!mapping.permanent && mapping.remote != key)) continue;
    if (!mapping.permanent && mapping.expires <= now) continue;
    permit(mapping, now, to);
    return mapping.public_port;
  }
  expire(now);
  if (mappings_.size() >= behavior_.quota) {
    ++counters_.refused;
    return std::nullopt;
  }
  const auto port = pick_port(from.port);
  if (!port) {
    ++counters_.refused;
    return std::nullopt;
  }
  mappings_.push_back({from, key, *port, false, now, {}});
  permit(mappings_.back(), now, to);
  return port;
}

std::optional<NatModel::Inside> NatModel::inbound(Instant now, std::uint16_t public_port,
                                                  const Endpoint& from) {
  for (auto& mapping : mappings_) {
    if (mapping.public_port != public_port) continue;
    if (mapping.permanent) return mapping.inside;
    if (mapping.expires <= now) continue;
    if (behavior_.filtering != NatScope::EndpointIndependent) {
      const Endpoint key = scoped(behavior_.filtering, from);
      const auto open = [&](const Permission& p) { return p.remote == key && p.expires > now; };
      if (std::ranges::none_of(mapping.permitted, open)) break;
    }
    if (behavior_.inbound_refresh) mapping.expires = now + behavior_.timeout;
    return mapping.inside;
  }
  ++counters_.filtered;
  return std::nullopt;
}

void NatModel::open_port(const Inside& inside, std::uint16_t public_port) {
  std::erase_if(mappings_, [&](const Mapping& m) { return m.public_port == public_port; });
  mappings_.push_back({inside, {}, public_port, true, Instant::max(), {}});
}

void NatModel::reopen(const Inside& before, const Inside& after) {
  const auto opened = [&](const Mapping& m) { return m.permanent && m.inside == before; };
  if (std::erase_if(mappings_, opened) > 0) open_port(after, after.port);
}

void NatModel::forget() {
  std::erase_if(mappings_, [](const Mapping& m) { return !m.permanent; });
}

std::size_t NatModel::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + mappings_.capacity() * sizeof(Mapping);
  for (const auto& m : mappings_) bytes += m.permitted.capacity() * sizeof(Permission);
  return bytes;
}

}  // namespace weft::sim
