// Whether others reach this node: where they see it, and whether somebody came unasked.
#include "node/checks.hpp"
#include "node/doctor/network.hpp"
#include "node/local_addresses.hpp"
#include "overlay/mail/mail.hpp"

namespace weft::node {
namespace {

doctor::Finding look_at_reach(const Subject& subject) {
  doctor::Reach facts;
  const auto own = local_endpoints(subject.driver.udp().bound());
  if (reachable_from_others(own))
    for (const auto& endpoint : own) facts.own.push_back(to_text(endpoint));
  if (const auto* mail = subject.overlay.mail()) {
    facts.server = mail->discovery().dht().is_server();
    for (const auto& endpoint : mail->discovery().observed().candidates())
      facts.seen_at.push_back(to_text(endpoint));
  }
  for (const auto& peer : subject.overlay.peers()) {
    ++facts.others;
    facts.sessions += peer.session ? 1 : 0;
  }
  return doctor::reachable(facts);
}

}  // namespace

std::vector<Check> reach_checks() { return {{23, look_at_reach}}; }

}  // namespace weft::node
