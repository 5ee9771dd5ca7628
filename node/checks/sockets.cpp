// Sockets and what goes through them: what is bound, whether the kernel may cut trains, how much a
// datagram holds on the way.
#include "node/checks.hpp"
#include "node/control_answers.hpp"
#include "node/doctor/network.hpp"

namespace weft::node {
namespace {

doctor::Finding look_at_sockets(const Subject& subject) {
  doctor::Sockets facts;
  for (const auto& endpoint : subject.driver.udp().bound())
    facts.bound.push_back(to_text(endpoint));
  const auto counted = subject.driver.udp().counters();
  facts.received = counted.rx_datagrams;
  facts.lost_for_room = counted.rx_kernel_drops;
  facts.sent = counted.tx_datagrams;
  facts.not_sent = counted.tx_errors;
  return doctor::sockets(facts);
}

doctor::Finding look_at_gso(const Subject& subject) {
  const auto& gso = subject.overlay.paths().gso();
  std::vector<std::string> off;
  for (const auto& interface : gso.off()) off.push_back(address_text(interface.local));
  return doctor::gso(std::string(path::name_of(gso.setting())), off);
}

// A session that met no limit says so with a size that no datagram has.
doctor::Finding look_at_mtu(const Subject& subject) {
  constexpr std::size_t kMostOfUdp = 65'507;
  std::vector<doctor::PathSize> sizes;
  for (const auto& peer : subject.overlay.peers())
    if (peer.session && peer.session->datagram_limit <= kMostOfUdp)
      sizes.push_back({peer.name, peer.session->datagram_limit});
  return doctor::mtu(sizes);
}

}  // namespace

std::vector<Check> sockets_checks() {
  return {{20, look_at_sockets}, {21, look_at_gso}, {22, look_at_mtu}};
}

}  // namespace weft::node
