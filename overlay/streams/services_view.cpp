#include "overlay/streams/services_view.hpp"

#include <algorithm>
#include <tuple>

namespace weft::overlay {

std::vector<ServiceView> services_of(const Streams& streams) {
  const auto& members = streams.members();
  std::vector<ServiceView> out;
  for (const auto& [node, offer] : streams.offers().all()) {
    if (offer.lines.empty() || !members.may_expose(node)) continue;
    const auto rtt = members.distance(node);
    const bool up = rtt.has_value();
    for (const auto& line : offer.lines) {
      ServiceView view{line.name,
                       members.label(node),
                       node,
                       line.protocol,
                       static_cast<std::uint16_t>(line.port),
                       up && !service::is_bad(line.health),
                       rtt};
      view.up = up;
      view.away_since = up ? 0 : offer.away_since;
      view.health = line.health;
      if (line.health != service::Health::Unknown)
        view.health_at = offer.told - std::chrono::seconds(line.health_age_s);
      out.push_back(std::move(view));
    }
  }
  std::ranges::sort(out, {}, [](const ServiceView& s) { return std::tie(s.name, s.node); });
  return out;
}

ServiceWarnings warnings_of(const Streams& streams) {
  const auto& members = streams.members();
  const auto& offering = streams.offering();
  ServiceWarnings out;
  out.may_not_expose =
      offering.registry().size() > 0 && !offering.may_expose() && members.is_member(members.self());
  for (const auto& [node, offer] : streams.offers().all())
    if (!offer.lines.empty() && offer.unlicensed > 0 && !members.may_expose(node))
      out.unlicensed.emplace_back(members.label(node), offer.unlicensed);
  const auto& doors = streams.doors();
  out.pinned.assign(doors.pinned().begin(), doors.pinned().end());
  out.unpinned.assign(doors.unpinned().begin(), doors.unpinned().end());
  return out;
}

}  // namespace weft::overlay
