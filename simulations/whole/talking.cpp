// What members say to each other, and whom they hold for dead.
#include <algorithm>

#include "overlay/network.hpp"
#include "simulations/whole/workload.hpp"

namespace weft::sim {

namespace {
constexpr Duration kAskAgain = 5s;
constexpr std::uint32_t kLooks = 4;  // nodes whose view of all others a sample compares
}  // namespace

void WholeWorkload::subscribe(Instant now, std::uint32_t node, bool fresh) {
  if (!online(node) || !nodes_[node]->joined || nodes_[node]->removed) return;
  presence_.came(now, node);
  if (hash_of(seed_, node, 6) % 100 >= options_.subscribers_percent) return;
  if (!node_at(node).subscribe(now)) return run_.post(now + kAskAgain, kSubscribe, node);
  run_.simulator().drain(node);
  talk_.subscribed(now, node, fresh);
}

void WholeWorkload::publish_some(Instant now) {
  next_publish_ += run_.pause(options_.publishes_per_node_hour);
  run_.post(next_publish_, kPublish);
  const auto node = population_.draw_online();
  if (!node || !nodes_[*node]->joined || nodes_[*node]->removed) return;
  if (node_at(*node).overlay().home() == nullptr) return;
  const auto number = talk_.publish(now, *node);
  const auto id = node_at(*node).publish(now, number, options_.message_bytes);
  nodes_[*node]->commands[id] = {Pending::What::Publish, number, now};
  run_.simulator().drain(*node);
}

void WholeWorkload::went(Instant now, std::uint32_t node) {
  talk_.stopped(node);
  presence_.went(now, node);
}

void WholeWorkload::on(Instant now, std::uint32_t node, const MessageTaken& fact) {
  if (options_.sabotage == Sabotage::LosesMessage && fact.number % 8 == 0) return;
  const auto once = [&] {
    const auto came = talk_.taken(now, node, name_of_node(node), fact);
    if (came && came->measured) note(now, Operation::Delivery, came->published, true);
  };
  once();
  if (options_.sabotage == Sabotage::DoublesMessage) once();
}

void WholeWorkload::on(Instant now, std::uint32_t node, const StateSeen& fact) {
  const auto about = by_id_.find(fact.node);
  if (about == by_id_.end() || fact.state != membership::State::Dead) return;
  if (const auto went = presence_.called_dead(now, node, about->second))
    note(now, Operation::Detect, *went, true);
}

void WholeWorkload::check_talk(Instant now) {
  if (parted_) return;
  talk_.check(now, disturbed_, [&](std::uint32_t node) {
    if (!online(node) || nodes_[node]->removed) return false;
    const auto peers = node_at(node).overlay().peers();
    return std::ranges::any_of(peers, [](const auto& p) { return p.state == "up"; });
  });
}

// A few nodes at each sample, in turn: all with all would be the square of them.
void WholeWorkload::check_presence(Instant now) {
  if (parted_) return;
  for (std::uint32_t i = 0; i < std::min<std::size_t>(kLooks, nodes_.size()); ++i) {
    looked_ = (looked_ + 1) % static_cast<std::uint32_t>(nodes_.size());
    if (!online(looked_) || !nodes_[looked_]->joined || nodes_[looked_]->removed) continue;
    auto* network = node_at(looked_).overlay().home();
    if (network == nullptr) continue;
    for (const auto& [id, member] : network->liveness().table().all()) {
      const auto about = by_id_.find(id);
      if (about == by_id_.end() || about->second == looked_) continue;
      const auto state =
          options_.sabotage == Sabotage::SeesGhosts ? membership::State::Dead : member.state;
      presence_.check(now, looked_, about->second, state);
    }
  }
}

std::vector<std::string> WholeWorkload::talk_notes() const {
  std::vector<std::string> out;
  if (talk_.published() > 0)
    out.push_back(std::to_string(talk_.published()) + " messages published, " +
                  std::to_string(talk_.delivered()) + " taken by subscribers, who were told of " +
                  std::to_string(talk_.missed()) + " that they missed");
  out.push_back(std::to_string(presence_.wrongly()) +
                " times a member that was there was held for dead by another");
  return out;
}

}  // namespace weft::sim
