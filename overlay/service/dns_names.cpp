#include "overlay/service/dns_names.hpp"

#include <algorithm>
#include <optional>

#include "overlay/service/weft_name.hpp"

namespace weft::service::dns {

namespace {

bool has_node(const Directory& directory, const std::string& node) {
  return std::ranges::find(directory.nodes, node) != directory.nodes.end();
}

// The node that offers it; nothing when none does, or several.
std::optional<Named> offered(const Directory& directory, const std::string& service) {
  std::optional<Named> out;
  for (const auto& each : directory.services) {
    if (each.service != service) continue;
    if (out) return std::nullopt;
    out = each;
  }
  return out;
}

}  // namespace

Found find(const Directory& directory, std::string_view name) {
  if (name == "weft") return Branch{};
  if (!is_weft_name(name)) return Outside{};
  const auto labels = weft_name(name);
  if (!labels) return Nothing{};
  const auto& [first, second, third] = *labels;
  if (!third.empty() && third != directory.network) return Nothing{};
  Named named{first, second};
  if (!second.empty() && std::ranges::find(directory.services, named) != directory.services.end())
    return named;
  if (!third.empty()) return Nothing{};
  if (second.empty()) {
    if (const auto one = offered(directory, first)) return *one;
    if (has_node(directory, first)) return Host{first};
    return first == directory.network ? Found(Branch{}) : Found(Nothing{});
  }
  if (second == directory.network && has_node(directory, first)) return Host{first};
  return Nothing{};
}

}  // namespace weft::service::dns
