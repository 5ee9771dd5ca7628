// What the JSON of several answers is made of.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "node/api/json.hpp"

namespace weft::api {

// Microseconds are as fine as anyone reads.
inline Json rounded(const std::optional<double>& ms) {
  if (!ms) return nullptr;
  return std::round(*ms * 1000.0) / 1000.0;
}

inline Json age_json(const std::optional<std::int64_t>& seconds) {
  return seconds ? Json(*seconds) : Json(nullptr);
}

template <class T, class F>
Json list_json(const std::vector<T>& items, F one) {
  Json out = Json::array();
  for (const auto& item : items) out.push_back(one(item));
  return out;
}

}  // namespace weft::api
