// The terms of a share as a request has them: for_s, hours, from.
#pragma once

#include <optional>

#include "node/api/route.hpp"
#include "overlay/service/terms.hpp"

namespace weft::node {

inline constexpr std::int64_t kMaxShareS = 365LL * 24 * 3600;

// Answers the call when they are wrong. Terms{} when none are named.
[[nodiscard]] std::optional<service::Terms> terms_of(const api::Call& call);
[[nodiscard]] std::vector<api::Field> terms_fields();

}  // namespace weft::node
