#include "node/carriers/carriers.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.hpp"
#include "node/io/socket_address.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::carriers {

namespace {

// Whether the machine has this address: whether a socket may be bound to it.
bool has_address(Endpoint address) {
  if (address.is_unspecified()) return true;
  address.port = 0;
  const io::SocketAddress at = io::to_socket_address(address);
  const io::UniqueFd probe(::socket(at.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return !probe || ::bind(probe.value(), at.get(), at.size) == 0 || errno != EADDRNOTAVAIL;
}

std::size_t datagrams_in(const Transmit& transmit) {
  if (transmit.segment_size == 0) return 1;
  return (transmit.size + transmit.segment_size - 1) / transmit.segment_size;
}

}  // namespace

// Between a carrier and the one who is fed: says by which path it came, and keeps `blocked`.
class Carriers::Member final : public DatagramSink {
 public:
  Member(Carriers& all, PathId id) : all_(all), id_(id) {}

  void on_datagram(const Datagram& datagram) override {
    Datagram told = datagram;
    told.path = all_.table_.arriving(id_, datagram.from);
    all_.sink_.on_datagram(told);
  }
  void on_batch_end() override { all_.sink_.on_batch_end(); }
  void on_writable() override {
    all_.table_.set_blocked(id_, false);
    all_.sink_.on_writable();
  }
  void on_too_large(const Transmit& transmit, std::size_t size) override {
    all_.sink_.on_too_large(transmit, size);
  }
  bool send(const Transmit& transmit, ByteView bytes) {
    const bool taken = carrier != nullptr && carrier->send(transmit, bytes);
    if (carrier != nullptr && carrier->blocked()) all_.table_.set_blocked(id_, true);
    return taken;
  }

  std::unique_ptr<Carrier> carrier;
  UdpCarrier* socket = nullptr;  // the same, where it is one

 private:
  Carriers& all_;
  PathId id_;
};

Carriers::Carriers(io::EventLoop& loop, path::PathTable& table, DatagramSink& sink)
    : loop_(loop), table_(table), sink_(sink) {}

Carriers::~Carriers() {
  for (const auto& [id, member] : members_) table_.close(id);
}

Result<std::unique_ptr<Carriers>> Carriers::open(io::EventLoop& loop,
                                                 const std::vector<UdpOptions>& options,
                                                 path::PathTable& table, DatagramSink& sink) {
  if (options.empty() || options.size() > kMostSockets)
    return fail(Errc::Usage, "a node listens at 1 to 8 addresses");
  std::unique_ptr<Carriers> carriers(new Carriers(loop, table, sink));
  for (auto one : options) {
    one.only_family = options.size() > 1;
    WEFT_CHECK(carriers->listen(one));
  }
  return carriers;
}

Result<void> Carriers::listen(const UdpOptions& options) {
  WEFT_TRY(const PathId id, table_.add({.kind = path::PathKind::Udp}));
  auto member = std::make_unique<Member>(*this, id);
  auto socket = UdpCarrier::open(loop_, options, *member);
  if (!socket) {
    table_.close(id);
    return std::unexpected(socket.error());
  }
  table_.set_local(id, (*socket)->local(), (*socket)->dual_stack());
  member->socket = socket->get();
  member->carrier = std::move(*socket);
  members_.emplace(id, std::move(member));
  listening_.push_back(id);
  return {};
}

Result<PathId> Carriers::attach(io::UniqueFd fd, path::PathKind kind) {
  WEFT_TRY(const PathId id, add({.kind = kind}));
  Member& member = *find(id);
  auto socket = UdpCarrier::adopt(loop_, std::move(fd), {}, member);
  if (!socket) {
    detach(id);
    return std::unexpected(socket.error());
  }
  table_.set_local(id, (*socket)->local(), (*socket)->dual_stack());
  member.socket = socket->get();
  set(id, std::move(*socket));
  return id;
}

Result<PathId> Carriers::add(const path::Path& path) {
  if (path.kind == path::PathKind::Udp)
    return fail(Errc::Usage, "what a node listens at is told at the start");
  WEFT_TRY(const PathId id, table_.add(path));
  members_.emplace(id, std::make_unique<Member>(*this, id));
  return id;
}

DatagramSink& Carriers::sink(PathId id) {
  Member* member = find(id);
  WEFT_ASSERT(member != nullptr);
  return *member;
}

void Carriers::set(PathId id, std::unique_ptr<Carrier> carrier) {
  Member* member = find(id);
  WEFT_ASSERT(member != nullptr && member->carrier == nullptr);
  member->carrier = std::move(carrier);
  if (receive_share_ != 0) member->carrier->set_receive_share(receive_share_);
}

void Carriers::detach(PathId id) {
  if (std::ranges::find(listening_, id) != listening_.end()) return;
  if (members_.erase(id) > 0) table_.close(id);
}

bool Carriers::send(const Transmit& transmit, ByteView bytes) {
  const auto id = table_.carrier_of(transmit.path, transmit.to);
  Member* member = id ? find(*id) : nullptr;
  // With headroom it is not wrapped yet: nobody has taken it to where it should go.
  if (member != nullptr && transmit.headroom == 0) return member->send(transmit, bytes);
  unreachable_ += datagrams_in(transmit);
  return false;
}

bool Carriers::can_send(PathId path, const Endpoint& to) const { return !table_.blocked(path, to); }

void Carriers::set_receive_share(std::size_t bytes_per_wakeup) {
  if (std::exchange(receive_share_, bytes_per_wakeup) == bytes_per_wakeup) return;
  for (const auto& [id, member] : members_)
    if (member->carrier) member->carrier->set_receive_share(bytes_per_wakeup);
}

void Carriers::look_around() {
  for (const PathId id : listening_) table_.set_lost(id, !has_address(find(id)->socket->local()));
}

std::vector<Endpoint> Carriers::bound() const {
  std::vector<Endpoint> out;
  out.reserve(listening_.size());
  for (const PathId id : listening_)
    if (!table_.at(id).lost) out.push_back(find(id)->socket->local());
  return out;
}

std::uint16_t Carriers::port() const { return socket(0).local().port; }

const UdpCarrier& Carriers::socket(std::size_t index) const {
  return *find(listening_[index])->socket;
}

UdpCounters Carriers::counters() const {
  UdpCounters sum;
  for (const auto& [id, member] : members_)
    if (member->socket != nullptr) add_fields(sum, member->socket->counters());
  return sum;
}

Carriers::Member* Carriers::find(PathId id) const {
  const auto at = members_.find(id);
  return at == members_.end() ? nullptr : at->second.get();
}

}  // namespace weft::carriers
