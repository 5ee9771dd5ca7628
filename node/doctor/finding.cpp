#include "node/doctor/finding.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace weft::doctor {

std::string_view name_of(Verdict verdict) {
  constexpr std::array<std::string_view, 3> kNames{"PASS", "WARN", "FAIL"};
  return kNames[static_cast<std::size_t>(verdict)];
}

std::string some_of(const std::vector<std::string>& all) {
  constexpr std::size_t kMost = 5;
  std::string out;
  for (std::size_t i = 0; i < std::min(all.size(), kMost); ++i)
    out += (out.empty() ? "" : ", ") + all[i];
  if (all.size() > kMost) out += " and " + std::to_string(all.size() - kMost) + " more";
  return out;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 4> kUnits{"KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  bytes /= 1024;
  while (bytes >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes) + " " + std::string(kUnits[unit]);
}

}  // namespace weft::doctor
