// Several broker cores on links of a virtual network: each link keeps its order, has a delay, can
// be cut, and can be stopped from taking bytes. Disks are maps with a delay. One seed, no clock.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/seeded_rng.hpp"
#include "overlay/broker/core.hpp"

namespace weft::broker::testing {

inline constexpr UnixTime kEpoch = 1'800'000'000;

class Members final : public TrustView {
 public:
  [[nodiscard]] Verdict verdict(const NetworkId&, const NodeId& node, UnixTime) const override {
    return all.contains(node) ? Verdict::Member : Verdict::Unknown;
  }
  [[nodiscard]] std::uint64_t epoch_floor(const NetworkId&, const NodeId&) const override {
    return 0;
  }
  [[nodiscard]] std::optional<std::string> name_of(const NetworkId&, const NodeId&) const override {
    return std::nullopt;
  }
  [[nodiscard]] std::optional<NodeId> node_named(const NetworkId&,
                                                 const std::string&) const override {
    return std::nullopt;
  }
  [[nodiscard]] bool in_group(const NetworkId&, const NodeId& node,
                              const std::string& group) const override {
    const auto at = groups.find(group);
    return at != groups.end() && at->second.contains(node);
  }
  std::map<std::string, std::set<NodeId>> groups;
  std::set<NodeId> all;
};

struct Got {
  NodeId publisher;
  std::uint64_t epoch;
  std::uint64_t sequence;
  std::string topic;
  std::string text;
  std::uint64_t missed;
  bool retained;
};

struct Node {
  int index = 0;
  Identity identity;
  std::unique_ptr<Core> core;  // none while it is down
  std::map<Bytes, Bytes> disk;
  bool disk_broken = false;
  std::map<SubscriberId, std::vector<Got>> got;
  std::set<SubscriberId> lazy;  // subscribers that take nothing by themselves
  std::map<PublishId, Result<Receipt>> answers;
  PublishId last_id = 0;
  std::uint64_t life = 0;
};

class World {
 public:
  explicit World(std::size_t nodes, std::uint64_t seed = 1, bool mesh = true);

  void connect(int a, int b);
  void cut(int a, int b);  // what is under way is lost
  void cut_all(int node);
  void crash(int node);                // as kill -9: its disk stays
  void set_away(int node, bool away);  // all others know, and it of them
  void start(int node);
  void tell_rules(int node);                     // what `rules` and `members` say now
  void stall(int from, int to, bool on = true);  // `from`'s stream takes no bytes
  [[nodiscard]] bool linked(int a, int b) const { return links_.contains({a, b}); }

  SubscriberId subscribe(int node, const std::string& pattern, std::size_t last = 0,
                         std::size_t max_queued = kMaxQueued, const std::string& group = {});
  PublishId publish(int node, const std::string& topic, const std::string& text,
                    Level want = Level::Sent, bool retain = false, Duration within = 10s);
  void drain(int node, SubscriberId id);  // of a lazy subscriber
  // What somebody says who is no core: to `to`, as the neighbour `from`.
  bool say(int from, int to, const Frame& frame);

  void run(Duration span);
  bool run_until(const std::function<bool()>& done, Duration span = 30s);
  [[nodiscard]] std::vector<std::string> texts(int node, SubscriberId id) const;
  // Of each publisher (epoch, number) goes up, and nothing comes twice.
  [[nodiscard]] bool in_order(int node, SubscriberId id) const;
  Node& operator[](int node) { return *nodes_[static_cast<std::size_t>(node)]; }
  // REQUIRES: it is the one that published last, as far as it knows.
  [[nodiscard]] std::uint64_t epoch_of(int node) {
    return (*this)[node].core->cache().last({">"}, 1).front().batch->epoch;
  }
  [[nodiscard]] int size() const { return static_cast<int>(nodes_.size()); }
  [[nodiscard]] std::uint64_t pushes() const { return pushes_; }

  Instant now = Instant{} + 1h;
  WallClock clock{Instant{} + 1h, kEpoch};
  NetworkId network{{1, 2, 3}};
  Members members;
  std::vector<TopicRule> rules;
  SeededRng rng;
  Duration delay = 10ms;
  Duration jitter = 0ms;  // of each link, the same for all it carries
  Duration disk_delay = 1ms;

 private:
  struct Wire {
    LinkId id = 0;
    Duration delay{};
    bool stalled = false;
  };
  void pump(int node);
  void pump_links(int node);
  void later(Duration after, std::function<void()> what);
  void collect(int node, SubscriberId id);

  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<std::pair<int, int>, Wire> links_;  // by (from, to)
  LinkId last_link_ = 0;
  std::multimap<Instant, std::function<void()>> queue_;
  std::uint64_t pushes_ = 0;
};

}  // namespace weft::broker::testing
