#include "overlay/discovery/publisher.hpp"

#include <algorithm>

namespace weft::discovery {

void Publisher::set_addresses(Instant now, const std::vector<Endpoint>& own,
                              const std::vector<Endpoint>& observed) {
  told_ = observed;
  for (const Endpoint& endpoint : own)
    if (!endpoint.is_loopback() && std::ranges::find(told_, endpoint) == told_.end())
      told_.push_back(endpoint);
  put_together(now);
}

void Publisher::set_carriers(Instant now, std::vector<Address> carriers) {
  constexpr std::size_t kMost = dht::NodeInfo::kMaxAddresses / 2;
  carriers_ = std::move(carriers);
  carriers_.resize(std::min(carriers_.size(), kMost));
  put_together(now);
}

void Publisher::put_together(Instant now) {
  auto addresses = udp_addresses(told_);
  addresses.resize(std::min(addresses.size(), dht::NodeInfo::kMaxAddresses - carriers_.size()));
  addresses.insert(addresses.end(), carriers_.begin(), carriers_.end());
  if (addresses == addresses_) return;
  addresses_ = std::move(addresses);
  soon(now);
}

void Publisher::set_services(Instant now, std::vector<std::string> names) {
  if (names == services_) return;
  services_ = std::move(names);
  soon(now);
}

bool Publisher::due(Instant now, bool somebody) {
  if (now < next_) return false;
  next_ = now + (somebody ? kEvery : kAgain);
  return somebody;
}

std::uint64_t Publisher::next_sequence(UnixTime wall) {
  last_sequence_ = std::max(last_sequence_ + 1, static_cast<std::uint64_t>(wall));
  return last_sequence_;
}

std::vector<dht::Record> Publisher::records(const Identity& identity, const NetworkId& network,
                                            const Certificate& certificate,
                                            const crypto::Key32& audience, Rng& rng,
                                            UnixTime wall) {
  const std::uint64_t sequence = next_sequence(wall);
  dht::NodeInfo info;
  info.certificate = certificate.encode();
  info.addresses = addresses_;
  std::vector<dht::Record> out;
  out.push_back(dht::Record::node(identity, network, sequence, wall + kLife,
                                  dht::seal_value(audience, identity.id, rng, info.encode())));
  for (const std::string& name : services_) {
    const auto key = dht::service_key(network, name);
    out.push_back(dht::Record::provider(identity, network, key, sequence, wall + kLife,
                                        dht::seal_value(audience, key, rng, bytes_of(name))));
  }
  return out;
}

}  // namespace weft::discovery
