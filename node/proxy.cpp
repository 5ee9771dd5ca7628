#include "node/proxy.hpp"

#include <sys/socket.h>

#include <array>
#include <utility>

#include "node/adapter/connect_head.hpp"
#include "node/control_answers.hpp"
#include "node/io/clock.hpp"
#include "node/io/fd_watch.hpp"
#include "node/proxy_end.hpp"
#include "overlay/network.hpp"
#include "overlay/service/mapping.hpp"
#include "overlay/service/weft_name.hpp"

namespace weft::node {

namespace socks5 = service::socks5;
using socks5::Code;

namespace {

constexpr std::size_t kMostHeard = 16 * 1024;  // a head of HTTP, and what may follow it

Code code_of(const Gateway::Refusal& refusal) {
  using service::OpenStatus;
  if (refusal.status == OpenStatus::Denied || refusal.error.code == Errc::Denied)
    return Code::NotAllowed;
  if (refusal.status == OpenStatus::TargetRefused) return Code::Refused;
  if (refusal.status == OpenStatus::Limit || refusal.error.code == Errc::Limit) return Code::Failed;
  if (refusal.status || refusal.error.code != Errc::NoPath) return Code::HostUnreachable;
  return Code::NetworkUnreachable;
}

}  // namespace

// From its first byte until it is known where it wants to go and the stream there is open.
class Proxy::Client final : private io::FdEvents {
 public:
  Client(Proxy& owner, std::uint64_t id, io::UniqueFd connection)
      : owner_(owner),
        id_(id),
        watch_(owner.loop_, std::move(connection), static_cast<io::FdEvents&>(*this)),
        timer_(owner.loop_, [this] { owner_.forget(id_); }) {
    timer_.arm(io::monotonic_time() + kGreetingLimit);
    watch_.want_read();
  }

  // Nothing follows: the client is gone.
  void refuse(Code code, const std::string& why) {
    ++owner_.counters_.refused;
    owner_.gateway_.record(owner_.network_of(host), events::ProxyRefused{host, why});
    tell_client(watch_.fd(), proxy_answer(speech_, code, why));
    owner_.forget(id_);
  }
  void accept() { tell_client(watch_.fd(), proxy_answer(speech_, Code::Ok)); }
  [[nodiscard]] ViaExit leave(const std::string& exit) {
    return {watch_.release(),
            speech_,
            host,
            port,
            std::move(heard_),
            exit,
            [record = owner_.gateway_.record, network = owner_.network_](const std::string& to,
                                                                         const std::string& why) {
              record(network, events::ProxyRefused{to, why});
            }};
  }

  std::string host;
  std::uint16_t port = 0;

 private:
  enum class State : std::uint8_t { Greeting, Request, Opening };

