// "Did you mean ...?": the word of a list that a typing slip would have turned into another. One
// rule for commands, keys of weft.toml and keys of scenarios.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft {

// How many letters must be changed, added, removed or swapped with their neighbour.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

// The nearest of `words`, or nothing: at most three slips, and at most half of its letters, for
// further off is another word. Of two as near the first.
template <class Words>
std::string nearest_word(std::string_view typed, const Words& words) {
  std::string_view best;
  std::size_t best_distance = 4;
  for (const std::string_view word : words) {
    const auto distance = edit_distance(typed.substr(0, 32), word);
    if (distance >= best_distance || 2 * distance > word.size()) continue;
    best = word;
    best_distance = distance;
  }
  return std::string(best);
}

}  // namespace weft
