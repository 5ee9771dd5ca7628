// Where streams meet the programs of this machine: local doors take clients, which become streams;
// streams of callers become connections to exposed targets. Owns every door and every flow of the
// node, whatever they speak: what a protocol does with sockets is in node/adapter.
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

#include "node/accounts.hpp"
#include "node/adapter/adapters.hpp"
#include "node/adapter/tcp_connect.hpp"
#include "node/connection_shares.hpp"
#include "node/events/kinds.hpp"
#include "node/own_places.hpp"
#include "node/service_port.hpp"

namespace weft::node {

inline constexpr Duration kProbeTimeout = 1500ms;  // `weft expose` waits for it

struct DoorTraffic {
  std::size_t connections = 0;
  std::uint64_t tx_bytes = 0;  // client to service
  std::uint64_t rx_bytes = 0;
  adapter::DatagramCounters datagrams;
};

class Gateway final : public adapter::FlowOwner {
 public:
  // Takes what happened, and in which network; nullopt: in the one that is meant.
  using Record = std::function<void(const std::optional<NetworkId>&, events::Body)>;
  // `loop` and `port` outlive it.
  Gateway(io::EventLoop& loop, ServicePort& port, Record on_happened,
          adapter::FindAdapter find_adapter = adapter::adapter_of);
  ~Gateway();

  // How many connections and doors there may be at once: as descriptor_plan() has it.
  void set_capacity(std::size_t capacity) { capacity_ = capacity; }
  // How long a flow of datagrams is silent before it ends; of those that begin from now on.
  void set_datagram_idle(Duration idle) { datagram_idle_ = idle; }
  // Makes the threads that resolve names; without them only addresses are reached.
  [[nodiscard]] Result<void> start() { return connector_.start(); }
  // Holders that wanted more than their share, of late.
  [[nodiscard]] std::vector<ConnectionShares::Crowd> crowds() const;

  // A bound listener that belongs to no mapping yet; clients are refused until it is installed.
  struct BoundDoor {
    std::unique_ptr<adapter::Door> listener;
    std::shared_ptr<std::uint64_t> mapping;  // 0 until installed
  };
  // Unsupported: a protocol that this weft does not speak.
  [[nodiscard]] Result<BoundDoor> bind(service::Protocol protocol, const Endpoint& at,
                                       adapter::IfTaken taken);
  void install(BoundDoor door, const service::Mapping& mapping);
  void close_door(std::uint64_t mapping);  // and its connections
  void close_all_but(const std::vector<service::Mapping>& kept);
  [[nodiscard]] DoorTraffic traffic(std::uint64_t mapping) const;
  [[nodiscard]] const Accounts& accounts() const { return accounts_; }
  // Of all connections since the start, those of callers too.
  [[nodiscard]] adapter::FlowCounters bytes() const;

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
  // The same, with what makes the flow; null: nobody wants it any more.
  void adopt(const overlay::StreamKey& key, std::unique_ptr<adapter::LocalEnd> end);

  // True if the event was this room's.
  bool handle(overlay::OverlayEvent& event);

  const Record record;
  std::function<void(std::uint64_t mapping)> on_once_used;  // a --once door took its client
  // The overlay knows how it went.
  std::function<void(const NetworkId&, const std::string& service)> on_probed;
  // Stands before the program of an http service: takes its socket, answers the one that callers
  // are to be moved to; none: it cannot. Null: the program is reached as any other.
  std::function<io::UniqueFd(io::UniqueFd program, const overlay::InboundStream&)> on_http;
  // Of a folder that is offered: the socket that serves a caller from now on; none: it cannot. And
  // whether the folder can be read. Null: this node serves none.
  std::function<io::UniqueFd(const std::string& path)> on_folder;
  std::function<void(const std::string& path, std::function<void(Result<void>)> told)>
      look_at_folder;
  OwnPlaces own_places;  // no caller is connected to these

 private:
  struct OpenDoor {
    service::Mapping mapping;
    std::optional<NetworkId> network;
    std::string peer;  // its name, for the log
    std::unique_ptr<adapter::Door> listener;
    DoorTraffic done;  // of connections that ended
  };
  struct Client {  // its stream is not open yet
    ConnectionShares::Place place;
    std::unique_ptr<adapter::LocalEnd> end;  // null: a pipe
    std::uint64_t mapping = 0;
    PipeAnswer pipe;
    std::string service, peer;  // for the log
    std::optional<NetworkId> network = {};
  };
  struct Connecting {
    ConnectionShares::Place place;
    adapter::Connector::Ticket ticket = 0;
  };
  struct Connection {
    ConnectionShares::Place place;
    std::unique_ptr<adapter::Flow> flow;  // null: a pipe not adopted yet
    std::uint64_t mapping = 0;            // 0: inbound, or a pipe
    PipeAnswer pipe;
    std::string service, peer;  // for the log
    NodeId node;                // for accounts
    std::optional<NetworkId> network;
  };

  void on_client(std::uint64_t mapping, std::unique_ptr<adapter::LocalEnd> end);
  void on(const overlay::ConnectReady& e);
  void on(const overlay::ConnectFailed& e);
  void on(const overlay::ConnectAccepted& e);
  void on(const overlay::ConnectRefused& e);
  void on(const overlay::InboundStream& e);
  void on(const overlay::ProbeTarget& e);
  void serve_exit(const overlay::InboundStream& inbound);
  void serve_folder(const overlay::InboundStream& inbound);
  void probed(const NetworkId& network, const std::string& service, service::Health health,
              std::string_view detail);
  void refuse_own(const overlay::InboundStream& inbound, const std::string& why);
  void on_target(const overlay::InboundStream& inbound,
                 std::expected<io::UniqueFd, adapter::ConnectError> target);
  void start_flow(const overlay::StreamKey& key, adapter::LocalEnd& end, Connection& connection);
  void on_flow_done(adapter::StreamKey key, adapter::FlowEnd end) override;
  void on_bytes(adapter::StreamKey key, std::size_t size, adapter::Direction direction) override;
  void on_nobody_there(adapter::StreamKey key) override;
  void on_closed(const overlay::StreamKey& key);
  std::optional<ConnectionShares::Place> take_place(const ConnectionShares::Holder& holder,
                                                    std::string_view name);
  adapter::Flow* flow_of(const overlay::StreamKey& key);
  void forget(const overlay::StreamKey& key);
  void add_ended(const Connection& connection);

  io::EventLoop& loop_;
  ServicePort& port_;
  adapter::FindAdapter find_adapter_;
  adapter::Connector connector_;
  std::map<std::uint64_t, OpenDoor> doors_;
  Accounts accounts_;
  std::size_t capacity_ = kMaxConnections;  // connections and doors
  Duration datagram_idle_ = adapter::kDatagramIdle;
  ConnectionShares shares_;      // outlives the places below
  adapter::FlowCounters ended_;  // bytes of connections that ended
  std::map<overlay::CommandId, Client> waiting_;
  std::map<overlay::StreamKey, Connecting> connecting_;
  std::unordered_map<adapter::StreamKey, Connection> connections_;
};

}  // namespace weft::node
