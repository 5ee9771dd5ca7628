// The ways by which this node sends datagrams, and what is known of each. The one place that gives
// out PathIds (decision 28).
//
// A path is a carrier: a UDP socket, a socket taken over from ICE, a circuit through a relay, a TCP
// connection, a WebSocket. The remote endpoint stands beside it, never in it. What a path carries
// are datagrams, whatever lies below.
//
// PathId::Udp is always there and stands for the UDP sockets that this node listens at, whichever
// of them reaches the far end: who dials need not know how many there are. carrier_of() says which
// one that is; a socket whose address the machine has lost is passed over until it is back.
//
// Invariants
//  1. An id names one path as long as anybody holds it (PathHold). A path that was closed stays in
//     the table until then, closed. Ids count up, so the same number comes again, if ever, after
//     four billion others.
//  2. At most kMost paths, closed ones that are held included; then add() is Errc::Limit.
//  3. PathId::Udp is never closed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/core.hpp"
#include "base/node_id.hpp"
#include "overlay/path/gso_guard.hpp"

namespace weft::path {

enum class PathKind : std::uint8_t { Udp, Ice, Circuit, Tcp, Wss };

// "direct", "relay", "tcp" or "wss", as status and ping say it.
std::string_view name_of(PathKind kind);
// No third node stands between.
[[nodiscard]] inline bool is_direct(PathKind kind) { return kind != PathKind::Circuit; }

// Whether its remote endpoint is a place that UDP reaches.
[[nodiscard]] inline bool over_udp(PathKind kind) {
  return kind == PathKind::Udp || kind == PathKind::Ice;
}
// A connection of its own, which knows no datagrams: no trains, no MTU to look for.
[[nodiscard]] inline bool over_stream(PathKind kind) {
  return kind == PathKind::Tcp || kind == PathKind::Wss;
}

// A jumbo frame less the headers of IPv6 and UDP. MTU probes go no higher.
inline constexpr std::size_t kUdpMtu = 8952;
// What QUIC needs; add() refuses less.
inline constexpr std::size_t kLeastMtu = 1200;
// What a relay frame puts before a datagram (decision 34); add() refuses more.
inline constexpr std::size_t kMostHeadroom = 8;

struct Path {
  PathKind kind = PathKind::Udp;
  Endpoint local{};            // where its socket is bound; unspecified: at every address
  bool both_families = false;  // bound to ::, and IPv4 comes to it too
  std::size_t mtu = kUdpMtu;   // bytes of the largest datagram that may be tried
  std::size_t headroom = 0;    // bytes that are left free before each datagram of a batch
  bool blocked = false;        // takes nothing now: write no packets for it
  bool lost = false;           // the machine does not have its address now
  bool closed = false;         // its carrier is gone: what is sent there is dropped
  NodeId via{};                // the relay of a circuit

  // Measured by who used it, smoothed; of a socket that reaches many, over all of them together.
  std::optional<Duration> rtt{};
  std::uint32_t loss_permille = 0;
};

class PathTable {
 public:
  static constexpr std::size_t kMost = 4096;

  PathTable();
  PathTable(const PathTable&) = delete;
  PathTable& operator=(const PathTable&) = delete;

  // A carrier has begun. Errc::Limit, Errc::Usage (mtu or headroom out of bounds). UDP sockets are
  // asked in the order in which they were added.
  [[nodiscard]] Result<PathId> add(const Path& path);
  void close(PathId id);
  void set_local(PathId id, const Endpoint& local, bool both_families);  // once it is bound
  void set_blocked(PathId id, bool blocked);
  void set_lost(PathId id, bool lost);
  // A session measured this on the way there. `sent` packets, of which `lost` did not arrive.
  void note(PathId id, const Endpoint& to, Duration rtt, std::size_t sent, std::size_t lost);

  // An id that is not in the table: a closed path.
  [[nodiscard]] const Path& at(PathId id) const;
  // The path by which a datagram of this one to `to` leaves; nothing if none reaches it.
  [[nodiscard]] std::optional<PathId> carrier_of(PathId id, const Endpoint& to) const;
  // That path itself, or the one asked for if none reaches.
  [[nodiscard]] const Path& leaving(PathId id, const Endpoint& to) const;
  // What a datagram from `from` that came to this carrier is said to have come by: the id that a
  // session dialled from here expects.
  [[nodiscard]] PathId arriving(PathId carrier, const Endpoint& from) const;
  [[nodiscard]] bool blocked(PathId id, const Endpoint& to) const;
  // Whether anybody holds it: a session uses it, or did a moment ago.
  [[nodiscard]] bool held(PathId id) const;

  // Whether trains may be cut by the kernel, for each interface.
  [[nodiscard]] GsoGuards& gso() { return gso_; }
  [[nodiscard]] const GsoGuards& gso() const { return gso_; }

  [[nodiscard]] std::size_t size() const { return paths_.size(); }
  void check_invariants() const;

 private:
  friend class PathHold;
  struct Entry {
    Path path;
    std::size_t holds = 0;
  };

  Entry* find(PathId id);
  [[nodiscard]] const Entry* find(PathId id) const;
  void forget_if_over(PathId id);
  [[nodiscard]] std::optional<PathId> usual(const Endpoint& to) const;

  std::unordered_map<PathId, Entry> paths_;
  std::vector<PathId> sockets_;  // kind Udp, not closed, in the order of add()
  std::uint32_t next_ = 1;
  GsoGuards gso_;
};

// Keeps an id from being given to another path. The table outlives it.
class PathHold {
 public:
  PathHold() = default;
  PathHold(PathTable& table, PathId id);
  ~PathHold();
  PathHold(PathHold&& other) noexcept;
  PathHold& operator=(PathHold&& other) noexcept;

 private:
  PathTable* table_ = nullptr;
  PathId id_ = PathId::Udp;
};

}  // namespace weft::path
