// The broker of one network as a core without IO: publish, subscribe, and what the brokers of
// members say to each other. Every member carries every message, along one tree for each publisher
// (links.hpp); what a node's programs get is decided by the node itself (subscribers.hpp).
//
// Promises to a subscriber, as long as its node runs: the messages of one publisher come in the
// order they were published, each once; what is missing is asked for, and what cannot be had any
// more is told as a number. Between publishers there is no order; stamps of a hybrid clock respect
// cause. Promises to a publisher: promises.hpp.
//
// Who links: the owner tells the links there are, takes frames from links().front(), and hands in
// what comes. A node without links is a broker of its own, in memory.
//
// Follows Plumtree; departs as links.hpp and source.hpp say. Members only, by the TrustView: a batch
// whose publisher is no member, or whose signature is not its own, is dropped, and a link that
// brings a forged one is to be closed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/fields.hpp"
#include "base/rng.hpp"
#include "base/trust_view.hpp"
#include "overlay/broker/cache.hpp"
#include "overlay/broker/groups.hpp"
#include "overlay/broker/links.hpp"
#include "overlay/broker/promises.hpp"
#include "overlay/broker/retained.hpp"
#include "overlay/broker/rights.hpp"
#include "overlay/broker/shelf.hpp"
#include "overlay/broker/source.hpp"
#include "overlay/broker/subscribers.hpp"
#include "overlay/broker/told.hpp"

namespace weft::broker {

inline constexpr std::size_t kMaxPending = 8u << 20;  // bytes published, not signed yet
inline constexpr Duration kBatchPause = 1ms;          // at most so often a batch is signed
inline constexpr Duration kAskAfter = 150ms;          // what is missing is asked for
inline constexpr Duration kFresh = 5s;                // after a start: what was before is not ours
inline constexpr Duration kSyncPause = 10s;           // neighbours hear again what changed
inline constexpr Duration kKeptPause = 30s;           // between two summaries for one link
inline constexpr std::size_t kPullBytes = 512u << 10;

struct BrokerCounts {
  std::uint64_t published = 0;
  std::uint64_t batches = 0;
  std::uint64_t received = 0;
  std::uint64_t delivered = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t late = 0;
  std::uint64_t refused = 0;
  std::uint64_t forged = 0;
  std::uint64_t strangers = 0;
  std::uint64_t denied = 0;
  std::uint64_t malformed = 0;
  std::uint64_t floods = 0;
  std::uint64_t missed = 0;
  std::uint64_t pulls = 0;
  std::uint64_t kept_full = 0;

  static constexpr auto fields() {
    using C = BrokerCounts;
    return std::tuple{
        field("published", "messages", "by this node", &C::published),
        field("batches", "batches", "signed by this node", &C::batches),
        field("received", "messages", "of others, new here", &C::received),
        field("delivered", "messages", "put before subscribers of this node", &C::delivered),
        field("duplicates", "batches", "that had come before", &C::duplicates),
        field("late", "batches", "that came after they were passed over", &C::late),
        field("refused", "batches", "too far ahead to be held", &C::refused),
        field("forged", "batches", "with a signature that is not their publisher's", &C::forged),
        field("strangers", "batches", "of somebody who is no member", &C::strangers),
        field("denied", "batches", "to a topic that their publisher may not publish to",
              &C::denied),
        field("malformed", "frames", "that do not parse", &C::malformed),
        field("floods", "frames", "beyond what a neighbour may ask for", &C::floods),
        field("missed", "messages", "passed over: nobody had them any more", &C::missed),
        field("pulls", "requests", "for what was missing here", &C::pulls),
        field("kept_full", "messages", "retained by their publisher, for which there is no room",
              &C::kept_full)};
  }
};
static_assert(lists_all_fields<BrokerCounts>());

struct Publish {
  Message message;
  bool retain = false;
  Level want = Level::Sent;
  Duration within = 10s;  // for Held and Durable
};
struct Receipt {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  std::uint64_t stamp = 0;
  std::size_t holders = 1;  // who hold it, as far as was waited for
};

// To be stored in one commit, then stored(id) is told.
struct StoreRows {
  std::uint64_t id = 0;
  std::vector<DiskRow> rows;
};
struct Published {
  PublishId id = 0;
  Result<Receipt> result;
};
struct Waiting {
  SubscriberId subscriber = 0;
};
using Output = std::variant<StoreRows, Published, Waiting>;

class Core {
 public:
  // What is handed by reference outlives the core.
  Core(const Identity& identity, const NetworkId& network, const TrustView& trust,
       const WallClock& clock);

