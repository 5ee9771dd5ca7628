// A client of the NATS door, without a socket, before a broker of one node.
#include <gtest/gtest.h>

#include <deque>

#include "base/seeded_rng.hpp"
#include "node/nats/client.hpp"
#include "overlay/broker/subscribers.hpp"

namespace weft::nats {
namespace {

// All that is published comes back to who subscribed.
class TestBus final : public Bus {
 public:
  class Taken final : public Subscription {
   public:
    Taken(TestBus& bus, broker::SubscriberId id) : bus_(bus), id_(id) {}
    ~Taken() override { bus_.subscribers.remove(id_); }
    [[nodiscard]] std::optional<broker::Delivered> next() override {
      return bus_.subscribers.next(id_);
    }

   private:
    TestBus& bus_;
    broker::SubscriberId id_;
  };
  [[nodiscard]] bool may(const std::string& topic, broker::Right right) const override {
    return !kept_from.contains({topic, right});
  }
  bool publish(broker::Message message) override {
    if (full) return false;
    published.push_back(message);
    auto batch = std::make_shared<broker::Batch>();
    batch->first = ++number;
    batch->messages.push_back(std::move(message));
    subscribers.put({batch, 0}, [](const std::string&) { return true; });
    while (const auto id = subscribers.poll_waiting()) waiting.at (*id)();
    return true;
  }
  [[nodiscard]] Result<std::unique_ptr<Subscription>> subscribe(
      const broker::Wanted& wanted, std::function<void()> call) override {
    WEFT_TRY(const auto id, subscribers.add(wanted));
    waiting[id] = std::move(call);
    return std::make_unique<Taken>(*this, id);
  }

