#include "node/carriers/stream_hub.hpp"

#include <sys/socket.h>

#include <utility>

#include "base/assert.hpp"
#include "node/carriers/tcp_carrier.hpp"
#include "node/io/clock.hpp"
#include "node/io/socket_address.hpp"

namespace weft::carriers {

std::string host_text(const Endpoint& endpoint) {
  std::string text = to_text(endpoint);
  text.resize(text.rfind(':'));
  return text.starts_with('[') ? text.substr(1, text.size() - 2) : text;
}

StreamHub::StreamHub(io::EventLoop& loop, Carriers& carriers, path::PathTable& table, Events events)
    : loop_(loop),
      carriers_(carriers),
      table_(table),
      events_(std::move(events)),
      connector_(loop),
      wss_(loop),
      timer_(loop, [this] { look(); }) {}

StreamHub::~StreamHub() {
  *alive_ = false;
  for (const auto& [path, connection] : connections_) carriers_.detach(path);
}

// ---- others call --------------------------------------------------------------------------------

Result<void> StreamHub::set_certificate(const std::optional<WssFiles>& files) {
  WEFT_CHECK(wss_.set_certificate(files));
  has_certificate_ = true;
  return {};
}

Result<void> StreamHub::listen(path::PathKind kind, const Endpoint& at) {
  if (listeners_.size() >= kMostListening)
    return fail(Errc::Limit, "a node listens at 16 addresses of tcp and wss at most");
  if (kind == path::PathKind::Wss && !has_certificate_) WEFT_CHECK(set_certificate(std::nullopt));
  WEFT_TRY(auto door, adapter::TcpDoor::listen(loop_, at, adapter::IfTaken::Fail,
                                               [this, kind](io::UniqueFd fd, const Endpoint& from) {
                                                 accepted(kind, std::move(fd), from);
                                               }));
  listeners_.push_back({kind, std::move(door)});
  return {};
}

std::vector<Endpoint> StreamHub::bound(path::PathKind kind) const {
  std::vector<Endpoint> out;
  for (const auto& listener : listeners_)
    if (listener.kind == kind) out.push_back(listener.door->local());
  return out;
}

void StreamHub::accepted(path::PathKind kind, io::UniqueFd fd, const Endpoint& from) {
  if (!admission_.enter(from)) {
    ++counters_.turned_away;
    return;
  }
  ++counters_.accepted;
  if (kind == path::PathKind::Tcp) {
    if (!begin_tcp(std::move(fd), from, true)) admission_.leave(from, false);
    return;
  }
  const auto id = ++last_served_;
  serving_[id] = wss_.serve(
      std::move(fd), [this, id, from](std::shared_ptr<WssSocket> socket, const std::string&) {
        serving_.erase(id);
        if (socket != nullptr && begin_wss(std::move(socket), from, true)) return;
        ++counters_.unproven;
        admission_.leave(from, false);
      });
}

Result<PathId> StreamHub::begin(path::PathKind kind, const Endpoint& remote, bool inbound,
                                const Make& make) {
  WEFT_TRY(const PathId path, carriers_.add({.kind = kind, .mtu = path::kStreamMtu}));
  auto carrier = make(carriers_.sink(path), [this, path] { end(path); });
  connections_.emplace(path, Connection{carrier.get(), remote, inbound, false});
  carriers_.set(path, std::move(carrier));
  look();
  return path;
}

Result<PathId> StreamHub::begin_tcp(io::UniqueFd fd, const Endpoint& remote, bool inbound) {
  return begin(
      path::PathKind::Tcp, remote, inbound, [&](DatagramSink& sink, std::function<void()> ended) {
        return std::make_unique<TcpCarrier>(loop_, std::move(fd), remote, sink, std::move(ended));
      });
}

Result<PathId> StreamHub::begin_wss(std::shared_ptr<WssSocket> socket, const Endpoint& remote,
                                    bool inbound) {
  return begin(path::PathKind::Wss, remote, inbound,
               [&](DatagramSink& sink, std::function<void()> ended) {
                 return wss_.carrier(std::move(socket), remote, sink, std::move(ended));
               });
}

// ---- we call ------------------------------------------------------------------------------------

void StreamHub::fail_later(Id id, std::string why) {
  ++counters_.dials_failed;
  loop_.post([this, alive = alive_, id, why = std::move(why)] {
    if (*alive) events_.failed(id, why);
  });
}

void StreamHub::set_proxy(std::optional<node::ProxyAddress> proxy, std::string no_proxy) {
  proxy_.address = std::move(proxy);
  no_proxy_ = std::move(no_proxy);
}

void StreamHub::note_proxy(bool by_proxy, const std::string& failure) {
  if (!by_proxy) return;
  proxy_.last_failure = failure;
  if (failure.empty()) ++proxy_.worked;
}

void StreamHub::dial(Id id, const Address& address) {
  if (dials_.size() >= kMostDials) return fail_later(id, "too many connections are being made");
  ++counters_.dialled;
  if (const auto* tcp = std::get_if<TcpAddress>(&address)) return dial_tcp(id, *tcp);
  if (const auto* wss = std::get_if<WssAddress>(&address)) return dial_wss(id, *wss);
  fail_later(id, "no such carrier");
}

// The dial is over, one way or the other.
void StreamHub::settle(Id id, const Result<PathId>& path, const Endpoint& remote) {
  if (!path) return fail_later(id, path.error().detail);
  events_.opened(id, *path, remote);
}

void StreamHub::dial_tcp(Id id, const TcpAddress& address) {
  const auto connected = [this, id, remote = address.endpoint](auto result) {
    dials_.erase(id);
    if (!result) return fail_later(id, result.error().detail);
    settle(id, begin_tcp(std::move(*result), remote, false), remote);
  };
  dials_[id].ticket = connector_.connect({host_text(address.endpoint), address.endpoint.port, {}},
                                         connected, kConnectWithin);
}

// Whoever tells addresses does not choose what this node asks of a web server inside its network.
void StreamHub::dial_wss(Id id, const WssAddress& address) {
  if (address.path != kWssPath) return fail_later(id, "a WebSocket of another path than /weft");
  const bool by_proxy = proxy_.address && !node::goes_around_proxy(no_proxy_, address.host);
  const auto proxy = by_proxy ? proxy_.address : std::nullopt;
  const auto target = by_proxy ? adapter::Target{proxy->host, proxy->port, {}}
                               : adapter::Target{address.host, address.port, {}};
  const auto connected = [this, id, address, proxy](auto result) {
    if (result) return upgrade(id, address, proxy, std::move(*result));
    dials_.erase(id);
    note_proxy(proxy.has_value(), "it is not reached: " + result.error().detail);
    fail_later(id, result.error().detail);
  };
  dials_[id].ticket = connector_.connect(target, connected, kConnectWithin);
}

void StreamHub::upgrade(Id id, const WssAddress& address,
                        const std::optional<node::ProxyAddress>& proxy, io::UniqueFd fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  ::getpeername(fd.value(), reinterpret_cast<sockaddr*>(&peer), &size);
  const Endpoint remote = io::to_endpoint(peer);
  dials_[id].attempt = wss_.call(std::move(fd), address, proxy,
                                 [this, id, remote, by_proxy = proxy.has_value()](
                                     std::shared_ptr<WssSocket> socket, const std::string& why) {
                                   dials_.erase(id);
                                   note_proxy(by_proxy, why);
                                   if (socket == nullptr) return fail_later(id, why);
                                   settle(id, begin_wss(std::move(socket), remote, false), remote);
                                 });
}

StreamHubCounters StreamHub::counters() const {
  StreamHubCounters out = counters_;
  for (const auto& [path, connection] : connections_)
    add_fields(out.carried, connection.carrier->counters());
  return out;
}

// ---- the end ------------------------------------------------------------------------------------

void StreamHub::end(PathId path) {
  const auto at = connections_.find(path);
  if (at == connections_.end()) return;
  const Connection connection = at->second;
  add_fields(counters_.carried, connection.carrier->counters());
  connections_.erase(at);
  if (connection.inbound) admission_.leave(connection.remote, connection.proven);
  const bool used = connection.proven || table_.held(path);  // perhaps since the last look
  if (!used) ++counters_.unproven;
  carriers_.detach(path);
  if (used) events_.closed();
}

void StreamHub::look() {
  const Instant now = io::monotonic_time();
  std::vector<PathId> over;
  std::optional<Instant> next;
  for (auto& [path, connection] : connections_) {
    const bool held = table_.held(path);
    if (held && !std::exchange(connection.proven, true) && connection.inbound) admission_.proven();
    if (!connection.carrier->look(now, held)) {
      over.push_back(path);
      continue;
    }
    const Instant deadline = connection.carrier->deadline();
    if (!next || deadline < *next) next = deadline;
  }
  for (const PathId path : over) end(path);
  if (next) timer_.arm(*next);
}

}  // namespace weft::carriers
