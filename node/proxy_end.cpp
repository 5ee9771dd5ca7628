#include "node/proxy_end.hpp"

#include <sys/socket.h>

#include <utility>

#include "node/adapter/handshake_flow.hpp"

namespace weft::node {

namespace {

namespace socks5 = service::socks5;
using socks5::Code;

// Longer than the exit itself takes to connect.
constexpr Duration kExitLimit = 25s;

std::string_view http_status(Code code) {
  switch (code) {
    case Code::Ok:
      return "200 Connection established";
    case Code::NotAllowed:
      return "403 Forbidden";
    case Code::NetworkUnreachable:
    case Code::HostUnreachable:
    case Code::Refused:
      return "502 Bad Gateway";
    case Code::Expired:
      return "504 Gateway Timeout";
    case Code::CommandNotSupported:
      return "405 Method Not Allowed";
    case Code::AddressNotSupported:
      return "400 Bad Request";
    case Code::Failed:
      break;
  }
  return "503 Service Unavailable";
}

class ViaExitFlow final : public adapter::HandshakeFlow {
 public:
  ViaExitFlow(const adapter::FlowPorts& ports, adapter::StreamKey key, adapter::FlowOwner& owner,
              ViaExit via)
      : HandshakeFlow(ports, key, owner, kExitLimit), via_(std::move(via)) {}

 private:
  void began() override { say(socks5::encode_connect(via_.host, via_.port)); }

  bool heard() override {
    const auto answers = socks5::parse_answers(heard_bytes());
    if (!answers) {
      tell(Code::Failed, "the exit " + via_.exit + " gave no answer that makes sense");
      return end(false), false;
    }
    if (!*answers) return true;
    const Code code = (*answers)->message;
    if (code != Code::Ok) {
      tell(code, "the exit " + via_.exit + " says: " + std::string(socks5::name_of(code)));
      return end(true), false;
    }
    tell_client(via_.client.value(), proxy_answer(via_.speech, Code::Ok));
    join(std::move(via_.client), std::move(via_.early));
    return false;
  }

  void lost(Lost why) override {
    if (why == Lost::Time)
      tell(Code::Expired, "the exit " + via_.exit + " gave no answer in time");
    else
      tell(Code::Failed, "the exit " + via_.exit + " ended the connection");
  }

  void tell(Code code, const std::string& why) {
    via_.refused(via_.host, why);
    tell_client(via_.client.value(), proxy_answer(via_.speech, code, why));
    via_.client.reset();
  }

  ViaExit via_;
};

class ViaExitEnd final : public adapter::LocalEnd {
 public:
  explicit ViaExitEnd(ViaExit via) : via_(std::move(via)) {}
  std::unique_ptr<adapter::Flow> begin(const adapter::FlowPorts& ports, adapter::StreamKey key,
                                       adapter::FlowOwner& owner) override {
    return std::make_unique<ViaExitFlow>(ports, key, owner, std::move(via_));
  }

 private:
  ViaExit via_;
};

}  // namespace

Bytes proxy_answer(ProxySpeech speech, Code code, const std::string& why) {
  if (speech == ProxySpeech::Socks5) return socks5::encode_reply(code);
  std::string text = "HTTP/1.1 " + std::string(http_status(code)) + "\r\n";
  if (code == Code::Ok) return to_bytes(bytes_of(text + "\r\n"));
  const auto body = "weft proxy: " + why + "\n";
  text += "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: " +
          std::to_string(body.size()) + "\r\n\r\n" + body;
  return to_bytes(bytes_of(text));
}

void tell_client(int fd, ByteView answer) {
  static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

std::unique_ptr<adapter::LocalEnd> via_exit(ViaExit via) {
  return std::make_unique<ViaExitEnd>(std::move(via));
}

}  // namespace weft::node
