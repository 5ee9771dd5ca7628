// Reads the exposition format 0.0.4 as strictly as promtool does, and counts what it holds.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weft::metrics {

struct Exposition {
  struct Family {
    std::string help, type;
    std::map<std::string, double> samples;  // "name{label="value"}" as it stands -> value
  };
  std::map<std::string, Family> families;
  std::vector<std::string> faults;  // what promtool check metrics would say, or a parser

  [[nodiscard]] std::size_t series() const {
    std::size_t out = 0;
    for (const auto& [name, family] : families) out += family.samples.size();
    return out;
  }
};

[[nodiscard]] Exposition read_exposition(std::string_view text);

}  // namespace weft::metrics
