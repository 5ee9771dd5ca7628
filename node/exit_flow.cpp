#include "node/exit_flow.hpp"

#include <utility>

#include "node/adapter/handshake_flow.hpp"
#include "overlay/service/socks5.hpp"

namespace weft::node {

namespace {

namespace socks5 = service::socks5;
using socks5::Code;

constexpr Duration kHandshakeLimit = 10s + adapter::Connector::kTimeout;

Code code_of(adapter::ConnectFailure failure) {
  switch (failure) {
    case adapter::ConnectFailure::Refused:
      return Code::Refused;
    case adapter::ConnectFailure::Unreachable:
      return Code::NetworkUnreachable;
    case adapter::ConnectFailure::Timeout:
      return Code::Expired;
    case adapter::ConnectFailure::NotFound:
      return Code::HostUnreachable;
    case adapter::ConnectFailure::Denied:
      return Code::NotAllowed;
    case adapter::ConnectFailure::Limit:
      break;
  }
  return Code::Failed;
}

class ExitFlow final : public adapter::HandshakeFlow {
 public:
  ExitFlow(const adapter::FlowPorts& ports, adapter::StreamKey key, adapter::FlowOwner& owner,
           ExitPorts exit, service::ExitPolicy policy)
      : HandshakeFlow(ports, key, owner, kHandshakeLimit),
        exit_(std::move(exit)),
        policy_(std::move(policy)) {}
  ~ExitFlow() override {
    if (ticket_ != 0) exit_.connector.cancel(ticket_);
  }

 private:
  bool heard() override {
    if (!greeted_) {
      const auto greeting = socks5::parse_greeting(heard_bytes());
      if (!greeting) return end(false), false;
      if (!*greeting) return true;
      greeted_ = true;
      forget_heard();
      say(socks5::encode_method((*greeting)->message.without_password));
      if (!(*greeting)->message.without_password) return end(true), false;
      return true;
    }
    const auto request = socks5::parse_request(heard_bytes());
    if (!request) {
      const bool kind = request.error().code == Errc::Unsupported;
      return answer(kind ? Code::AddressNotSupported : Code::NotAllowed, request.error().detail),
             false;
    }
    if (!*request) return true;
    connect((*request)->message);
    return false;  // what follows is for whoever is connected
  }
  void lost(Lost) override {}

  void connect(const socks5::Request& request) {
    where_ = request.host + ":" + std::to_string(request.port);
    if (request.command != socks5::Command::Connect)
      return answer(Code::CommandNotSupported, "only CONNECT");
    if (request.is_name)
      if (const auto why = policy_.refuses_name(request.host))
        return answer(Code::NotAllowed, *why);
    const auto allowed = [this, host = request.host](const Endpoint& at) {
      if (exit_.is_own(at)) return std::optional<std::string>("it is this machine's own");
      return policy_.refuses(host, at);
    };
    ticket_ = exit_.connector.connect(
        {request.host, request.port, {}}, [this](auto target) { on_target(std::move(target)); },
        adapter::Connector::kTimeout, SOCK_STREAM, allowed);
  }

  void on_target(std::expected<io::UniqueFd, adapter::ConnectError> target) {
    ticket_ = 0;
    if (!target) return answer(code_of(target.error().failure), target.error().detail);
    say(socks5::encode_reply(Code::Ok));
    join(std::move(*target), {});
  }

  void answer(Code code, const std::string& why) {
    exit_.refused(where_, why);
    say(socks5::encode_reply(code));
    end(true);
  }

  ExitPorts exit_;
  service::ExitPolicy policy_;
  adapter::Connector::Ticket ticket_ = 0;
  std::string where_;
  bool greeted_ = false;
};

class ExitEnd final : public adapter::LocalEnd {
 public:
  ExitEnd(ExitPorts ports, service::ExitPolicy policy)
      : exit_(std::move(ports)), policy_(std::move(policy)) {}
  std::unique_ptr<adapter::Flow> begin(const adapter::FlowPorts& ports, adapter::StreamKey key,
                                       adapter::FlowOwner& owner) override {
    return std::make_unique<ExitFlow>(ports, key, owner, std::move(exit_), std::move(policy_));
  }

 private:
  ExitPorts exit_;
  service::ExitPolicy policy_;
};

}  // namespace

std::unique_ptr<adapter::LocalEnd> exit_end(ExitPorts ports, service::ExitPolicy policy) {
  return std::make_unique<ExitEnd>(std::move(ports), std::move(policy));
}

}  // namespace weft::node
