// What the NAT around this node does, as members see it, and what it relays.
#include "node/doctor/ways.hpp"
#include "node/checks.hpp"
#include "node/io/clock.hpp"
#include "overlay/relaying/relay_home.hpp"

namespace weft::node {
namespace {

doctor::Finding look_at_nat(const Subject& subject) {
  std::vector<doctor::Nat> facts;
  for (const auto family : {nat::Family::V4, nat::Family::V6}) {
    const auto verdict = subject.overlay.nat(io::monotonic_time(), family);
    doctor::Nat one{family == nat::Family::V4 ? "IPv4" : "IPv6",
                    std::string(nat::name_of(verdict.mapping)),
                    std::string(nat::name_of(verdict.filtering)),
                    std::string(nat::name_of(verdict.ports)),
                    verdict.mapping == nat::Mapping::None,
                    verdict.mapping != nat::Mapping::Unknown,
                    verdict.predictable(),
                    verdict.observers,
                    {}};
    for (const auto& endpoint : verdict.outside) one.outside.push_back(to_text(endpoint));
    facts.push_back(std::move(one));
  }
  return doctor::nat(facts);
}

doctor::Finding look_at_relay(const Subject& subject) {
  const auto view = subject.overlay.relay(io::monotonic_time());
  return doctor::relay({view.settings.mode != overlay::RelaySettings::Mode::Off, view.reached,
                        view.used, view.settings.cap, view.circuits, view.own_circuits});
}

}  // namespace

std::vector<Check> ways_checks() { return {{24, look_at_nat}, {25, look_at_relay}}; }

}  // namespace weft::node
