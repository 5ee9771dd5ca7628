#include "node/doctor/network.hpp"

#include <algorithm>

namespace weft::doctor {

namespace {

std::string count(std::size_t number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

}  // namespace

Finding sockets(const Sockets& s) {
  constexpr const char* kName = "sockets";
  if (s.bound.empty())
    return fail(kName, "no UDP socket is left: the addresses it was bound to are gone",
                "give the machine its address back, or change node.listen in weft.toml");
  const std::string where = "UDP " + some_of(s.bound);
  if (s.sent >= kFewDatagrams && s.not_sent * 2 > s.sent)
    return fail(kName, where + "; the kernel refuses most of what is sent",
                "a firewall of this machine, or no route: nft list ruleset, ip route");
  if (s.received >= kFewDatagrams && s.lost_for_room * 100 > s.received)
    return warn(kName,
                where + "; " + std::to_string(s.lost_for_room) +
                    " datagrams were lost because the buffer was full",
                "sysctl -w net.core.rmem_max=4194304; if that is so already, this machine is busy");
  return pass(kName, where);
}

Finding gso(const std::string& setting, const std::vector<std::string>& off) {
  constexpr const char* kName = "gso";
  if (!off.empty())
    return warn(kName,
                "trains of datagrams are lost on the interface of " + some_of(off) +
                    ", so each is sent by itself",
                "a newer kernel or driver; [net] gso = \"off\" in weft.toml saves the hourly try");
  if (setting == "off") return pass(kName, "off, as the configuration says");
  return pass(kName, "the kernel cuts trains of datagrams (" + setting + ")");
}

Finding mtu(const std::vector<PathSize>& sizes) {
  constexpr const char* kName = "mtu";
  constexpr const char* kFix =
      "raise the MTU on the way: of a VPN, a tunnel, a virtual network; ip link shows this "
      "machine's";
  if (sizes.empty()) return pass(kName, "no session has measured a path yet");
  const auto least = std::ranges::min_element(sizes, {}, &PathSize::most);
  const std::string detail =
      "a datagram to " + least->peer + " holds " + std::to_string(least->most) + " bytes";
  if (least->most < kLeastDatagram)
    return fail(kName, detail + ", fewer than sessions need (1200)", kFix);
  if (least->most < kSmallDatagram)
    return warn(kName, detail + ": more packets for the same", kFix);
  return pass(kName, detail + (sizes.size() > 1 ? ", the least of all" : ""));
}

Finding reachable(const Reach& reach) {
  constexpr const char* kName = "reachable";
  if (reach.own.empty())
    return fail(kName, "this machine has no address that another could call",
                "connect it to a network: ip address shows what it has");
  if (reach.server) return pass(kName, "others reach this node unasked, at " + some_of(reach.own));
  if (!reach.seen_at.empty())
    return warn(kName,
                "others see this node at " + some_of(reach.seen_at) +
                    ", which is a router's address: who it did not call first may not get "
                    "through",
                "forward the node's UDP port in the router, or let one member be reachable");
  if (reach.others == 0)
    return pass(kName, "at " + some_of(reach.own) + "; nobody is there to call");
  if (reach.sessions == 0)
    return warn(kName, "nobody has said yet where this node is seen",
                "let a member connect: weft members");
  return pass(kName, "at " + some_of(reach.own) + "; nobody had to call unasked so far");
}

Finding peers(const std::vector<Peer>& peers) {
  constexpr const char* kName = "peers";
  if (peers.empty()) return pass(kName, "this node is alone in its network");
  std::vector<std::string> silent;
  std::size_t up = 0;
  for (const auto& peer : peers) {
    if (peer.state == "connected") ++up;
    if (peer.state == "silent") silent.push_back(peer.name);
  }
  if (!silent.empty())
    return warn(kName, some_of(silent) + " answers nothing although a session is open",
                "is the path cut? weft ping " + silent.front());
  if (up == 0)
    return fail(kName,
                "none of " + count(peers.size(), "other member", "other members") + " is connected",
                "do they run, and is the network there? weft members; weft logs tells what failed");
  return pass(kName,
              std::to_string(up) + " of " + count(peers.size(), "other", "others") + " connected");
}

Finding peer_clocks(const std::vector<std::pair<std::string, std::string>>& off, std::size_t up) {
  constexpr const char* kName = "clock_against_peers";
  if (off.empty()) return pass(kName, up == 0 ? "no peer to compare with" : "as the peers' clocks");
  std::vector<std::string> told;
  for (const auto& [name, how] : off) told.push_back(name + " is " + how);
  if (off.size() >= 2 && off.size() * 2 > up)
    return fail(kName, "most peers have another time: " + some_of(told),
                "it is this clock that is wrong: timedatectl set-ntp true, or run chrony");
  return warn(kName, some_of(told), "set that clock, or this one: timedatectl set-ntp true");
}

Finding network(const Membership& m) {
  constexpr const char* kName = "network";
  if (m.removed)
    return fail(kName, "this node was removed from its network",
                "ask an admin for a ticket, then weft join");
  if (m.role == "none")
    return fail(kName, "this node is no member of " + m.network + " now",
                "weft members; ask an admin for a ticket, then weft join");
  if (!m.remarks.empty()) return warn(kName, some_of(m.remarks), "weft status names what to do");
  return pass(kName, m.role + " of " + m.network);
}

Finding services(const std::vector<std::string>& unhealthy, std::size_t all) {
  constexpr const char* kName = "services";
  if (!unhealthy.empty())
    return warn(kName, "no answer behind " + some_of(unhealthy),
                "start what should listen there, or weft unexpose it");
  return pass(kName, all == 0 ? "none is exposed" : count(all, "is exposed", "are exposed"));
}

Finding doors(const std::vector<std::string>& troubles, std::size_t all) {
  constexpr const char* kName = "doors";
  if (!troubles.empty())
    return warn(kName, some_of(troubles), "end who has the port, or weft close the door");
  return pass(kName, all == 0 ? "none is kept" : count(all, "is open", "are open"));
}

Finding saving(const std::string& why, std::size_t waiting) {
  constexpr const char* kName = "store";
  if (why.empty()) return pass(kName, "changes arrive on the disk");
  return fail(kName,
              "changes cannot be saved: " + why +
                  (waiting > 0 ? "; in force and lost by a restart: " + std::to_string(waiting)
                               : std::string()),
              "make room on the disk, look at dmesg for its errors, then weft down and weft up");
}

Finding log(const std::string& place, std::uint64_t dropped) {
  constexpr const char* kName = "log";
  if (dropped > 0)
    return warn(kName, std::to_string(dropped) + " lines could not be written to " + place,
                "the disk is full, or who should read there does not");
  return pass(kName, place);
}

Finding names(const std::string& no_resolver) {
  constexpr const char* kName = "names";
  if (!no_resolver.empty())
    return warn(kName, "names cannot be resolved: " + no_resolver,
                "raise the limit of threads (TasksMax= of the unit), then weft down and weft up");
  return pass(kName, "can be resolved");
}

Finding peer_versions(const std::string& ours,
                      const std::vector<std::pair<std::string, std::string>>& theirs) {
  constexpr const char* kName = "peer_versions";
  std::vector<std::string> others;
  for (const auto& [name, version] : theirs)
    if (!version.empty() && version != ours) others.push_back(name + " runs " + version);
  if (others.empty())
    return pass(kName, theirs.empty() ? "no peer to compare with" : "all " + ours);
  return warn(kName, some_of(others) + ", this node " + ours,
              "bring all to the newest; different ones speak what both know");
}

}  // namespace weft::doctor
