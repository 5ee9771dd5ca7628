#include "simulations/scenario_shelf.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace weft::sim {

namespace {

namespace fs = std::filesystem;

ShelfEntry from_file(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return {file.stem().string(), file.string(), text.str()};
}

}  // namespace

std::optional<ShelfEntry> find_scenario(const std::string& name) {
  std::error_code none;
  if (fs::is_regular_file(name, none)) return from_file(name);
  for (auto& entry : all_scenarios())
    if (entry.name == name) return std::move(entry);
  return std::nullopt;
}

std::vector<ShelfEntry> all_scenarios() {
  std::vector<ShelfEntry> entries;
  std::error_code none;
  if (const char* own = std::getenv("WEFT_SCENARIOS"))
    for (const auto& file : fs::directory_iterator(own, none))
      if (file.path().extension() == ".toml") entries.push_back(from_file(file.path()));
  for (const auto& shipped : shipped_scenarios())
    if (std::ranges::find(entries, shipped.name, &ShelfEntry::name) == entries.end())
      entries.push_back({std::string(shipped.name), "", std::string(shipped.text)});
  std::ranges::sort(entries, {}, &ShelfEntry::name);
  return entries;
}

Result<Scenario> read_scenario(const ShelfEntry& entry) {
  if (!entry.file.empty()) return load_scenario(entry.file);
  return parse_scenario(entry.text, entry.name);
}

}  // namespace weft::sim
