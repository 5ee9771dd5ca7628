// A request's target taken apart (RFC 3986, RFC 9112 3.2.1): the path as segments, the query as the
// fields of a body, so that a GET takes what a POST takes and is checked in the same way.
// Internal to node/api: includes the full JSON header.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "node/api/json.hpp"
#include "node/api/route.hpp"

namespace weft::api {

// "/a/b?c=d" -> {"/a/b", "c=d"}.
[[nodiscard]] std::pair<std::string_view, std::string_view> cut_query(std::string_view target);

// "n=5&kind=peer&kind=path" -> {"n":5,"kind":["peer","path"]}: percent-encoded, each value of its
// field's type; a list is a name that comes again. What no field has stays a text, for the check of
// the body to refuse. Refuses a bad escape, more than 64 names, and one that comes again but is no
// list.
[[nodiscard]] ApiResult<Json> parse_query(std::string_view query, std::span<const Field> fields);

}  // namespace weft::api
