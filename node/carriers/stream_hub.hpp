// The connections that carry datagrams: listens for them, makes those that the overlay asks for,
// and ends them. Each is a path in the table (kind tcp or wss) from when it is there.
//
// How many others may hold here says path::Admission, when one ends path::StreamLink. A stranger
// gets no byte: whoever is not let in is hung up on, and who is let in and proves nothing hears
// nothing until the deadline.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/address.hpp"
#include "base/fields.hpp"
#include "node/adapter/tcp_connect.hpp"
#include "node/adapter/tcp_door.hpp"
#include "node/carriers/carriers.hpp"
#include "node/carriers/stream_carrier.hpp"
#include "node/carriers/wss.hpp"
#include "overlay/path/admission.hpp"

namespace weft::carriers {

// The address alone, without brackets.
[[nodiscard]] std::string host_text(const Endpoint& endpoint);

struct StreamHubCounters {
  std::uint64_t accepted = 0;
  std::uint64_t turned_away = 0;
  std::uint64_t unproven = 0;
  std::uint64_t dialled = 0;
  std::uint64_t dials_failed = 0;
  path::StreamCounters carried;  // by all of them together

  static constexpr auto fields() {
    using C = StreamHubCounters;
    return std::tuple{
        field("accepted", "connections", "of others, by TCP and WebSocket", &C::accepted),
        field("turned_away", "connections", "hung up on at once: as many as may be were there",
              &C::turned_away),
        field("unproven", "connections", "ended without ever having carried a session",
              &C::unproven),
        field("dialled", "connections", "to members that were begun", &C::dialled),
        field("dials_failed", "connections", "of these, that could not be made", &C::dials_failed),
        group(&C::carried)};
  }
};
static_assert(lists_all_fields<StreamHubCounters>());

// The HTTP proxy, and what became of WebSockets through it.
struct ProxyRecord {
  std::optional<node::ProxyAddress> address;
  std::string not_used;      // why the one that is configured is not
  std::uint64_t worked = 0;  // WebSockets that were made
  std::string last_failure;  // since the last of them
};

class StreamHub {
 public:
  using Id = std::uint64_t;
  static constexpr std::size_t kMostListening = 16;
  static constexpr std::size_t kMostDials = 64;  // under way
  static constexpr Duration kConnectWithin = 8s;

  // On the loop, never from within a call to the hub.
  struct Events {
    std::function<void(Id id, PathId path, const Endpoint& remote)> opened;
    std::function<void(Id id, const std::string& why)> failed;
    std::function<void()> closed;
  };

  // All outlive it; `carriers` no longer than `table`.
  StreamHub(io::EventLoop& loop, Carriers& carriers, path::PathTable& table, Events events);
  ~StreamHub();
  StreamHub(const StreamHub&) = delete;
  StreamHub& operator=(const StreamHub&) = delete;

  // Busy, Denied, NotFound as of a door; Limit: kMostListening.
  [[nodiscard]] Result<void> listen(path::PathKind kind, const Endpoint& at);
  [[nodiscard]] std::vector<Endpoint> bound(path::PathKind kind) const;
  // What wss listeners show; before the first of them, else one is made. Usage.
  [[nodiscard]] Result<void> set_certificate(const std::optional<WssFiles>& files);
  // Through which WebSockets go, except to hosts that no_proxy names.
  void set_proxy(std::optional<node::ProxyAddress> proxy, std::string no_proxy);
  void set_proxy_not_used(std::string why) { proxy_.not_used = std::move(why); }
  [[nodiscard]] const ProxyRecord& proxy() const { return proxy_; }
  // `opened` or `failed` follows, always.
  void dial(Id id, const Address& address);

  [[nodiscard]] std::size_t size() const { return connections_.size(); }
  [[nodiscard]] StreamHubCounters counters() const;

 private:
  struct Connection {
    StreamCarrier* carrier = nullptr;  // Carriers owns it
    Endpoint remote;
    bool inbound = false;
    bool proven = false;  // a session has used it
  };

  // A connection that was asked for, or whose WebSocket is not there yet.
  struct Making {
    adapter::Connector::Ticket ticket = 0;
    std::unique_ptr<Wss::Attempt> attempt;
  };

  void accepted(path::PathKind kind, io::UniqueFd fd, const Endpoint& from);
  void dial_tcp(Id id, const TcpAddress& address);
  void dial_wss(Id id, const WssAddress& address);
  void upgrade(Id id, const WssAddress& address, const std::optional<node::ProxyAddress>& proxy,
               io::UniqueFd fd);
  using Make = std::function<std::unique_ptr<StreamCarrier>(DatagramSink&, std::function<void()>)>;
  [[nodiscard]] Result<PathId> begin(path::PathKind kind, const Endpoint& remote, bool inbound,
                                     const Make& make);
  [[nodiscard]] Result<PathId> begin_tcp(io::UniqueFd fd, const Endpoint& remote, bool inbound);
  [[nodiscard]] Result<PathId> begin_wss(std::shared_ptr<WssSocket> socket, const Endpoint& remote,
                                         bool inbound);
  void settle(Id id, const Result<PathId>& path, const Endpoint& remote);
  void fail_later(Id id, std::string why);
  void note_proxy(bool by_proxy, const std::string& failure);
  void end(PathId path);
  void look();

  io::EventLoop& loop_;
  Carriers& carriers_;
  path::PathTable& table_;
  Events events_;
  adapter::Connector connector_;
  Wss wss_;
  bool has_certificate_ = false;
  ProxyRecord proxy_;
  std::string no_proxy_;
  struct Listener {
    path::PathKind kind;
    std::unique_ptr<adapter::TcpDoor> door;
  };
  std::vector<Listener> listeners_;
  std::map<Id, Making> dials_;
  std::map<std::uint64_t, std::unique_ptr<Wss::Attempt>> serving_;  // WebSockets not there yet
  std::uint64_t last_served_ = 0;
  std::map<PathId, Connection> connections_;
  path::Admission admission_;
  StreamHubCounters counters_;
  io::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weft::carriers