  // A row of its own, at a start, before begin().
  [[nodiscard]] Result<void> load(ByteView key, ByteView value);
  void begin(Instant now);
  // Who is in the network, and the rules about topics: before begin(), and when they change, also
  // when a group has.
  void set_members(std::vector<NodeId> members, std::vector<TopicRule> rules);

  // By membership: it is dead, or has left, or is back.
  void set_away(const NodeId& node, bool away) { groups_.set_away(node, away); }

  // ---- neighbours
  void link_up(Instant now, LinkId link, const NodeId& peer);
  void link_down(LinkId link);
  // One frame without its length. False: the link is to be closed.
  [[nodiscard]] bool receive(Instant now, LinkId link, ByteView body);
  Links& links() { return links_; }
  // Something was written to links.
  void written(Instant now);

  // ---- programs
  // Published{id} follows, unless the id is 0. Usage, TooLarge, Denied, Limit, Timeout. False: it
  // was refused.
  bool publish(Instant now, PublishId id, Publish what);
  [[nodiscard]] Result<SubscriberId> subscribe(Instant now, const Wanted& wanted);
  // To the subscribers of this node alone.
  void tell(Instant now, const Telling& what);
  void unsubscribe(SubscriberId id);
  [[nodiscard]] std::optional<Delivered> next(SubscriberId id) { return subscribers_.next(id); }

  void stored(Instant now, std::uint64_t id, bool ok);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Output> poll_output();

  // ---- views
  [[nodiscard]] const BrokerCounts& counts() const { return counts_; }
  [[nodiscard]] const Subscribers& subscribers() const { return subscribers_; }
  [[nodiscard]] const Retained& retained() const { return retained_; }
  [[nodiscard]] const Cache& cache() const { return cache_; }
  [[nodiscard]] const Links& links() const { return links_; }
  [[nodiscard]] const Rights& rights() const { return rights_; }

 private:
  struct Pending {
    PublishId id;
    Publish what;
    Instant deadline;
  };
  enum class Epoch : std::uint8_t { None, Asked, Ready };
  // How a batch came.
  struct Way {
    LinkId link = 0;  // 0: our own
    bool pushed = true;
    Level want = Level::Sent;
    std::uint64_t hops = 0;
  };
  struct Neighbour {
    Meter asks{200, 2000};
    std::optional<Instant> summary;
    bool apart = false;  // it was away, and has not said yet what it has
  };

