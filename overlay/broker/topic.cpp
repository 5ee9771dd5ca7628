#include "overlay/broker/topic.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace weft::broker {

namespace {

// The first token; `rest` is what stands behind its dot.
std::string_view take_token(std::string_view& rest) {
  const auto dot = rest.find('.');
  const auto token = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  return token;
}

bool is_token(std::string_view token) {
  for (auto rest = token; !rest.empty();) {
    const auto character = first_character(rest);
    if (character.size == 0 || character.code == ' ' || is_control(character.code)) return false;
    rest.remove_prefix(character.size);
  }
  return !token.empty();
}

bool well_formed(std::string_view text, bool wildcards) {
  if (text.empty() || text.size() > kMaxTopic || text.back() == '.') return false;
  while (!text.empty()) {
    const auto token = take_token(text);
    if (!is_token(token)) return false;
    if (token == ">" && (!wildcards || !text.empty())) return false;
    if (token == "*" && !wildcards) return false;
  }
  return true;
}

}  // namespace

bool is_topic(std::string_view text) { return well_formed(text, false); }
bool is_pattern(std::string_view text) { return well_formed(text, true); }

bool is_system(std::string_view topic) {
  return std::ranges::find(kSystemTopics, topic) != std::end(kSystemTopics);
}

bool has_wildcard(std::string_view pattern) {
  while (!pattern.empty())
    if (const auto token = take_token(pattern); token == "*" || token == ">") return true;
  return false;
}

bool matches(std::string_view pattern, std::string_view topic) {
  while (!pattern.empty() && !topic.empty()) {
    const auto wanted = take_token(pattern);
    if (wanted == ">") return true;
    const auto token = take_token(topic);
    if (wanted != "*" && wanted != token) return false;
  }
  return pattern.empty() && topic.empty();
}

}  // namespace weft::broker
