#include "node/checks.hpp"

#include <algorithm>
#include <iterator>

namespace weft::node {

std::vector<doctor::Finding> examine(const Subject& subject) {
  std::vector<Check> all;
  for (const auto& of_noun : checks()) std::ranges::copy(of_noun(), std::back_inserter(all));
  std::ranges::stable_sort(all, {}, &Check::place);
  std::vector<doctor::Finding> out;
  for (const auto& check : all) out.push_back(check.run(subject));
  return out;
}

}  // namespace weft::node
