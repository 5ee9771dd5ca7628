#include "simulations/dht/ground_truth.hpp"

#include <gtest/gtest.h>

#include "simulations/model_random.hpp"

namespace weft::sim {
namespace {

NodeId random_id(ModelRandom& random) {
  NodeId id;
  for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(random.next());
  return id;
}

TEST(GroundTruth, ListsTheClosestLikeSortingAllByDistance) {
  ModelRandom random(1);
  GroundTruth truth;
  std::vector<NodeId> ids;
  for (std::uint32_t node = 0; node < 500; ++node) {
    ids.push_back(random_id(random));
    truth.add(ids.back(), node);
  }
  truth.build();
  const auto odd = [](std::uint32_t node) { return node % 2 == 1; };
  for (int round = 0; round < 200; ++round) {
    const NodeId target = random_id(random);
    std::vector<std::uint32_t> expected;
    for (std::uint32_t node = 1; node < 500; node += 2) expected.push_back(node);
    std::ranges::sort(expected, {}, [&](std::uint32_t n) { return distance(ids[n], target); });
    expected.resize(20);
    ASSERT_EQ(truth.closest(target, 20, odd), expected);
  }
}

}  // namespace
}  // namespace weft::sim
