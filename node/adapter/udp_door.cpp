#include "node/adapter/udp_door.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "node/adapter/tcp_door.hpp"
#include "node/adapter/udp_packets.hpp"
#include "node/io/clock.hpp"
#include "node/io/fd_watch.hpp"
#include "node/io/socket_address.hpp"

namespace weft::adapter {

namespace {

constexpr int kReceiveBuffer = 1 << 20;  // bytes wished for; net.core.rmem_max is the limit

Result<io::UniqueFd> bind_at(const Endpoint& at) {
  const auto address = io::to_socket_address(at);
  io::UniqueFd fd(
      ::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(io::bind_error(errno, to_text(at)));
  ::setsockopt(fd.value(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  if (at.is_unspecified()) tell_destinations(fd.value(), address.storage.ss_family);
  if (::bind(fd.value(), address.get(), address.size) != 0)
    return std::unexpected(io::bind_error(errno, to_text(at)));
  return fd;
}

Result<io::UniqueFd> bind_near(const Endpoint& at) {
  auto ports = port_candidates(at.port);
  ports.push_back(0);
  Result<io::UniqueFd> fd = fail(Errc::Busy, to_text(at) + " is taken");
  for (const auto port : ports) {
    Endpoint candidate = at;
    candidate.port = port;
    fd = bind_at(candidate);
    if (fd || (fd.error().code != Errc::Busy && fd.error().code != Errc::Denied)) break;
  }
  return fd;
}

// The connected socket of a target.
class TargetSide final : public UdpSide, private io::FdEvents {
 public:
  TargetSide(io::EventLoop& loop, io::UniqueFd socket)
      : watch_(loop, std::move(socket), static_cast<io::FdEvents&>(*this)) {}

  // That nobody is there is told of a datagram before, and consumed with the telling: this one goes.
  Sent send(ByteView datagram) override {
    bool refused = std::exchange(refused_, false);
    for (int tries = 0; tries < 2; ++tries) {
      if (::send(watch_.fd(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return refused ? Sent::NobodyThere : Sent::Yes;
      if (errno != ECONNREFUSED) return Sent::Lost;
      refused = true;
    }
    return Sent::NobodyThere;
  }
  void hear(OnDatagram on_datagram) override {
    on_datagram_ = std::move(on_datagram);
    if (on_datagram_) watch_.want_read();
  }

 private:
  void on_fd_readable() override {
    if (!on_datagram_) return;
    const auto got = read_datagrams(watch_.fd(), UdpDoor::kDatagramsPerTurn,
                                    [this](const UdpPeer&, ByteView datagram) {
                                      if (on_datagram_) on_datagram_(datagram);
                                    });
    if (got.error == ECONNREFUSED) refused_ = true;
    watch_.want_read();
  }

  OnDatagram on_datagram_;
  bool refused_ = false;  // and a datagram is to be counted for it
  io::FdWatch watch_;
};

class TargetEnd final : public LocalEnd {
 public:
  explicit TargetEnd(io::UniqueFd socket) : socket_(std::move(socket)) {}
  std::unique_ptr<Flow> begin(const FlowPorts& ports, StreamKey key, FlowOwner& owner) override {
    return std::make_unique<UdpFlow>(
        ports, key, std::make_unique<TargetSide>(ports.loop, std::move(socket_)), owner);
  }

 private:
  io::UniqueFd socket_;
};

}  // namespace

// The door's socket and who speaks through it. The flows hold it too: answers go on while the door
// itself is gone, as accepted connections do.
struct UdpDoor::Socket final : public std::enable_shared_from_this<Socket>, private io::FdEvents {
  struct Entry {
    std::deque<Bytes> early;
    UdpSide::OnDatagram on_datagram;
    std::uint64_t client = 0;  // 0: its flow has ended, and the next may not begin yet
    Instant begun{};
  };

  Socket(io::EventLoop& loop, io::UniqueFd fd, OnClient handler)
      : on_client(std::move(handler)),
        local(io::bound_endpoint(fd.value())),
        family(io::to_socket_address(local).storage.ss_family),
        watch(loop, std::move(fd), static_cast<io::FdEvents&>(*this)),
        sweep(loop, [this] { forget_paused(); }) {
    watch.want_read();
  }

  void on_fd_readable() override;
  void take(const UdpPeer& peer, ByteView datagram);
  void begin(const UdpPeer& peer, ByteView datagram);
  void ended(const UdpPeer& peer, std::uint64_t client, bool answered);
  void forget_paused();

  OnClient on_client;  // null: the door is gone, no new ones
  Endpoint local;
  int family;
  DoorCounters counters;
  std::map<UdpPeer, Entry> clients;
  std::uint64_t last_client = 0;
  io::FdWatch watch;
  io::Timer sweep;
};

// One sender, for as long as its flow or the end before it lives.
class UdpDoor::Client final : public UdpSide {
 public:
  Client(std::shared_ptr<Socket> socket, const UdpPeer& peer, std::uint64_t id)
      : socket_(std::move(socket)), peer_(peer), id_(id) {}
  ~Client() override { socket_->ended(peer_, id_, answered_); }

  Sent send(ByteView datagram) override {
    answered_ = true;
    const int error = send_datagram(socket_->watch.fd(), socket_->family, peer_, datagram);
    return error == 0 ? Sent::Yes : Sent::Lost;
  }
  void hear(OnDatagram on_datagram) override {
    const auto at = socket_->clients.find(peer_);
    if (at == socket_->clients.end() || at->second.client != id_) return;
    at->second.on_datagram = on_datagram;
    if (!on_datagram) return;
    const auto early = std::exchange(at->second.early, {});
    for (const auto& datagram : early) on_datagram(datagram);
  }

 private:
  std::shared_ptr<Socket> socket_;
  UdpPeer peer_;
  std::uint64_t id_;
  bool answered_ = false;
};

class UdpDoor::End final : public LocalEnd {
 public:
  explicit End(std::unique_ptr<Client> client) : client_(std::move(client)) {}
  std::unique_ptr<Flow> begin(const FlowPorts& ports, StreamKey key, FlowOwner& owner) override {
    return std::make_unique<UdpFlow>(ports, key, std::move(client_), owner);
  }

 private:
  std::unique_ptr<Client> client_;
};

void UdpDoor::Socket::on_fd_readable() {
  const auto still_here = shared_from_this();
  const auto got =
      read_datagrams(watch.fd(), kDatagramsPerTurn,
                     [this](const UdpPeer& peer, ByteView datagram) { take(peer, datagram); });
  if (got.error != 0 && got.error != EAGAIN) ++counters.errors;
  watch.want_read();
}

void UdpDoor::Socket::take(const UdpPeer& peer, ByteView datagram) {
  const auto known = clients.find(peer);
  if (known == clients.end()) return begin(peer, datagram);
  Entry& entry = known->second;
  if (entry.client == 0) {
    if (io::monotonic_time() < entry.begun + kPause) return void(++counters.dropped);
    clients.erase(known);
    return begin(peer, datagram);
  }
  if (const auto on_datagram = entry.on_datagram) return on_datagram(datagram);
  if (entry.early.size() < kMaxEarly)
    entry.early.push_back(to_bytes(datagram));
  else
    ++counters.dropped;
}

void UdpDoor::Socket::begin(const UdpPeer& peer, ByteView datagram) {
  if (!on_client) return;
  if (clients.size() >= kMaxClients) return void(++counters.refused);
  ++counters.accepted;
  Entry& entry = clients[peer];
  entry.client = ++last_client;
  entry.begun = io::monotonic_time();
  entry.early.push_back(to_bytes(datagram));
  const auto handler = on_client;  // the door may go in here
  handler(std::make_unique<End>(std::make_unique<Client>(shared_from_this(), peer, entry.client)));
}

void UdpDoor::Socket::ended(const UdpPeer& peer, std::uint64_t client, bool answered) {
  const auto at = clients.find(peer);
  if (at == clients.end() || at->second.client != client) return;
  const Instant until = at->second.begun + kPause;
  if (answered || io::monotonic_time() >= until) return void(clients.erase(at));
  at->second = {{}, {}, 0, at->second.begun};
  if (!sweep.armed()) sweep.arm(until);
}

void UdpDoor::Socket::forget_paused() {
  const Instant now = io::monotonic_time();
  std::optional<Instant> next;
  std::erase_if(clients, [&](const auto& entry) {
    if (entry.second.client != 0) return false;
    const Instant until = entry.second.begun + kPause;
    if (until > now && (!next || until < *next)) next = until;
    return until <= now;
  });
  if (next) sweep.arm(*next);
}

Result<std::unique_ptr<Door>> UdpDoor::listen(io::EventLoop& loop, const Endpoint& at,
                                              IfTaken if_taken, OnClient on_client) {
  WEFT_TRY(auto fd, if_taken == IfTaken::NextFree ? bind_near(at) : bind_at(at));
  return std::unique_ptr<Door>(
      new UdpDoor(std::make_shared<Socket>(loop, std::move(fd), std::move(on_client))));
}

UdpDoor::~UdpDoor() { socket_->on_client = {}; }
Endpoint UdpDoor::local() const { return socket_->local; }
const DoorCounters& UdpDoor::counters() const { return socket_->counters; }

std::unique_ptr<LocalEnd> udp_end(io::UniqueFd socket) {
  return std::make_unique<TargetEnd>(std::move(socket));
}

}  // namespace weft::adapter
