// Where streams meet sockets: local doors accept clients and become streams, streams of callers
// become connections to exposed targets. Owns every door and every pump of the node.
//
// Invariants: a connection is in exactly one of `waiting` (its stream is not there yet),
// `connecting` (its target is not) and `connections` (bytes flow), and holds a place of its
// holder's share (connection_shares.hpp) in each; who has none left is refused, with RST or by a
// reason.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "node/adapter/tcp_connect.hpp"
#include "node/adapter/tcp_door.hpp"
#include "node/adapter/tcp_pump.hpp"
#include "node/connection_shares.hpp"
#include "node/driver.hpp"
#include "node/own_places.hpp"

namespace weft::node {

inline constexpr Duration kProbeTimeout = 1500ms;  // `weft expose` waits for it

struct DoorTraffic {
  std::size_t connections = 0;
  std::uint64_t tx_bytes = 0;  // client to service
  std::uint64_t rx_bytes = 0;
};

class Gateway final : public adapter::PumpOwner {
 public:
  Gateway(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver);
  ~Gateway();

  // How many connections and doors there may be at once: as descriptor_plan() has it.
  void set_capacity(std::size_t capacity) { capacity_ = capacity; }
  // Makes the threads that resolve names; without them only addresses are reached.
  [[nodiscard]] Result<void> start() { return connector_.start(); }
  // Holders that wanted more than their share, of late.
  [[nodiscard]] std::vector<ConnectionShares::Crowd> crowds() const;

  // A bound listener that belongs to no mapping yet; clients are refused until it is installed.
  struct BoundDoor {
    std::unique_ptr<adapter::TcpDoor> listener;
    std::shared_ptr<std::uint64_t> mapping;  // 0 until installed
  };
  [[nodiscard]] Result<BoundDoor> bind(const Endpoint& at, adapter::IfTaken taken);
  void install(BoundDoor door, const service::Mapping& mapping);
  void close_door(std::uint64_t mapping);  // and its connections
  [[nodiscard]] DoorTraffic traffic(std::uint64_t mapping) const;

  // Why there is no stream; `status` and `who` when the far node answered (StreamResponse).
  struct Refusal {
    Error error;
    std::optional<service::OpenStatus> status = {};
    std::string who = {};
  };
  // Opens a stream for the API's pipe. `answered`: refused, or adopt() may be called.
  using PipeAnswer = std::function<void(std::expected<overlay::StreamKey, Refusal>)>;
  void open_pipe(const std::string& service, const std::string& node, Duration within,
                 PipeAnswer answered);
  void adopt(const overlay::StreamKey& key, io::UniqueFd socket, ByteView early);

  // True if the event was this room's.
  bool handle(overlay::OverlayEvent& event);

  std::function<void(std::uint64_t mapping)> on_once_used;    // a --once door took its client
  std::function<void(const std::string& service)> on_probed;  // the overlay knows how it went
  OwnPlaces own_places;                                       // no caller is connected to these

 private:
  struct Door {
    service::Mapping mapping;
    std::string peer;  // its name, for the log
    std::unique_ptr<adapter::TcpDoor> listener;
    DoorTraffic done;  // of connections that ended
  };
  struct Client {  // accepted, its stream not open yet
    ConnectionShares::Place place;
    io::UniqueFd socket;
    std::uint64_t mapping = 0;
    PipeAnswer pipe;
    std::string service, peer;  // for the log
  };
  struct Connecting {
    ConnectionShares::Place place;
    adapter::Connector::Ticket ticket = 0;
  };
  struct Connection {
    ConnectionShares::Place place;
    std::unique_ptr<adapter::TcpPump> pump;  // null: a pipe not adopted yet
    std::uint64_t mapping = 0;               // 0: inbound, or a pipe
    PipeAnswer pipe;
    std::string service, peer;  // for the log
  };

  void on_accept(std::uint64_t mapping, io::UniqueFd socket);
  void on(const overlay::ConnectReady& e);
  void on(const overlay::ConnectFailed& e);
  void on(const overlay::ConnectAccepted& e);
  void on(const overlay::ConnectRefused& e);
  void on(const overlay::InboundStream& e);
  void on(const overlay::ProbeTarget& e);
  void probed(const std::string& service, service::Health health, std::string_view detail);
  void refuse_own(const overlay::InboundStream& inbound, const std::string& why);
  void on_target(const overlay::InboundStream& inbound,
                 std::expected<io::UniqueFd, adapter::ConnectError> target);
  void start_pump(const overlay::StreamKey& key, io::UniqueFd socket, Connection& connection);
  void on_pump_done(adapter::StreamKey key, adapter::PumpEnd end) override;
  std::optional<ConnectionShares::Place> take_place(const ConnectionShares::Holder& holder,
                                                    std::string_view name);
  adapter::TcpPump* pump_of(const overlay::StreamKey& key);
  void forget(const overlay::StreamKey& key);
  static void refuse_socket(const io::UniqueFd& socket);  // on close: RST, as a closed port would

  io::EventLoop& loop_;
  overlay::Overlay& overlay_;
  Driver& driver_;
  adapter::Connector connector_;
  std::map<std::uint64_t, Door> doors_;
  std::size_t capacity_ = kMaxConnections;  // connections and doors
  ConnectionShares shares_;                 // outlives the places below
  std::map<overlay::CommandId, Client> waiting_;
  std::map<overlay::StreamKey, Connecting> connecting_;
  std::unordered_map<adapter::StreamKey, Connection> connections_;
};

}  // namespace weft::node
