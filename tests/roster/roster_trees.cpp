// Writes exports of random rosters, one a line, for tools/roster_check to judge: half of them lives
// of a network (random_network.hpp), half trees in which anybody signs anything.
//   roster_trees COUNT
#include <cstdlib>
#include <iostream>

#include "overlay/roster/export.hpp"
#include "tests/roster/random_network.hpp"

namespace weft::roster {
namespace {

// Whatever the roster takes of what somebody throws at it.
class RandomTree {
 public:
  explicit RandomTree(std::uint64_t seed) : rng_(seed) {
    for (std::uint64_t i = 0; i < 6; ++i) keys_.push_back(key_of(100 + i));
    keys_.insert(keys_.end(), {kit_.person, kit_.a, kit_.b});
    heads_.push_back(kit_.roster.head());
    grow();
  }
  [[nodiscard]] const Roster& roster() const { return kit_.roster; }

 private:
  const crypto::Ed25519KeyPair& any() { return keys_[rng_.uniform(keys_.size())]; }
  // Admins of old are drawn more often, else most is refused.
  const crypto::Ed25519KeyPair& signer() {
    return rng_.uniform(2) == 0 ? keys_[6 + rng_.uniform(3)] : any();
  }

  Body body() {
    const auto& key = any();
    const auto id = id_of(key);
    const auto name = "n" + std::to_string(rng_.uniform(9));
    const MayFlags may = rng_.uniform(3) == 0 ? kMayExpose : kMayExpose | kMayAdmin;
    switch (rng_.uniform(13)) {
      case 0:
        return PersonBody{key.public_key, name, may};
      case 1:
        return NodeBody{key.public_key, name, any().public_key, may};
      case 2:
        return GrantBody{"blog", id, 0};
      case 3:
        return QuotaBody{id, 5};
      case 4:
        return KeyChangeBody{id, any().public_key, {}};
      case 5:
        return RemovalBody{true, key.public_key};
      case 6:
      case 7:
        return RemovalBody{false, id.bytes};
      case 8:
        return GroupBody{"g" + std::to_string(rng_.uniform(2)), rng_.uniform(3) != 0, id};
      case 9:
        return TopicBody{"app." + std::to_string(rng_.uniform(2)),
                         id,
                         {},
                         static_cast<Ruling>(rng_.uniform(3)),
                         static_cast<Ruling>(rng_.uniform(2))};
      default:
        return kit_.node(key, name, may);
    }
  }

  Entry entry(const Head& parent) {
    if (rng_.uniform(25) == 0)
      return Entry::sign(signer(), kit_.roster.network(), parent, static_cast<Kind>(77), Bytes{1},
                         kit_.now, rng_.uniform(2) == 0);
    auto what = body();
    if (auto* change = std::get_if<KeyChangeBody>(&what)) {
      const auto& fresh = any();
      change->new_identity = fresh.public_key;
      change->proof = key_change_proof(fresh, kit_.roster.network(), change->node);
    }
    auto made = kit_.on(parent, signer(), what);
    if (!made.is(Kind::Removal) || rng_.uniform(3) != 0) return made;
    for (const auto& key : {kit_.person, kit_.a, kit_.b, keys_[0], keys_[1]})
      if (key.public_key != made.signer && rng_.uniform(2) == 0) made.cosign(key);
    return made;
  }

  void grow() {
    for (int tries = 0; tries < 120 && heads_.size() < 40; ++tries) {
      // Mostly at the ends, so that branches get long; at times anywhere.
      const auto back = rng_.uniform(3) == 0
                            ? rng_.uniform(heads_.size())
                            : rng_.uniform(std::min<std::size_t>(3, heads_.size()));
      const auto made = entry(heads_[heads_.size() - 1 - back]);
      ++kit_.now;
      if (const auto taken = kit_.roster.append(made); taken && !taken->already_known)
        heads_.push_back(head_of(made));
    }
  }

  SeededRng rng_;
  Kit kit_;
  std::vector<crypto::Ed25519KeyPair> keys_;
  std::vector<Head> heads_;
};

int run(std::uint64_t count) {
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    if (seed % 2 == 0) {
      const RandomTree tree(seed);
      tree.roster().check_invariants();
      std::cout << export_json(tree.roster()) << "\n";
    } else {
      RandomNetwork net(seed);
      net.live(30);
      std::cout << export_json(net.nodes()[seed % net.nodes().size()].roster) << "\n";
    }
  }
  return std::cout.flush() ? 0 : 1;
}

}  // namespace
}  // namespace weft::roster

int main(int argc, char** argv) {
  return weft::roster::run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100);
}
