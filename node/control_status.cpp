#include "node/control_status.hpp"

#include <algorithm>

#include "node/control_answers.hpp"
#include "node/io/clock.hpp"
#include "node/listening.hpp"
#include "node/local_addresses.hpp"
#include "node/version.hpp"

namespace weft::node {

StatusControl::StatusControl(overlay::Overlay& overlay, Driver& driver, Gateway& gateway,
                             const NetworksControl& networks, const MembersControl& members,
                             const ServicesControl& services, const DoorsControl& doors,
                             const Wishes& wishes)
    : overlay_(overlay),
      driver_(driver),
      gateway_(gateway),
      networks_(networks),
      members_(members),
      services_(services),
      doors_(doors),
      wishes_(wishes),
      started_(io::monotonic_time()) {}

void StatusControl::status(api::Done<api::StatusResult> done) {
  api::StatusResult out;
  const auto uptime = io::monotonic_time() - started_;
  out.node = {to_text(overlay_.id()),
              overlay_.name(),
              kVersion,
              std::chrono::duration_cast<std::chrono::seconds>(uptime).count(),
              {},
              {}};
  out.node.bound = listen_texts(driver_, false);
  out.node.listen = listen_texts(driver_, true);
  out.node.log = log_place;
  out.network = {overlay_.network_name(), overlay_.network() ? to_text(*overlay_.network()) : "",
                 overlay_.role(), overlay_.members().size()};
  out.networks = networks_.all().networks;
  peer_status(out);
  services_.fill(out);
  for (const auto& mapping : overlay_.mappings()) out.mappings.push_back(doors_.describe(mapping));
  network_attention(out.attention);
  other_networks(out);
  wishes_.attention(out.attention);
  gso_status(out);
  nat_status(out);
  if (machine_troubles)
    for (auto& trouble : machine_troubles()) out.attention.push_back(std::move(trouble));
  for (const auto& crowd : gateway_.crowds()) out.attention.push_back(crowd_text(crowd));
  if (dht != nullptr) out.dht = dht->stats();
  if (const auto trouble = overlay_.store_trouble())
    out.attention.push_back("changes cannot be saved: " + trouble->why +
                            (trouble->waiting == 0
                                 ? std::string()
                                 : "; in force but not saved, lost by a restart, tried again: " +
                                       std::to_string(trouble->waiting)));
  done(std::move(out));
}

void StatusControl::peer_status(api::StatusResult& out) const {
  for (const auto& view : overlay_.peers()) {
    api::PeerInfo info{
        to_text(view.id), view.name, state_of(view), "none", "", {}, "", "", 0, 0, {}};
    if (view.session) {
      info.path = path_of(overlay_, view.session->path);
      info.via = via_of(overlay_, view.session->path);
      if (info.via.empty()) info.endpoint = to_text(view.session->remote);
      info.rtt_ms = milliseconds(view.session->smoothed_rtt);
      info.kex = kKex;
      info.cipher = name_of(view.session->cipher);
      info.tx_bytes = view.session->tx_bytes;
      info.rx_bytes = view.session->rx_bytes;
      using std::chrono::duration_cast, std::chrono::milliseconds, std::chrono::seconds;
      info.heard_ms_ago =
          duration_cast<milliseconds>(io::monotonic_time() - view.session->heard).count();
      if (const auto silence = silent_for(view))
        out.attention.push_back(view.name + " answers nothing since " +
                                std::to_string(duration_cast<seconds>(*silence).count()) +
                                " s, although a session with it is open: is the path cut?");
    }
    out.peers.push_back(std::move(info));
  }
}

void StatusControl::network_attention(std::vector<std::string>& out) const {
  doors_.attention(out);
  for (auto& line : overlay_.attention(io::monotonic_time())) out.push_back(std::move(line));
  members_.attention(out);
  for (auto& line : overlay_.roster_attention(io::monotonic_time())) out.push_back(std::move(line));
}

// What is wrong there is said here too: nobody asks for each network one by one.
void StatusControl::other_networks(api::StatusResult& out) const {
  const auto meant = overlay_.network();
  overlay_.in_each(io::monotonic_time(), [&] {
    if (overlay_.network() == meant) return;
    api::StatusResult there;
    peer_status(there);
    services_.fill(there);
    network_attention(there.attention);
    for (const auto& line : there.attention)
      out.attention.push_back("in network " + overlay_.network_name() + ": " + line);
  });
}

void StatusControl::gso_status(api::StatusResult& out) const {
  const auto& gso = overlay_.paths().gso();
  out.gso = path::name_of(gso.setting());
  for (const auto& off : gso.off()) {
    const std::string where = address_text(off.local);
    const Duration left = std::max<Duration>(off.until - io::monotonic_time(), 0s);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left).count();
    out.gso_off.push_back({where, seconds});
    out.attention.push_back(gso_off_text(where) + "; in " + std::to_string(seconds / 60 + 1) +
                            " minutes that is tried again. For good: [net] gso = \"off\"");
  }
}

void StatusControl::nat_status(api::StatusResult& out) const {
  const auto family = [&](nat::Family which, const char* name) {
    const auto verdict = overlay_.nat(io::monotonic_time(), which);
    if (verdict.observers == 0) return;
    api::NatInfo info{name,
                      std::string(nat::name_of(verdict.mapping)),
                      std::string(nat::name_of(verdict.filtering)),
                      std::string(nat::name_of(verdict.ports)),
                      verdict.hairpin,
                      {},
                      verdict.observers};
    for (const auto& endpoint : verdict.outside) info.seen_at.push_back(to_text(endpoint));
    out.nat.push_back(std::move(info));
  };
  if (mapped_port != nullptr && mapped_port->wished()) {
    api::PortMappingInfo mapping;
    mapping.trouble = mapped_port->trouble();
    if (const auto& current = mapped_port->current()) {
      using std::chrono::duration_cast, std::chrono::seconds;
      mapping.protocol = current->protocol;
      mapping.address = to_text(current->outside);
      mapping.left_s = duration_cast<seconds>(current->until - io::monotonic_time()).count();
    }
    out.port_mapping = std::move(mapping);
  }
  family(nat::Family::V4, "ipv4");
  family(nat::Family::V6, "ipv6");
}

std::string StatusControl::crowd_text(const ConnectionShares::Crowd& crowd) const {
  const auto held = std::to_string(crowd.held) + " connections";
  if (crowd.holder)
    return node_label(overlay_, crowd.holder) + " holds " + held +
           ", a quarter of what others leave and all that one member may: " +
           std::to_string(crowd.refused) + " more were refused. To end it: weft deny SERVICE " +
           node_label(overlay_, crowd.holder);
  return "programs of this machine hold " + held +
         " through doors and pipes, half of what others leave and all that they may: " +
         std::to_string(crowd.refused) +
         " more were refused. For more raise the limit of open files (ulimit -Hn, LimitNOFILE= of "
         "a unit)";
}

}  // namespace weft::node