  // --- core.cpp
  void enqueue(Instant now, PublishId id, Publish what);
  void announce_groups(Instant now);
  void need_epoch(Instant now);
  [[nodiscard]] std::optional<Error> refuse(const Publish& what) const;
  void flush(Instant now);
  void sign(Instant now, std::vector<Pending> part);
  // How many members can be asked to hold it.
  [[nodiscard]] std::size_t holders_of(const Batch& batch) const;
  [[nodiscard]] std::uint64_t stamp(Instant now, std::size_t count);
  void heard_stamp(Instant now, std::uint64_t stamp);
  void answer(PublishId id, Result<Receipt> result);
  void answer_kept(Instant now);
  void push_again(Instant now);
  void push_to(LinkId link, const Batch& batch, Level want, std::uint64_t hops);
  [[nodiscard]] std::uint64_t store(std::vector<DiskRow> rows);
  void tell_waiting();
  // --- core_gossip.cpp
  bool hear(Instant now, LinkId link, const Push& push);
  bool hear(Instant now, LinkId link, const Given& given);
  bool hear(Instant now, LinkId link, const Have& have);
  bool hear(Instant now, LinkId link, const Pull& pull);
  bool hear(Instant now, LinkId link, const Gone& gone);
  bool hear(Instant now, LinkId link, const Prune& prune);
  bool hear(Instant now, LinkId link, const Confirm& confirm);
  bool hear(Instant now, LinkId link, const Kept& kept);
  bool hear(Instant now, LinkId link, const Value& value);
  bool hear(Instant now, LinkId link, const Withheld& withheld);
  void withhold(LinkId link, const Batch& batch);
  bool hear(Instant, LinkId, const Skipped&) { return true; }
  bool take(Instant now, const Bytes& raw, const Way& way);
  void again_heard(Instant now, const Batch& batch, const Way& way);
  void accept(Instant now, const BatchPtr& batch, const Way& way);
  void spread(const BatchPtr& batch, const Way& way);
  [[nodiscard]] std::set<LinkId> chosen(const Batch& batch) const;
  void confirm(const BatchPtr& batch, const Way& way);
  void say_confirmed(const Batch& batch, Level level, LinkId link);
  void keep(const BatchPtr& batch, LinkId link);
  void show(const BatchPtr& value);
  void heard_groups(const Placed& placed);
  void deliver(Instant now, const NodeId& publisher);
  void ask(Instant now);
  void tell_all(LinkId link);
  void tell(LinkId link, const std::set<NodeId>& publishers);
  void sync(Instant now);
  // By the rules about topics; all messages of the batch.
  [[nodiscard]] bool may_publish(const Batch& batch) const;
  [[nodiscard]] bool may_read(const NodeId& node, const Batch& batch) const;
  [[nodiscard]] bool may_read(LinkId link, const Batch& batch) const;
  [[nodiscard]] bool is_member(Instant now, const NodeId& node) const {
    return trust_.verdict(network_, node, clock_.at(now)) == Verdict::Member;
  }
  [[nodiscard]] Source& source(const NodeId& publisher) { return sources_[publisher]; }
  void watch(const NodeId& publisher);

  const Identity& identity_;
  NetworkId network_;
  const TrustView& trust_;
  const WallClock& clock_;
  std::vector<NodeId> members_;
  Rights rights_;
  Instant begun_{};

  Links links_;
  Subscribers subscribers_;
  Groups groups_;
  GroupSet announced_;           // groups, as this node said last
  bool groups_changed_ = false;  // since then, perhaps
  Retained retained_;
  Told told_;
  Cache cache_;
  Shelf shelf_;
  Promises promises_;
  std::map<NodeId, Source> sources_;
  std::set<NodeId> missing_;  // publishers of whom something is awaited
  std::map<LinkId, Neighbour> neighbours_;

  Epoch state_ = Epoch::None;
  std::uint64_t last_epoch_ = 0;  // as stored or heard of
  std::uint64_t epoch_ = 0;
  std::uint64_t next_ = 1;
  std::uint64_t last_stamp_ = 0;
  std::deque<Pending> pending_;
  std::size_t pending_bytes_ = 0;
  std::optional<Instant> flushed_;
  std::optional<Instant> flush_at_;

  std::uint64_t last_store_ = 0;
  std::uint64_t epoch_store_ = 0;
  struct Storing {
    BatchPtr batch;
    LinkId link = 0;  // whom to tell; 0: it is our own
  };
  std::unordered_map<std::uint64_t, Storing> storing_;

  std::set<NodeId> changed_;  // since neighbours heard last
  std::uint64_t told_digest_ = 0;
  std::optional<Instant> sync_at_;
  std::deque<Output> outputs_;
  BrokerCounts counts_;
};

}  // namespace weft::broker
