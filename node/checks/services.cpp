// What this node offers and opens.
#include "node/checks.hpp"
#include "node/control_doors.hpp"
#include "node/doctor/network.hpp"

namespace weft::node {
namespace {

doctor::Finding look_at_services(const Subject& subject) {
  std::vector<std::string> unhealthy;
  const auto exposures = subject.overlay.exposures();
  for (const auto& exposure : exposures) {
    const auto health = subject.overlay.health(exposure.name);
    if (health.health == service::Health::Refused || health.health == service::Health::NoAnswer)
      unhealthy.push_back(exposure.name + " (" + exposure.target.to_text() + ")");
  }
  return doctor::services(unhealthy, exposures.size());
}

doctor::Finding look_at_doors(const Subject& subject) {
  std::vector<std::string> troubles;
  const auto mappings = subject.overlay.mappings();
  for (const auto& mapping : mappings) {
    const auto why = subject.doors.why_shut(mapping.id);
    if (!why.empty())
      troubles.push_back("door " + std::to_string(mapping.id) + " to " + mapping.service +
                         " cannot be opened: " + why);
  }
  return doctor::doors(troubles, mappings.size());
}

}  // namespace

std::vector<Check> services_checks() { return {{40, look_at_services}, {41, look_at_doors}}; }

}  // namespace weft::node
