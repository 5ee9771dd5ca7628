// Networks that live at random: admins let in, remove, lower and rename while partitions come and
// go, and who was removed goes on writing with its old copy. Used where rosters must agree, and
// where another program must agree with them.
#pragma once

#include <map>
#include <set>

#include "tests/roster/kit.hpp"

namespace weft::roster {

class RandomNetwork {
 public:
  struct Node {
    crypto::Ed25519KeyPair key;
    Roster roster;
    std::size_t side = 0;
    std::vector<Bytes> heard;  // in order of arrival
    std::set<Bytes> known;
  };
  struct Removed {
    crypto::Ed25519KeyPair target;
    NodeId by;
  };

  explicit RandomNetwork(std::uint64_t seed) : rng_(seed) {
    nodes_.reserve(kMaxNodes);
    nodes_.push_back({kit_.a, founded(), 0, {}, {}});
    auto& first = nodes_.front();
    sign(first, kit_.person, kit_.node(kit_.b, "b", kMayExpose | kMayAdmin));
    add_node(first, kit_.b);
  }

  void live(int steps) {
    for (int step = 0; step < steps; ++step) {
      auto& node = nodes_[rng_.uniform(nodes_.size())];
      const auto dice = rng_.uniform(20);
      if (dice < 3)
        for (auto& other : nodes_) other.side = rng_.uniform(3);
      else if (dice < 7)
        meet(node, nodes_[rng_.uniform(nodes_.size())]);
      else if (dice < 11)
        forge();
      else if (may_sign(node))
        act(node);
    }
  }

  // Everybody hears everything, in an order of its own; authors sign again until nobody has to.
  bool settle() {
    for (int round = 0; round < 60; ++round) {
      for (auto& node : nodes_) node.side = 0;
      for (auto& to : nodes_)
        for (auto& from : nodes_) hear(to, from.heard);
      for (auto& node : nodes_) hear(node, forged_);
      bool quiet = true;
      for (auto& node : nodes_) quiet = !repair(node) && quiet;
      if (quiet) return true;
    }
    return false;
  }

  [[nodiscard]] Roster copy_in_another_order() {
    auto order = nodes_.front().heard;
    shuffle(order);
    auto roster = founded();
    for (const auto& bytes : order) std::ignore = roster.append(bytes);
    return roster;
  }

  [[nodiscard]] const Kit& kit() const { return kit_; }
  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<Removed>& removed() const { return removed_; }
  // Keys that only somebody's old copy let in, and whose copy that was.
  [[nodiscard]] const std::map<NodeId, NodeId>& smuggled() const { return smuggled_; }

 private:
  static constexpr std::size_t kMaxNodes = 10;

  Roster founded() const {
    const std::vector<Bytes> genesis{kit_.roster.entries_for({}).front()};
    return std::move(*Roster::from_chain(kit_.roster.network(), genesis));
  }

  bool may_sign(const Node& node) const {
    return node.roster.may_sign(node.key.public_key) && node.roster.member(id_of(node.key));
  }

  void add_node(Node& inviter, const crypto::Ed25519KeyPair& key) {
    auto copy = std::move(*Roster::from_rows(inviter.roster.network(), inviter.roster.rows()));
    Node node{key, std::move(copy), inviter.side, {}, {}};
    for (const auto& bytes : inviter.heard) {  // not what waits there for its parent
      if (!node.roster.holds(crypto::sha256(bytes))) continue;
      node.heard.push_back(bytes);
      node.known.insert(bytes);
    }
    nodes_.push_back(std::move(node));
  }

  bool take(Node& node, const Bytes& bytes) {
    if (!node.known.insert(bytes).second) return false;
    node.heard.push_back(bytes);
    return node.roster.append(bytes).has_value();
  }
  void hear(Node& node, std::vector<Bytes> entries) {
    std::erase_if(entries, [&](const Bytes& bytes) { return node.known.contains(bytes); });
    shuffle(entries);
    for (const auto& bytes : entries) take(node, bytes);
  }
  void shuffle(std::vector<Bytes>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[rng_.uniform(i)]);
  }
  void meet(Node& a, Node& b) {
    if (&a == &b || a.side != b.side) return;
    const auto mine = a.heard;
    hear(a, b.heard);
    hear(b, mine);
    repair(a);
    repair(b);
  }
  bool repair(Node& node) {
    if (!node.roster.member(id_of(node.key))) return false;
    bool any = false;
    for (const auto& loser : node.roster.pending_losers(node.key.public_key))
      if (const auto entry = node.roster.resign(node.key, loser, ++kit_.now))
        any = take(node, entry->encode()) || any;
    return any;
  }

