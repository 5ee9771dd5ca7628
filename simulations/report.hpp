// A RunResult as files in one directory: series.csv (a row per sample), operations.csv (a row per
// lookup, get and put), nodes.csv (traffic), plots as SVG, report.html (self-contained) and
// result.json (weft.sim/1). Each CSV starts with a comment naming scenario, nodes and seed.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.hpp"
#include "simulations/metrics.hpp"

namespace weft::sim {

[[nodiscard]] nlohmann::ordered_json to_json(const RunResult& result);
// Creates the directory if need be; an error if nothing can be written there.
[[nodiscard]] Result<void> prepare_directory(const std::string& directory);
[[nodiscard]] Result<void> write_report(const RunResult& result, const std::string& description,
                                        const std::string& directory);

}  // namespace weft::sim
