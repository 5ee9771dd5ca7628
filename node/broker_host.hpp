// The broker as programs of this machine use it: subscribers that are called when something waits
// for them, publishes that are answered, requests that wait for a reply. On the loop, of the
// network that this node calls home.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "node/api/result.hpp"
#include "node/control_commands.hpp"
#include "node/io/event_loop.hpp"
#include "overlay/network.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

inline constexpr std::size_t kMaxRequests = 1024;  // of this node, that wait for a reply

class BrokerHost {
 public:
  // Who subscribed to what; ends when it is let go of.
  class Subscription {
   public:
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    // The next message, if one waits. `waiting` is called again after it gave none.
    [[nodiscard]] std::optional<broker::Delivered> next();
    // This node left its network: nothing will come any more.
    [[nodiscard]] bool gone() const { return host_.overlay_.find(network_) == nullptr; }

   private:
    friend class BrokerHost;
    Subscription(BrokerHost& host, NetworkId network, broker::SubscriberId id)
        : host_(host), network_(network), id_(id) {}
    BrokerHost& host_;
    NetworkId network_;
    broker::SubscriberId id_;
  };
  using Receipt = overlay::PublishOutcome;

  BrokerHost(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver, Commands& commands);

  // True: it was for a subscriber. Who is subscribed in a network that was left is told too.
  bool handle(const overlay::OverlayEvent& event);

  [[nodiscard]] Result<std::unique_ptr<Subscription>> subscribe(const broker::Wanted& wanted,
                                                                std::function<void()> waiting);
  void publish(broker::Publish what, std::function<void(const Result<Receipt>&)> done);
  // Nobody waits for an answer. False: it was refused.
  bool publish(broker::Publish what);
  // The first reply.
  void request(broker::Message message, Duration within,
               std::function<void(const Result<broker::Delivered>&)> done);

  // Rules about topics, as the roster has them.
  [[nodiscard]] std::vector<roster::TopicBody> rules() const;
  struct RuleChange {
    std::string topic;
    std::string who;                        // a node, group:NAME or *
    std::optional<roster::Ruling> publish;  // not given: as it was
    std::optional<roster::Ruling> read;
  };
  void change_rule(const RuleChange& change, std::function<void(const Result<void>&)> done);

  [[nodiscard]] const broker::Core* core() const;
  // No rule keeps this node from it.
  [[nodiscard]] Result<void> may(const std::string& topic, broker::Right right) const;
  // A topic for replies that nobody else uses.
  [[nodiscard]] std::string inbox();
  [[nodiscard]] std::string name_of(const NodeId& node) const;
  [[nodiscard]] std::string own_name() const { return overlay_.name(); }
  [[nodiscard]] overlay::Overlay& overlay() { return overlay_; }

 private:
  struct Request {
    std::unique_ptr<Subscription> inbox;
    std::function<void(const Result<broker::Delivered>&)> done;
    Instant deadline;
    std::optional<NetworkId> network;  // that it was asked in
  };
  void tell_gone();
  void replied(std::uint64_t id);
  void look_at_requests();
  void finish(std::uint64_t id, const Result<broker::Delivered>& result);

  overlay::Overlay& overlay_;
  Driver& driver_;
  Commands& commands_;
  io::Timer timer_;
  std::map<std::pair<NetworkId, broker::SubscriberId>, std::function<void()>> waiting_;
  std::map<std::uint64_t, Request> requests_;
  std::uint64_t last_ = 0;
};

}  // namespace weft::node
