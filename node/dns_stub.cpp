#include "node/dns_stub.hpp"

#include <sys/socket.h>

#include <array>
#include <utility>

#include "node/io/clock.hpp"
#include "node/io/socket_address.hpp"
#include "overlay/service/dns_names.hpp"

namespace weft::node {

namespace dns = service::dns;
using dns::Code;

namespace {

constexpr std::uint32_t kLocalhost = 0x7f000001;
constexpr std::size_t kLength = 2;  // before each message of a TCP connection

Result<io::UniqueFd> udp_socket(const Endpoint& at) {
  const int family = at.is_v4() ? AF_INET : AF_INET6;
  io::UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(Errc::Limit, "no socket is left");
  const auto address = io::to_socket_address(at, family);
  if (::bind(fd.value(), address.get(), address.size) != 0)
    return fail(errno == EACCES ? Errc::Denied : Errc::Busy,
                to_text(at) + " is taken, or not permitted, for UDP");
  return fd;
}

// What the network we are in has, as the stub may say it.
dns::Directory directory_of(const overlay::Overlay& overlay) {
  dns::Directory out{overlay.network_name(), {}, {}};
  for (const auto& member : overlay.members()) out.nodes.push_back(member.name);
  for (const auto& each : overlay.services()) out.services.push_back({each.name, each.node});
  for (const auto& own : overlay.exposures()) out.services.push_back({own.name, overlay.name()});
  return out;
}

}  // namespace

// A TCP connection: queries one behind the other, each answered at once.
class DnsStub::Client final : private io::FdEvents {
 public:
  Client(DnsStub& owner, std::uint64_t id, io::UniqueFd connection)
      : owner_(owner),
        id_(id),
        watch_(owner.loop_, std::move(connection), static_cast<io::FdEvents&>(*this)),
        timer_(owner.loop_, [this] { owner_.forget(id_); }) {
    wait();
  }