  broker::Subscribers subscribers;
  std::map<broker::SubscriberId, std::function<void()>> waiting;
  std::vector<broker::Message> published;
  std::uint64_t number = 0;
  bool full = false;
  std::set<std::pair<std::string, broker::Right>> kept_from;
};

struct Talk {
  explicit Talk(TestBus& bus) : client(bus, {"id", "oak", "127.0.0.1", 4222}, 1, [] {}) {
    info = std::exchange(client.output(), {});
  }
  std::string say(std::string_view text) {
    client.receive(bytes_of(text));
    return heard();
  }
  std::string heard() { return std::exchange(client.output(), {}); }
  Client client;
  std::string info;
};

constexpr std::string_view kConnect = "CONNECT {\"verbose\":false,\"headers\":true}\r\n";

TEST(NatsClient, IsToldWhoIsThereFirst) {
  TestBus bus;
  Talk t(bus);
  EXPECT_TRUE(t.info.starts_with("INFO {\"server_id\":\"id\""));
  EXPECT_NE(t.info.find("\"max_payload\":59000"), std::string::npos);
  EXPECT_NE(t.info.find("\"headers\":true"), std::string::npos);
  EXPECT_EQ(t.say("CONNECT {\"verbose\":true}\r\nPING\r\n"), "+OK\r\nPONG\r\n");
}

TEST(NatsClient, GetsWhatItSubscribedTo) {
  TestBus bus;
  Talk t(bus);
  Talk other(bus);
  t.say(kConnect);
  other.say(kConnect);
  EXPECT_EQ(t.say("SUB app.* 7\r\n"), "");
  other.say("PUB app.door 4\r\nopen\r\nPUB other 1\r\nx\r\n");
  EXPECT_EQ(t.heard(), "MSG app.door 7 4\r\nopen\r\n");
  other.say("PUB app.q _INBOX.1 0\r\n\r\n");
  EXPECT_EQ(t.heard(), "MSG app.q 7 _INBOX.1 0\r\n\r\n");
  other.say("HPUB app.h 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
  EXPECT_EQ(t.heard(), "HMSG app.h 7 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
  t.say("UNSUB 7\r\n");
  other.say("PUB app.door 4\r\nshut\r\n");
  EXPECT_EQ(t.heard(), "");
  EXPECT_EQ(bus.subscribers.size(), 0u);
}

TEST(NatsClient, WhoTakesNoHeadersGetsThePayload) {
  TestBus bus;
  Talk t(bus);
  t.say("CONNECT {}\r\nSUB a 1\r\n");
  EXPECT_EQ(t.say("HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"), "MSG a 1 2\r\nhi\r\n");
}

TEST(NatsClient, AnUnsubscriptionWithACountEndsByItself) {
  TestBus bus;
  Talk t(bus);
  t.say(kConnect);
  t.say("SUB a 1\r\nUNSUB 1 2\r\n");
  EXPECT_EQ(t.say("PUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\n"),
            "MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\n");
  EXPECT_EQ(t.client.subscriptions(), 0u);
}

TEST(NatsClient, AQueueGroupSharesTheWork) {
  TestBus bus;
  Talk one(bus);
  Talk two(bus);
  for (auto* t : {&one, &two}) {
    t->say(kConnect);
    t->say("SUB a workers 1\r\n");
  }
  for (int i = 0; i < 10; ++i) one.say("PUB a 1\r\nx\r\n");
  const auto count = [](const std::string& text) {
    return std::count(text.begin(), text.end(), 'M');
  };
  std::ignore = bus.publish({"a", {}});
  EXPECT_GT(count(two.heard()), 3);
}

TEST(NatsClient, WhatIsWrongIsSaid) {
  TestBus bus;
  Talk early(bus);
  EXPECT_EQ(early.say("PUB a 1\r\nx\r\n"), "-ERR 'Authorization Violation'\r\n");
  EXPECT_TRUE(early.client.ended());
  EXPECT_TRUE(bus.published.empty());
  Talk t(bus);
  t.say(kConnect);
  EXPECT_EQ(t.say("SUB a..b 1\r\n"), "-ERR 'Invalid Subject'\r\n");
  EXPECT_EQ(t.say("PUB a.* 1\r\nx\r\n"), "-ERR 'Invalid Publish Subject'\r\n");
  EXPECT_FALSE(t.client.ended());
  EXPECT_EQ(t.say("PUB a 99999\r\n"), "-ERR 'Maximum Payload Violation'\r\n");
  EXPECT_TRUE(t.client.ended());
  EXPECT_EQ(t.say("PING\r\n"), "");
  Talk web(bus);
  EXPECT_EQ(web.say("CONNECT example.com:443 HTTP/1.1\r\n"), "-ERR 'Invalid Connect'\r\n");
  EXPECT_TRUE(web.client.ended());
}

TEST(NatsClient, WhatIsNotTakenIsNeverAcknowledged) {
  TestBus bus;
  Talk t(bus);
  t.say(kConnect);
  EXPECT_EQ(t.say("PUB weft.members 1\r\nx\r\nPING\r\n"),
            "-ERR 'Permissions Violation for Publish to \"weft.members\"'\r\nPONG\r\n");
  bus.full = true;
  EXPECT_EQ(t.say("PUB a 1\r\nx\r\nPING\r\n"),
            "-ERR 'Slow Consumer: too much is published at once'\r\n");
  EXPECT_TRUE(t.client.ended());
}

TEST(NatsClient, JetStreamIsNotThere) {
  TestBus bus;
  Talk t(bus);
  t.say(kConnect);
  t.say("SUB _INBOX.x.* 1\r\n");
  EXPECT_EQ(t.say("PUB $JS.API.INFO _INBOX.x.1 0\r\n\r\n"),
            "HMSG _INBOX.x.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
  EXPECT_TRUE(bus.published.empty());
}

TEST(NatsClient, AClientThatDoesNotReadIsGivenNoMore) {
  TestBus bus;
  Talk t(bus);
  t.say(kConnect);
  t.say("SUB a 1\r\n");
  for (int i = 0; i < 2000; ++i) std::ignore = bus.publish({"a", Bytes(1000, 'x')});
  EXPECT_LT(t.client.output().size(), kAhead + 2000);
  std::size_t all = t.heard().size();
  for (int i = 0; i < 100; ++i) {
    t.client.pump();
    all += t.heard().size();
  }
  EXPECT_GT(all, 2000u * 1000u);
}

}  // namespace
}  // namespace weft::nats
