// Where scenarios are found: a file by its path, then $WEFT_SCENARIOS, then those compiled into the
// program, so that a weft carried to another machine has them all.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "simulations/scenario.hpp"

namespace weft::sim {

struct ShippedScenario {
  std::string_view name;
  std::string_view text;
};
// By name. Generated from simulations/scenarios when the program is built.
[[nodiscard]] std::span<const ShippedScenario> shipped_scenarios();

struct ShelfEntry {
  std::string name;
  std::string file;  // empty: compiled in
  std::string text;
};
// A file, or the bare name of a scenario on the shelf; nothing: neither.
[[nodiscard]] std::optional<ShelfEntry> find_scenario(const std::string& name);
// By name; a file of $WEFT_SCENARIOS stands before the one compiled in under the same name.
[[nodiscard]] std::vector<ShelfEntry> all_scenarios();
// Parsed; a matrix it names is taken as beside its file.
[[nodiscard]] Result<Scenario> read_scenario(const ShelfEntry& entry);

}  // namespace weft::sim
