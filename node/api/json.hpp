// JSON in and out of the management API: a bounded parser for bodies, and the envelope around each
// answer, whose `data` is an object with a schema (weft.status/1 and so on, each made by its module
// in node/api/modules). Fields are added to a schema, never renamed.
// Only .cpp files include the full nlohmann header.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/time.hpp"
#include "node/api/result.hpp"

namespace weft::api {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t kMaxBody = 64 * 1024;
inline constexpr std::size_t kMaxJsonDepth = 32;

// RFC 8259, strictly, UTF-8 only; at most kMaxBody bytes and kMaxJsonDepth levels, no key twice in
// an object. A first pass without allocation of values checks all that.
[[nodiscard]] ApiResult<Json> parse_json(std::string_view text);

std::string rfc3339(UnixTime time);  // "2026-01-31T12:00:00Z"

// RFC 9457 problem object: type, title, detail, fix.
Json to_json(const ApiError& error);
// {"success":true,"code":0,"data":...} and {"success":false,"code":4,"data":null,"error":{...}}.
std::string success_envelope(Json data);
std::string error_envelope(const ApiError& error);
// One line of text; bytes that are not UTF-8 are replaced, never thrown about.
std::string dump(const Json& json);
std::string_view name_of(Code code);  // "not_found"
int http_status(Code code);           // 404

}  // namespace weft::api
