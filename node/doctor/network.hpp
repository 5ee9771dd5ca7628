// What a running daemon knows of its sockets, its peers and its network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/doctor/finding.hpp"

namespace weft::doctor {

struct Sockets {
  std::vector<std::string> bound;
  std::uint64_t received = 0, lost_for_room = 0;  // datagrams since the start
  std::uint64_t sent = 0, not_sent = 0;           // refused by the kernel
};
inline constexpr std::uint64_t kFewDatagrams = 100;  // below, a share says nothing
[[nodiscard]] Finding sockets(const Sockets& sockets);

// `setting`: auto, on, off. `off`: interfaces on which trains are lost.
[[nodiscard]] Finding gso(const std::string& setting, const std::vector<std::string>& off);

// What one datagram may hold by each session: nothing where no limit was met.
struct PathSize {
  std::string peer;
  std::size_t most = 0;  // bytes
};
inline constexpr std::size_t kSmallDatagram = 1300;  // a tunnel within a tunnel still carries it
inline constexpr std::size_t kLeastDatagram = 1200;  // of QUIC (RFC 9000, 14)
[[nodiscard]] Finding mtu(const std::vector<PathSize>& sizes);

struct Reach {
  bool server = false;                   // somebody called this node unasked, and was answered
  std::vector<std::string> own;          // addresses of this machine that another could call
  std::vector<std::string> seen_at;      // where others see this node, that no interface has
  std::size_t sessions = 0, others = 0;  // others: members beside this node
};
[[nodiscard]] Finding reachable(const Reach& reach);

struct Peer {
  std::string name;
  std::string state;  // connected, silent, connecting, away
};
[[nodiscard]] Finding peers(const std::vector<Peer>& peers);

// Members whose clocks lie too far from ours, and how ("61 min ahead"), of so many that are up.
[[nodiscard]] Finding peer_clocks(const std::vector<std::pair<std::string, std::string>>& off,
                                  std::size_t up);

struct Membership {
  std::string network, role;  // role: admin, member, none
  bool removed = false;
  std::vector<std::string> remarks;  // about who is in it
};
[[nodiscard]] Finding network(const Membership& membership);

// Services exposed here whose target does not answer, of `all`; doors that cannot be opened.
[[nodiscard]] Finding services(const std::vector<std::string>& unhealthy, std::size_t all);
[[nodiscard]] Finding doors(const std::vector<std::string>& troubles, std::size_t all);

// `why`: the disk's last refusal; `waiting`: changes in force that are not saved.
[[nodiscard]] Finding saving(const std::string& why, std::size_t waiting);
[[nodiscard]] Finding log(const std::string& place, std::uint64_t dropped);
[[nodiscard]] Finding names(const std::string& no_resolver);

// The programs of connected peers, by peer.
[[nodiscard]] Finding peer_versions(const std::string& ours,
                                    const std::vector<std::pair<std::string, std::string>>& theirs);

}  // namespace weft::doctor
