// What names in a request must look like. Each check answers the call with a refusal when it does
// not hold; then the handler is done.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/api/route.hpp"
#include "overlay/service/mapping.hpp"

namespace weft::api {

inline constexpr std::int64_t kMaxWaitMs = 3'600'000;
inline constexpr std::int64_t kMaxTtlS = 30 * 24 * 3600;

// "timeout_ms", for Call::timeout().
[[nodiscard]] Field timeout_field();

// True when it was refused.
bool bad_name(const Call& call, std::string_view what, const std::string& value);
bool bad_node(const Call& call, const std::string& value);
bool bad_service(const Call& call, const std::string& value);
bool bad_who(const Call& call, const std::string& value);  // a node, group:NAME or *
bool bad_rights(const Call& call, const std::vector<std::string>& rights);

template <class Bad>
bool any_bad(const Call& call, const std::vector<std::string>& values, Bad bad) {
  return std::ranges::any_of(values, [&](const auto& value) { return bad(call, value); });
}

// `several`: SERVICE@NODE,NODE has a meaning here.
std::optional<service::ServiceRef> service_ref(const Call& call, const std::string& text,
                                               bool several = false);

}  // namespace weft::api