 private:
  void wait() {
    timer_.arm(io::monotonic_time() + kIdle);
    watch_.want_read();
  }
  void on_fd_readable() override {
    std::array<std::uint8_t, kLength + dns::kMaxMessage> bytes;
    const auto got = ::recv(watch_.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return watch_.want_read();
    if (got <= 0) return owner_.forget(id_);
    append(heard_, ByteView(bytes).first(static_cast<std::size_t>(got)));
    while (heard_.size() >= kLength) {
      const std::size_t size = read_be<std::uint16_t>(heard_);
      if (size > dns::kMaxMessage) return owner_.forget(id_);
      if (heard_.size() < kLength + size) break;
      const auto reply = owner_.answer(ByteView(heard_).subspan(kLength, size));
      if (!reply || !say(*reply)) return owner_.forget(id_);
      heard_.erase(heard_.begin(), heard_.begin() + static_cast<std::ptrdiff_t>(kLength + size));
    }
    wait();
  }
  // Who does not take answers this small is not waited for.
  [[nodiscard]] bool say(const Bytes& reply) {
    Bytes framed;
    append_be(framed, static_cast<std::uint16_t>(reply.size()));
    append(framed, reply);
    const auto sent = ::send(watch_.fd(), framed.data(), framed.size(), MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(framed.size());
  }

  DnsStub& owner_;
  std::uint64_t id_;
  Bytes heard_;
  io::FdWatch watch_;
  io::Timer timer_;
};

DnsStub::DnsStub(io::EventLoop& loop, overlay::Overlay& overlay, Gateway& gateway)
    : loop_(loop), overlay_(overlay), doors_(loop, gateway) {}
DnsStub::~DnsStub() = default;

Result<void> DnsStub::open(const Endpoint& listen) {
  if (!listen.is_loopback())
    return fail(Errc::Usage, "it answers this machine only: its addresses mean nothing elsewhere");
  if (door_ && door_->local() == listen) return {};
  auto door = adapter::TcpDoor::listen(
      loop_, listen, adapter::IfTaken::Fail,
      [this](io::UniqueFd connection, const Endpoint&) { on_accept(std::move(connection)); });
  if (!door) return std::unexpected(door.error());
  auto socket = udp_socket((*door)->local());
  if (!socket) return std::unexpected(socket.error());
  close();
  door_ = std::move(*door);
  socket_ =
      std::make_unique<io::FdWatch>(loop_, std::move(*socket), static_cast<io::FdEvents&>(*this));
  socket_->want_read();
  return {};
}

void DnsStub::close() {
  door_.reset();
  socket_.reset();
  clients_.clear();
  doors_.close();
}

std::optional<Endpoint> DnsStub::listen() const {
  return door_ ? std::optional(door_->local()) : std::nullopt;
}

void DnsStub::on_fd_readable() {
  std::array<std::uint8_t, dns::kMaxMessage + 1> bytes;  // one more shows that it is too large
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    auto* address = reinterpret_cast<sockaddr*>(&from);
    const auto got =
        ::recvfrom(socket_->fd(), bytes.data(), bytes.size(), MSG_DONTWAIT, address, &size);
    if (got < 0) break;
    if (const auto reply = answer(ByteView(bytes).first(static_cast<std::size_t>(got))))
      ::sendto(socket_->fd(), reply->data(), reply->size(), MSG_DONTWAIT, address, size);
  }
  socket_->want_read();
}

void DnsStub::on_accept(io::UniqueFd connection) {
  if (clients_.size() >= kMaxClients) return;
  const auto id = ++last_client_;
  clients_.emplace(id, std::make_unique<Client>(*this, id, std::move(connection)));
}

// Behind all that runs now: it may be the client itself that asks.
void DnsStub::forget(std::uint64_t id) {
  const auto at = clients_.find(id);
  if (at == clients_.end()) return;
  loop_.post([gone = std::shared_ptr<Client>(std::move(at->second))] {});
  clients_.erase(at);
}

std::optional<Bytes> DnsStub::answer(ByteView message) {
  ++counters_.queries;
  const auto query = dns::parse(message);
  if (!query) {
    ++counters_.broken;
    if (query.error().drop) return std::nullopt;
    return dns::encode(query.error().query, {Code::FormatError, {}, false}, kTtlS);
  }
  return dns::encode(*query, look_up(*query), kTtlS);
}

dns::Answer DnsStub::look_up(const dns::Query& query) {
  if (query.opcode != 0) return {Code::NotImplemented, {}, false};
  if (query.edns_version > 0) return {Code::BadVersion, {}, false};
  const auto found = dns::find(directory_of(overlay_), query.name);
  if (query.qclass != dns::kClassIn || std::holds_alternative<dns::Outside>(found)) {
    ++counters_.refused;
    return {Code::Refused, {}, false};
  }
  if (std::holds_alternative<dns::Nothing>(found)) {
    ++counters_.no_such_name;
    return {Code::NoSuchName, {}, true};
  }
  ++counters_.answered;
  if (query.type != dns::kTypeA && query.type != dns::kTypeAny) return {Code::Ok, {}, true};
  std::optional<std::uint32_t> address;
  if (const auto* named = std::get_if<dns::Named>(&found))
    address = address_of(named->service, named->node);
  if (const auto* host = std::get_if<dns::Host>(&found)) address = address_of({}, host->node);
  return {Code::Ok, address, !address};
}

std::optional<std::uint32_t> DnsStub::address_of(const std::string& service,
                                                 const std::string& node) {
  if (node == overlay_.name()) {
    if (service.empty()) return kLocalhost;
    for (const auto& own : overlay_.exposures()) {
      if (own.name != service) continue;
      if (own.target.host == "localhost") return kLocalhost;
      const auto target = endpoint_from_text(own.target.to_text());
      if (target && target->is_v4()) return target->v4_address();
    }
    return std::nullopt;
  }
  std::vector<NameDoors::Service> behind;
  std::string key;
  for (const auto& each : overlay_.services()) {
    if (each.node != node || (!service.empty() && each.name != service)) continue;
    key = (service.empty() ? std::string() : service) + "@" + to_text(each.node_id);
    if (each.protocol == "udp" || each.protocol == "socks5") continue;
    NameDoors::Service one{each.name, node, {each.port}};
    if (each.protocol == "http" || each.protocol == "file") one.ports.push_back(80);
    if (each.protocol == "file") one.ports.push_back(8080);
    behind.push_back(std::move(one));
  }
  if (behind.empty()) return std::nullopt;
  return doors_.address_of(key, behind);
}

}  // namespace weft::node
