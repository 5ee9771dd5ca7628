#include "node/failure_text.hpp"

namespace weft::node {

FailureText take_apart(std::string_view detail, std::string_view program) {
  constexpr std::string_view kMark = "Fix: ";
  constexpr std::string_view kName = "weft ";
  FailureText out;
  const auto at = detail.find(kMark);
  out.why = detail.substr(0, at);
  while (!out.why.empty() && (out.why.back() == ' ' || out.why.back() == '.')) out.why.pop_back();
  if (at == std::string_view::npos) return out;
  auto rest = detail.substr(at + kMark.size());
  for (auto name = rest.find(kName); name != std::string_view::npos; name = rest.find(kName)) {
    const bool word = name == 0 || rest[name - 1] == ' ';
    const bool has_home = rest.substr(name + kName.size()).starts_with("--home");
    out.fix += rest.substr(0, name);
    out.fix += word && !has_home ? std::string(program) + " " : std::string(kName);
    rest.remove_prefix(name + kName.size());
  }
  out.fix += rest;
  return out;
}

}  // namespace weft::node
