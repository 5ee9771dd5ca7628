#include "node/io/udp_group.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "node/io/socket_address.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::io {

namespace {

bool reaches(const UdpDriver& socket, const Endpoint& to) {
  const Endpoint from = socket.local();
  if (from.is_unspecified() && !from.is_v4()) return !to.is_v4() || socket.dual_stack();
  if (from.is_v4() != to.is_v4()) return false;
  return from.is_unspecified() || from.is_loopback() == to.is_loopback();
}

// Whether the machine has this address: whether a socket may be bound to it.
bool has_address(Endpoint address) {
  if (address.is_unspecified()) return true;
  address.port = 0;
  const SocketAddress at = to_socket_address(address);
  const UniqueFd probe(::socket(at.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return !probe || ::bind(probe.value(), at.get(), at.size) == 0 || errno != EADDRNOTAVAIL;
}

}  // namespace

class UdpGroup::Member final : public DatagramSink {
 public:
  Member(UdpGroup& group, std::size_t index) : group_(group), index_(index) {}

  void on_datagram(const Datagram& datagram) override {
    Datagram told = datagram;
    const bool usual = group_.members_.size() == 1 || group_.usual(datagram.from) == index_;
    told.path = usual ? PathId::Udp : PathId{static_cast<std::uint32_t>(index_)};
    group_.sink_.on_datagram(told);
  }
  void on_batch_end() override { group_.sink_.on_batch_end(); }
  void on_writable() override { group_.sink_.on_writable(); }
  void on_too_large(const Transmit& transmit, std::size_t size) override {
    group_.sink_.on_too_large(transmit, size);
  }

  std::unique_ptr<UdpDriver> driver;
  bool lost = false;

 private:
  UdpGroup& group_;
  std::size_t index_;
};

UdpGroup::UdpGroup(DatagramSink& sink) : sink_(sink) {}
UdpGroup::~UdpGroup() = default;

Result<std::unique_ptr<UdpGroup>> UdpGroup::open(EventLoop& loop,
                                                 const std::vector<UdpOptions>& options,
                                                 DatagramSink& sink) {
  if (options.empty() || options.size() > kMostSockets)
    return fail(Errc::Usage, "a node listens at 1 to 8 addresses");
  std::unique_ptr<UdpGroup> group(new UdpGroup(sink));
  for (const auto& one : options) {
    auto member = std::make_unique<Member>(*group, group->members_.size());
    UdpOptions own = one;
    own.only_family = options.size() > 1;
    WEFT_TRY(member->driver, UdpDriver::open(loop, own, *member));
    group->members_.push_back(std::move(member));
  }
  return group;
}

std::size_t UdpGroup::usual(const Endpoint& to) const {
  const auto at = std::ranges::find_if(
      members_, [&](const auto& member) { return !member->lost && reaches(*member->driver, to); });
  return static_cast<std::size_t>(at - members_.begin());
}

bool UdpGroup::send(const Transmit& transmit, ByteView bytes) {
  auto index = static_cast<std::size_t>(transmit.path);
  if (members_.size() == 1)
    index = 0;
  else if (transmit.path == PathId::Udp || (index < members_.size() && members_[index]->lost))
    index = usual(transmit.to);
  return index < members_.size() && members_[index]->driver->send(transmit, bytes);
}

bool UdpGroup::can_send() const {
  return std::ranges::all_of(members_,
                             [](const auto& member) { return member->driver->can_send(); });
}

void UdpGroup::set_receive_share(std::size_t bytes_per_wakeup) {
  for (const auto& member : members_) member->driver->set_receive_share(bytes_per_wakeup);
}

void UdpGroup::look_around() {
  for (const auto& member : members_) member->lost = !has_address(member->driver->local());
}

std::vector<Endpoint> UdpGroup::bound() const {
  std::vector<Endpoint> out;
  out.reserve(members_.size());
  for (const auto& member : members_)
    if (!member->lost) out.push_back(member->driver->local());
  return out;
}

std::uint16_t UdpGroup::port() const { return members_.front()->driver->local().port; }

const UdpDriver& UdpGroup::socket(std::size_t index) const { return *members_[index]->driver; }

}  // namespace weft::io
