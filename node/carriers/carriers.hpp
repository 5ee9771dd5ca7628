// What carries this node's datagrams: the UDP sockets it listens at, sockets taken over from
// others, and any other Carrier. Each has its PathId from the overlay's PathTable, which decides by
// which of them a datagram leaves; here it leaves.
//
// A carrier that takes nothing more is marked blocked in the table, and only what goes by it waits.
// A datagram for a path that is closed, or that no socket reaches, is dropped and counted.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "node/carriers/carrier.hpp"
#include "node/carriers/udp_carrier.hpp"
#include "overlay/path/path_table.hpp"

namespace weft::carriers {

class Carriers {
 public:
  static constexpr std::size_t kMostSockets = 8;  // as many endpoints as a node tells of itself

  // Listens at one to kMostSockets addresses, else Errc::Usage; errors as UdpCarrier::open. `table`
  // and `sink` outlive this.
  [[nodiscard]] static Result<std::unique_ptr<Carriers>> open(
      io::EventLoop& loop, const std::vector<UdpOptions>& options, path::PathTable& table,
      DatagramSink& sink);
  ~Carriers();
  Carriers(const Carriers&) = delete;
  Carriers& operator=(const Carriers&) = delete;

  // A bound UDP socket that somebody else made becomes a path of its own. Errors as
  // UdpCarrier::adopt and PathTable::add.
  [[nodiscard]] Result<PathId> attach(io::UniqueFd fd, path::PathKind kind);
  // What a carrier of another kind is fed by: give it sink(), then set it. Place of TCP and WSS.
  [[nodiscard]] Result<PathId> add(const path::Path& path);
  [[nodiscard]] DatagramSink& sink(PathId id);  // REQUIRES: id is from add()
  void set(PathId id, std::unique_ptr<Carrier> carrier);
  // Ends a path that attach() or add() began. Not from within a callback of its carrier.
  void detach(PathId id);

  // As Carrier::send, by the path that the table names.
  bool send(const Transmit& transmit, ByteView bytes);
  // False: by this path nothing should be sent to there now.
  [[nodiscard]] bool can_send(PathId path, const Endpoint& to) const;
  void set_receive_share(std::size_t bytes_per_wakeup);

  // The machine's addresses may have changed: which sockets still have theirs?
  void look_around();
  [[nodiscard]] std::vector<Endpoint> bound() const;  // of each socket not lost
  [[nodiscard]] std::uint16_t port() const;           // of the first
  [[nodiscard]] const UdpCarrier& socket(std::size_t index) const;
  [[nodiscard]] UdpCounters counters() const;  // of all sockets there are, together
  [[nodiscard]] std::uint64_t unreachable() const { return unreachable_; }  // datagrams dropped

 private:
  class Member;
  Carriers(io::EventLoop& loop, path::PathTable& table, DatagramSink& sink);
  Result<void> listen(const UdpOptions& options);
  [[nodiscard]] Member* find(PathId id) const;

  io::EventLoop& loop_;
  path::PathTable& table_;
  DatagramSink& sink_;
  std::unordered_map<PathId, std::unique_ptr<Member>> members_;
  std::vector<PathId> listening_;
  std::size_t receive_share_ = 0;  // 0: as each carrier has it
  std::uint64_t unreachable_ = 0;
};

}  // namespace weft::carriers
