#include "node/accounts.hpp"

namespace weft::node {

Traffic& Traffic::operator+=(const Traffic& other) {
  to_peer += other.to_peer;
  from_peer += other.from_peer;
  flows += other.flows;
  return *this;
}

void Accounts::on_flow(const NodeId& peer, const std::string& service) {
  ++at(peer, service).flows;
}

void Accounts::on_bytes(const NodeId& peer, const std::string& service, std::size_t size,
                        adapter::Direction direction) {
  auto& traffic = at(peer, service);
  (direction == adapter::Direction::ToPeer ? traffic.to_peer : traffic.from_peer) += size;
}

Traffic& Accounts::at(const NodeId& peer, const std::string& service) {
  const auto [found, made] = accounts_.try_emplace({peer, service});
  if (!made) {
    by_use_.splice(by_use_.end(), by_use_, found->second.place);
    return found->second.traffic;
  }
  found->second.place = by_use_.insert(by_use_.end(), &found->first);
  if (accounts_.size() > limit_) {
    const auto quiet = accounts_.find(*by_use_.front());
    rest_ += quiet->second.traffic;
    by_use_.pop_front();
    accounts_.erase(quiet);
  }
  return found->second.traffic;
}

std::vector<Accounts::Account> Accounts::list() const {
  std::vector<Account> out;
  for (const auto& [key, entry] : accounts_) out.push_back({key.first, key.second, entry.traffic});
  return out;
}

Traffic Accounts::of_peer(const NodeId& peer) const {
  Traffic sum;
  for (auto at = accounts_.lower_bound({peer, {}});
       at != accounts_.end() && at->first.first == peer; ++at)
    sum += at->second.traffic;
  return sum;
}

Traffic Accounts::of_service(const std::string& service) const {
  Traffic sum;
  for (const auto& [key, entry] : accounts_)
    if (key.second == service) sum += entry.traffic;
  return sum;
}

}  // namespace weft::node