  bool sign(Node& node, const crypto::Ed25519KeyPair& key, const Body& body) {
    const auto entry = node.roster.propose(key, body, ++kit_.now);
    return entry && take(node, entry->encode());
  }

  void act(Node& node) {
    // The founder's person lives with the first node, and signs for it, as in a real home.
    const bool founder = &node == nodes_.data();
    const auto& key = founder && rng_.uniform(2) == 0 ? kit_.person : node.key;
    const auto members = node.roster.members();
    const auto& target = members[rng_.uniform(members.size())];
    const auto dice = rng_.uniform(10);
    if (dice < 4 && nodes_.size() < kMaxNodes) {
      const auto fresh = key_of(1000 + ++keys_);
      const MayFlags may = rng_.uniform(3) == 0 ? kMayExpose : kMayExpose | kMayAdmin;
      if (sign(node, key, kit_.node(fresh, "n" + std::to_string(rng_.uniform(12)), may)))
        add_node(node, fresh);
    } else if (dice < 7) {
      remove(node, key, target);
    } else if (dice < 8) {
      NodeBody body{target.identity, target.name, target.owner, target.may ^ kMayAdmin};
      sign(node, key, body);
    } else {
      const auto group = "g" + std::to_string(rng_.uniform(3));
      sign(node, key, GroupBody{group, !node.roster.state().in_group(target.id, group), target.id});
    }
  }

  void remove(Node& node, const crypto::Ed25519KeyPair& key, const Member& target) {
    const auto id = target.id;
    if (id == id_of(kit_.a) || id == node_id_of(key.public_key)) return;
    const auto found =
        std::ranges::find_if(nodes_, [&](const Node& other) { return id_of(other.key) == id; });
    if (found == nodes_.end() || !sign(node, key, RemovalBody{false, id.bytes})) return;
    removed_.push_back({found->key, node_id_of(key.public_key)});
  }

  // Somebody who was removed takes its old copy and writes beside what came since.
  void forge() {
    if (removed_.empty()) return;
    const auto evil = removed_[rng_.uniform(removed_.size())].target;
    const auto& source = nodes_[rng_.uniform(nodes_.size())].heard;
    if (source.empty()) return;
    auto parent = Entry::decode(source[rng_.uniform(source.size())]);
    if (!forged_.empty() && rng_.uniform(3) == 0)
      parent = Entry::decode(forged_[rng_.uniform(forged_.size())]);
    const auto friend_of = key_of(5000 + ++keys_);
    Body body = kit_.node(friend_of, "e" + std::to_string(keys_), kMayExpose | kMayAdmin);
    const auto dice = rng_.uniform(4);
    const auto& victim = nodes_[rng_.uniform(nodes_.size())].key;
    if (dice == 0) body = RemovalBody{false, id_of(victim).bytes};
    if (dice == 1) body = RemovalBody{false, id_of(evil).bytes};
    const bool by_friend = !smuggled_keys_.empty() && rng_.uniform(3) == 0;
    const auto signer = by_friend ? smuggled_keys_[rng_.uniform(smuggled_keys_.size())] : evil;
    if (dice > 1) {
      smuggled_[id_of(friend_of)] = id_of(signer);
      smuggled_keys_.push_back(friend_of);
    }
    const auto entry = kit_.on(head_of(*parent), signer, body);
    forged_.push_back(entry.encode());
    take(nodes_[rng_.uniform(nodes_.size())], forged_.back());
  }

  SeededRng rng_;
  Kit kit_;
  std::vector<Node> nodes_;
  std::vector<Removed> removed_;
  std::vector<Bytes> forged_;
  std::map<NodeId, NodeId> smuggled_;
  std::vector<crypto::Ed25519KeyPair> smuggled_keys_;
  std::uint64_t keys_ = 0;
};

}  // namespace weft::roster
