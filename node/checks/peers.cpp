// The people of the network: who is connected, with which clock and program, and who we are there.
#include "node/checks.hpp"
#include "node/control_answers.hpp"
#include "node/doctor/network.hpp"
#include "node/io/clock.hpp"
#include "node/version.hpp"

namespace weft::node {
namespace {

doctor::Finding look_at_network(const Subject& subject) {
  const auto& overlay = subject.overlay;
  return doctor::network({overlay.network_name(), overlay.role(), overlay.removed(),
                          overlay.roster_attention(io::monotonic_time())});
}

doctor::Finding look_at_peers(const Subject& subject) {
  std::vector<doctor::Peer> facts;
  for (const auto& peer : subject.overlay.peers()) facts.push_back({peer.name, state_of(peer)});
  return doctor::peers(facts);
}

doctor::Finding look_at_clocks(const Subject& subject) {
  std::size_t up = 0;
  for (const auto& peer : subject.overlay.peers()) up += peer.session ? 1 : 0;
  return doctor::peer_clocks(subject.overlay.clocks_off(), up);
}

doctor::Finding look_at_versions(const Subject& subject) {
  std::vector<std::pair<std::string, std::string>> theirs;
  for (const auto& peer : subject.overlay.peers())
    if (peer.session) theirs.emplace_back(peer.name, peer.software);
  return doctor::peer_versions("weft " + std::string(kVersion), theirs);
}

}  // namespace

std::vector<Check> peers_checks() {
  return {{30, look_at_network}, {31, look_at_peers}, {32, look_at_clocks}, {33, look_at_versions}};
}

}  // namespace weft::node
