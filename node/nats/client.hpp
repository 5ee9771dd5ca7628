// One program that speaks NATS with this node: what it says, what it is answered, what it
// subscribed to. No socket: bytes in, bytes out.
//
// As nats-server (core): INFO first, then CONNECT is expected; verbose +OK, pedantic is always on;
// -ERR 'reason' for what is wrong, and the connection ends where nats-server's would. Subjects are
// topics (broker/topic.hpp), a queue group is one of this node.
//
// Not there, and said: JetStream (its API topics are answered with status 503 where the client
// takes headers), accounts, users and TLS, `echo: false` is ignored.
//
// Limits: kMaxSubscriptions; what is taken out of the broker waits until less than kAhead bytes of
// output do, so a client that does not read loses its oldest messages as any slow subscriber does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "node/nats/parser.hpp"
#include "overlay/broker/rights.hpp"
#include "overlay/broker/subscribers.hpp"

namespace weft::nats {

inline constexpr std::size_t kMaxSubscriptions = 4096;  // of one client
inline constexpr std::size_t kAhead = 256u << 10;
inline constexpr std::size_t kMaxPayload =
    59'000;  // with headers; the rest is for subject and reply

// The broker as a client needs it.
class Bus {
 public:
  class Subscription {
   public:
    virtual ~Subscription() = default;
    [[nodiscard]] virtual std::optional<broker::Delivered> next() = 0;
    [[nodiscard]] virtual bool gone() const { return false; }  // nothing will come any more
  };
  virtual ~Bus() = default;
  // A rule about this topic, or what it is, keeps this node from it when false.
  [[nodiscard]] virtual bool may(const std::string& topic, broker::Right right) const = 0;
  // False: it was refused, too much is published at once.
  virtual bool publish(broker::Message message) = 0;
  // `waiting` is called when next() has something after it had nothing.
  [[nodiscard]] virtual Result<std::unique_ptr<Subscription>> subscribe(
      const broker::Wanted& wanted, std::function<void()> waiting) = 0;
};

struct ServerName {
  std::string id, name, host;
  std::uint16_t port = 0;
};

class Client {
 public:
  // `wrote`: there is output. Both outlive the client.
  Client(Bus& bus, const ServerName& server, std::uint64_t id, std::function<void()> wrote);

  void receive(ByteView bytes);
  // What is to be sent; the caller takes it.
  [[nodiscard]] std::string& output() { return out_; }
  // Output has gone: more may be taken out of the broker.
  void pump();
  void close();                                        // the connection is gone
  [[nodiscard]] bool ended() const { return ended_; }  // once the output is out, close
  [[nodiscard]] std::size_t subscriptions() const { return subscriptions_.size(); }

 private:
  struct Subscribed {
    std::string subject;
    std::unique_ptr<Bus::Subscription> subscription;
    std::uint64_t given = 0;
    std::uint64_t max = 0;  // 0: no end
  };
  void on(const Connect& connect);
  void on(Pub& pub);
  void on(const Sub& sub);
  void on(const Unsub& unsub);
  void on(const Ping&) { say("PONG\r\n"); }
  void on(const Pong&) {}
  void refuse(std::string_view why, bool end);
  void fine();
  void say(std::string_view text);
  void message(const std::string& sid, const broker::Message& what);

  Bus& bus_;
  std::function<void()> wrote_;
  Parser parser_{kMaxPayload};
  std::string out_;
  std::map<std::string, Subscribed> subscriptions_;  // by sid
  bool connected_ = false;
  bool verbose_ = false;
  bool headers_ = false;
  bool ended_ = false;
};

}  // namespace weft::nats