  // While the stream is being opened, what the client says already waits in the kernel.
  void on_fd_readable() override {
    if (state_ == State::Opening) return;
    std::array<std::uint8_t, 4096> bytes;
    const auto got = ::recv(watch_.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return watch_.want_read();
    if (got <= 0 || heard_.size() + static_cast<std::size_t>(got) > kMostHeard)
      return owner_.forget(id_);
    append(heard_, ByteView(bytes).first(static_cast<std::size_t>(got)));
    if (heard_.front() == socks5::kVersion || state_ != State::Greeting)
      hear_socks();
    else
      hear_http();
  }

  void hear_socks() {
    if (state_ == State::Greeting) {
      const auto greeting = socks5::parse_greeting(heard_);
      if (!greeting) return owner_.forget(id_);
      if (!*greeting) return watch_.want_read();
      const bool accepted = (*greeting)->message.without_password;
      tell_client(watch_.fd(), socks5::encode_method(accepted));
      if (!accepted) return owner_.forget(id_);
      take((*greeting)->consumed);
      state_ = State::Request;
    }
    const auto request = socks5::parse_request(heard_);
    if (!request) {
      const bool kind = request.error().code == Errc::Unsupported;
      return refuse(kind ? Code::AddressNotSupported : Code::Failed, request.error().detail);
    }
    if (!*request) return watch_.want_read();
    const auto& asked = (*request)->message;
    host = asked.host;
    port = asked.port;
    if (asked.command != socks5::Command::Connect)
      return refuse(Code::CommandNotSupported, "this proxy takes CONNECT only");
    go((*request)->consumed);
  }

  void hear_http() {
    speech_ = ProxySpeech::Http;
    const auto head = adapter::parse_connect_head(heard_);
    if (!head) {
      const bool method = head.error().code == Errc::Unsupported;
      return refuse(method ? Code::CommandNotSupported : Code::AddressNotSupported,
                    head.error().detail);
    }
    if (!*head) return watch_.want_read();
    host = (*head)->host;
    port = (*head)->port;
    const bool v6 = host.find(':') != std::string::npos;
    const auto at = endpoint_from_text((v6 ? "[" + host + "]" : host) + ":1");
    if (at ? v6 && at->is_v4() : !socks5::is_host_name(host))
      return refuse(Code::AddressNotSupported, "not a host name or address");
    go((*head)->consumed);
  }

  void go(std::size_t consumed) {
    take(consumed);
    state_ = State::Opening;
    timer_.arm(io::monotonic_time() + kOpenLimit + 5s);
    owner_.connect(id_);
  }
  void take(std::size_t size) {
    heard_.erase(heard_.begin(), heard_.begin() + static_cast<std::ptrdiff_t>(size));
  }

  Proxy& owner_;
  std::uint64_t id_;
  State state_ = State::Greeting;
  ProxySpeech speech_ = ProxySpeech::Socks5;
  Bytes heard_;
  io::FdWatch watch_;
  io::Timer timer_;
};

Proxy::Proxy(io::EventLoop& loop, overlay::Overlay& overlay, Gateway& gateway)
    : loop_(loop), overlay_(overlay), gateway_(gateway) {}
Proxy::~Proxy() { *alive_ = false; }

Result<void> Proxy::open(const Settings& settings) {
  if (!settings.listen.is_loopback())
    return fail(Errc::Usage, "a proxy without a password listens on this machine only");
  network_ = other_than_default(overlay_);
  if (settings_ && settings_->listen == settings.listen) {
    settings_ = settings;
    return {};
  }
  auto door = adapter::TcpDoor::listen(
      loop_, settings.listen, adapter::IfTaken::Fail,
      [this](io::UniqueFd connection, const Endpoint&) { on_accept(std::move(connection)); });
  if (!door) return std::unexpected(door.error());
  close();
  door_ = std::move(*door);
  settings_ = Settings{door_->local(), settings.exit};
  return {};
}

void Proxy::close() {
  door_.reset();
  settings_.reset();
  clients_.clear();
}

void Proxy::on_accept(io::UniqueFd connection) {
  if (clients_.size() >= kMaxClients) return void(++counters_.refused);
  ++counters_.accepted;
  const auto id = ++last_client_;
  clients_.emplace(id, std::make_unique<Client>(*this, id, std::move(connection)));
}

// Behind all that runs now: it may be the client itself that asks.
void Proxy::forget(std::uint64_t id) {
  const auto at = clients_.find(id);
  if (at == clients_.end()) return;
  loop_.post([gone = std::shared_ptr<Client>(std::move(at->second))] {});
  clients_.erase(at);
}

std::expected<Proxy::Way, std::pair<Code, std::string>> Proxy::way_to(
    const std::string& host) const {
  if (!service::is_weft_name(host)) return exit_way(host);
  const auto name = service::weft_name(host);
  if (!name)
    return std::unexpected(
        std::pair{Code::HostUnreachable, host + " names no service: SERVICE.NODE.weft does"});
  if (!name->network.empty() && !overlay_.find(name->network))
    return std::unexpected(
        std::pair{Code::HostUnreachable, overlay_.find(name->network).error().detail});
  const auto node =
      name->node.empty() ? Result<NodeId>(overlay_.id()) : overlay_.find_node(name->node);
  for (const auto& service : overlay_.services())
    if (service.name == name->service && service.protocol == "udp" &&
        (name->node.empty() || (node && service.node_id == *node)))
      return std::unexpected(std::pair{
          Code::NotAllowed, name->service + " takes datagrams: weft open " + name->service});
  return Way{name->service, name->node, false};
}

std::expected<Proxy::Way, std::pair<Code, std::string>> Proxy::exit_way(
    const std::string& host) const {
  if (!settings_ || settings_->exit.empty())
    return std::unexpected(
        std::pair{Code::NotAllowed, host + " is not inside the network, and this proxy has no exit "
                                           "(weft proxy --exit NODE)"});
  const auto ref = service::parse_service_ref(settings_->exit);
  if (ref && !ref->node.empty()) return Way{ref->service, ref->node, true};
  const auto node = overlay_.find_node(settings_->exit);
  std::string name = "exit";
  for (const auto& service : overlay_.services())
    if (node && service.node_id == *node && service.protocol == "socks5") name = service.name;
  return Way{name, settings_->exit, true};
}

std::optional<NetworkId> Proxy::network_of(const std::string& host) const {
  const auto name = service::weft_name(host);
  if (!name || name->network.empty()) return network_;
  const auto found = overlay_.find(name->network);
  return found ? std::optional((*found)->id()) : network_;
}

void Proxy::connect(std::uint64_t id) {
  const auto at = clients_.find(id);
  if (at == clients_.end()) return;
  const overlay::Overlay::Meaning meaning(overlay_, network_of(at->second->host));
  auto way = way_to(at->second->host);
  if (!way) return at->second->refuse(way.error().first, way.error().second);
  ++(way->exit ? counters_.outside : counters_.inside);
  gateway_.open_pipe(way->service, way->node, kOpenLimit,
                     [this, alive = alive_, id, way = *way](const auto& result) {
                       if (*alive) answered(id, way, result);
                     });
}

void Proxy::answered(std::uint64_t id, const Way& way,
                     std::expected<overlay::StreamKey, Gateway::Refusal> result) {
  const auto at = clients_.find(id);
  if (at == clients_.end()) {
    if (result) gateway_.adopt(*result, std::unique_ptr<adapter::LocalEnd>());
    return;
  }
  Client& client = *at->second;
  if (!result) {
    const auto& refusal = result.error();
    const auto what = way.service + (way.node.empty() ? "" : "@" + way.node);
    return client.refuse(code_of(refusal), what + ": " + refusal.error.detail);
  }
  if (!way.exit) client.accept();
  auto via = client.leave(way.node);
  forget(id);
  if (way.exit) return gateway_.adopt(*result, via_exit(std::move(via)));
  gateway_.adopt(*result, std::move(via.client), via.early);
}

}  // namespace weft::node
