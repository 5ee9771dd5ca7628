#include "node/api/target.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "base/text.hpp"

namespace weft::api {
namespace {

Result<std::string> unescape(std::string_view text) {
  WEFT_TRY(std::string out, percent_decoded(text));
  if (out.contains('\0')) return fail(Errc::Malformed, "escaped zero byte");
  return out;
}

// A text that is not of the type stays one: the check of the body says what it must be.
Json value_of(std::string text, Type type) {
  if (type == Type::Flag && (text == "true" || text.empty())) return true;
  if (type == Type::Flag && text == "false") return false;
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  if (type == Type::Number && !text.empty())
    if (const auto read = std::from_chars(text.data(), end, number);
        read.ec == std::errc() && read.ptr == end)
      return number;
  if (type == Type::List || type == Type::Texts) return Json::array({std::move(text)});
  return text;
}

}  // namespace

std::pair<std::string_view, std::string_view> cut_query(std::string_view target) {
  const auto at = target.find('?');
  if (at == std::string_view::npos) return {target, {}};
  return {target.substr(0, at), target.substr(at + 1)};
}

ApiResult<Json> parse_query(std::string_view query, std::span<const Field> fields) {
  Json out = Json::object();
  if (query.contains('#')) return refuse(Code::Usage, "a fragment is no part of a request");
  std::size_t pairs = 0;
  while (!query.empty()) {
    const auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = unescape(pair.substr(0, equals));
    auto text = unescape(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    for (const auto* part : {&name, &text})
      if (!*part) return refuse(Code::Usage, "the query does not parse", part->error().detail);
    if (++pairs > kMaxItems) return refuse(Code::Usage, "more than 64 names in the query");
    const auto field = std::ranges::find(fields, *name, &Field::name);
    auto value = field == fields.end() ? Json(*text) : value_of(std::move(*text), field->type);
    const auto there = out.find(*name);
    if (there == out.end())
      out[*name] = std::move(value);
    else if (there->is_array())
      there->push_back(value.is_array() ? value[0] : value);
    else
      return refuse(Code::Usage, "\"" + name->substr(0, 80) + "\" is in the query twice");
  }
  return out;
}

Result<std::vector<std::string>> split_target(std::string_view target) {
  if (!target.starts_with('/') || target.size() > 2048)
    return fail(Errc::Malformed, "not a path, or a long one");
  if (target.find_first_of("?#") != std::string_view::npos)
    return fail(Errc::Malformed, "a query or a fragment is no part of a path");
  Segments out;
  while (!target.empty()) {
    target.remove_prefix(1);
    const auto end = target.find('/');
    WEFT_TRY(auto part, unescape(target.substr(0, end)));
    if (part.contains('/')) return fail(Errc::Malformed, "escaped separator");
    if (out.size() == 8) return fail(Errc::TooLarge, "too many segments");
    out.push_back(std::move(part));
    target = end == std::string_view::npos ? std::string_view() : target.substr(end);
  }
  return out;
}

}  // namespace weft::api
