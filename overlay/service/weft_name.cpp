#include "overlay/service/weft_name.hpp"

#include <vector>

#include "base/label.hpp"

namespace weft::service {

namespace {

constexpr std::string_view kSuffix = ".weft";
constexpr std::string_view kLocal = ".localhost";
constexpr std::size_t kMaxHost = 255;

std::string lower(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string out(host.substr(0, kMaxHost + 1));
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<WeftName> parse(std::string_view host) {
  if (host.size() > kMaxHost || !host.ends_with(kSuffix)) return std::nullopt;
  host.remove_suffix(kSuffix.size());
  std::vector<std::string> labels;
  for (;;) {
    const auto dot = host.find('.');
    const auto label = host.substr(0, dot);
    if (!is_label(label) || labels.size() == 3) return std::nullopt;
    labels.emplace_back(label);
    if (dot == std::string_view::npos) break;
    host.remove_prefix(dot + 1);
  }
  labels.resize(3);
  return WeftName{labels[0], labels[1], labels[2]};
}

}  // namespace

bool is_weft_name(std::string_view host) {
  const auto name = lower(host);
  return name == kSuffix.substr(1) || name.ends_with(kSuffix);
}

std::optional<WeftName> weft_name(std::string_view host) { return parse(lower(host)); }

std::optional<WeftName> weft_localhost_name(std::string_view host) {
  const auto name = lower(host);
  if (!name.ends_with(kLocal)) return std::nullopt;
  return parse(std::string_view(name).substr(0, name.size() - kLocal.size()));
}

}  // namespace weft::service
