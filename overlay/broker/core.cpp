#include "overlay/broker/core.hpp"

#include <algorithm>
#include <utility>

#include "overlay/broker/topic.hpp"

namespace weft::broker {

namespace {

constexpr Duration kMaxWithin = 5min;
constexpr std::uint64_t kStampBits = 16;                 // of the counter
constexpr std::uint64_t kMaxAheadMs = 5ULL * 60 * 1000;  // of our clock, that is believed

std::uint64_t milliseconds(const WallClock& clock, Instant now) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - clock.anchor);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      0, clock.unix_at_anchor * 1000 + static_cast<std::int64_t>(since.count())));
}

}  // namespace

Core::Core(const Identity& identity, const NetworkId& network, const TrustView& trust,
           const WallClock& clock)
    : identity_(identity),
      network_(network),
      trust_(trust),
      clock_(clock),
      rights_(network, trust),
      links_(identity.id),
      groups_(identity.id) {}

Result<void> Core::load(ByteView key, ByteView value) {
  if (key.empty()) return fail(Errc::Malformed, "a message row without a key");
  if (key[0] == Shelf::kEpoch) {
    if (value.size() != 8) return fail(Errc::Malformed, "the broker's epoch");
    last_epoch_ = std::max(last_epoch_, read_be<std::uint64_t>(value));
    return {};
  }
  WEFT_TRY(auto batch, Batch::decode(value));
  const auto kept = std::make_shared<const Batch>(std::move(batch));
  shelf_.loaded(*kept);
  cache_.add(kept);
  if (kept->retain) retained_.put(kept);
  source(kept->publisher).resume(kept->epoch, kept->last());
  last_stamp_ = std::max(last_stamp_, kept->stamp + kept->messages.size());
  return {};
}

void Core::begin(Instant now) {
  begun_ = now;
  told_digest_ = retained_.digest();
}

// ---- who may ------------------------------------------------------------------------------------

void Core::set_members(std::vector<NodeId> members, std::vector<TopicRule> rules) {
  members_ = std::move(members);
  groups_.keep(members_);
  rights_.set(std::move(rules));
  // What is retained is the same everywhere: it depends on the rules as they are now.
  retained_.drop([&](const Batch& batch) { return !may_publish(batch); });
}

bool Core::may_publish(const Batch& batch) const {
  return std::ranges::all_of(batch.messages, [&](const Message& message) {
    return rights_.may(batch.publisher, message.topic, Right::Publish);
  });
}

bool Core::may_read(const NodeId& node, const Batch& batch) const {
  return std::ranges::all_of(batch.messages, [&](const Message& message) {
    return rights_.may(node, message.topic, Right::Read);
  });
}

bool Core::may_read(LinkId link, const Batch& batch) const {
  const auto* peer = links_.peer(link);
  return peer != nullptr && may_read(*peer, batch);
}

std::size_t Core::holders_of(const Batch& batch) const {
  const auto others = std::ranges::count_if(
      members_, [&](const NodeId& node) { return node != identity_.id && may_read(node, batch); });
  return 1 + static_cast<std::size_t>(others);
}

// ---- publishing ---------------------------------------------------------------------------------

std::optional<Error> Core::refuse(const Publish& what) const {
  const Message& message = what.message;
  if (!is_topic(message.topic)) return Error{Errc::Usage, "\"" + message.topic + "\" is no topic"};
  if (!message.reply.empty() && !is_topic(message.reply))
    return Error{Errc::Usage, "\"" + message.reply + "\" is no topic to reply to"};
  if (message.topic.starts_with(kReserved))
    return Error{Errc::Denied, "topics that begin with weft. are the nodes' own"};
  if (!rights_.may(identity_.id, message.topic, Right::Publish))
    return Error{Errc::Denied, rights_.why_not(identity_.id, message.topic, Right::Publish)};
  if (message.size() > kMaxPayload)
    return Error{Errc::TooLarge, "a message has at most " + std::to_string(kMaxPayload) + " bytes"};
  if (pending_bytes_ + message.size() > kMaxPending)
    return Error{Errc::Limit, "too much is published at once"};
  if (what.want != Level::Sent && promises_.size() >= kMaxPromises)
    return Error{Errc::Limit, "too many messages wait to be confirmed"};
  return std::nullopt;
}

bool Core::publish(Instant now, PublishId id, Publish what) {
  if (auto error = refuse(what)) {
    answer(id, std::unexpected(std::move(*error)));
    return false;
  }
  enqueue(now, id, std::move(what));
  return true;
}

void Core::enqueue(Instant now, PublishId id, Publish what) {
  need_epoch(now);
  pending_bytes_ += what.message.size();
  const Instant deadline = now + std::min(what.within, kMaxWithin);
  pending_.push_back({id, std::move(what), deadline});
  if (state_ != Epoch::Ready) return;
  const bool full = pending_.size() >= kMaxMessages || pending_bytes_ >= kMaxBatch / 2;
  if (full || !flushed_ || now >= *flushed_ + kBatchPause)
    flush(now);
  else if (!flush_at_)
    flush_at_ = *flushed_ + kBatchPause;
}

// A number of this process that no earlier one of this node has used, stored before it is.
void Core::need_epoch(Instant now) {
  if (state_ != Epoch::None) return;
  state_ = Epoch::Asked;
  epoch_ = std::max<std::uint64_t>(
      last_epoch_ + 1, static_cast<std::uint64_t>(std::max<UnixTime>(clock_.at(now), 1)));
  last_epoch_ = epoch_;
  next_ = 1;
  epoch_store_ = store({epoch_row(epoch_)});
}

void Core::flush(Instant now) {
  flush_at_.reset();
  flushed_ = now;
  while (!pending_.empty()) {
    std::vector<Pending> part;
    std::size_t bytes = 128;  // of what is around the messages
    const auto fits = [&](const Pending& next) {
      if (part.empty()) return true;
      const Publish& first = part.front().what;
      // Members may be kept from it: it goes apart from what they get.
      const auto& topic = first.message.topic;
      if (topic != next.what.message.topic &&
          (rights_.guarded(topic) || rights_.guarded(next.what.message.topic)))
        return false;
      return !first.retain && !next.what.retain && first.want == next.what.want &&
             part.size() < kMaxMessages && bytes + next.what.message.size() <= kMaxBatch - 256;
    };
    while (!pending_.empty() && fits(pending_.front())) {
      bytes += pending_.front().what.message.size();
      part.push_back(std::move(pending_.front()));
      pending_.pop_front();
    }
    for (const auto& item : part) pending_bytes_ -= item.what.message.size();
    sign(now, std::move(part));
  }
}

void Core::sign(Instant now, std::vector<Pending> part) {
  const Level want = part.front().what.want;
  auto batch = std::make_shared<Batch>();
  batch->epoch = epoch_;
  batch->first = next_;
  batch->stamp = stamp(now, part.size());
  batch->retain = part.front().what.retain;
  for (auto& item : part) batch->messages.push_back(std::move(item.what.message));
  batch->sign(identity_, network_);
  next_ += part.size();
  counts_.published += part.size();
  ++counts_.batches;
  std::vector<Promises::Waiter> waiters;
  for (std::size_t i = 0; i < part.size(); ++i)
    waiters.push_back({part[i].id, batch->first + i, batch->stamp + i, part[i].deadline});
  if (batch->retain && retained_.look(*batch) == Retained::Take::Full) {
    // It is published all the same; that nobody will keep it is the answer.
    ++counts_.kept_full;
    for (const auto& waiter : waiters)
      answer(waiter.id, fail(Errc::Limit, "no room to retain it: sent, not kept"));
    return accept(now, batch, {});
  }
  if (want == Level::Sent) {
    accept(now, batch, {});
    for (const auto& waiter : waiters)
      answer(waiter.id, Receipt{epoch_, waiter.sequence, waiter.stamp, 1});
    return;
  }
  promises_.add(now, batch, want, std::min(kCopies, holders_of(*batch)), std::move(waiters));
  accept(now, batch, {0, true, want, links_.size() + 1 >= kCopies ? 0u : 3u});
  answer_kept(now);
}

std::uint64_t Core::stamp(Instant now, std::size_t count) {
  const auto first = std::max(last_stamp_ + 1, milliseconds(clock_, now) << kStampBits);
  last_stamp_ = first + count - 1;
  return first;
}

// A clock that is far ahead moves its own stamps, not those of everybody.
void Core::heard_stamp(Instant now, std::uint64_t stamp) {
  if ((stamp >> kStampBits) <= milliseconds(clock_, now) + kMaxAheadMs)
    last_stamp_ = std::max(last_stamp_, stamp);
}

void Core::answer(PublishId id, Result<Receipt> result) {
  if (id != 0) outputs_.emplace_back(Published{id, std::move(result)});
}

void Core::answer_kept(Instant now) {
  for (const auto& kept : promises_.take(now)) {
    if (kept.kept) {
      answer(kept.waiter.id,
             Receipt{epoch_, kept.waiter.sequence, kept.waiter.stamp, kept.holders});
      continue;
    }
    answer(kept.waiter.id,
           fail(Errc::Timeout, "published, but only " + std::to_string(kept.holders) + " of " +
                                   std::to_string(kept.need) + " members confirmed it"));
  }
}

// To every neighbour that has not confirmed: those who were asked first may be gone.
void Core::push_again(Instant now) {
  for (const auto& open : promises_.again(now))
    for (const auto link : links_.all())
      if (!open.holders->contains(*links_.peer(link))) push_to(link, *open.batch, open.want, 3);
}

void Core::push_to(LinkId link, const Batch& batch, Level want, std::uint64_t hops) {
  if (!may_read(link, batch)) return;
  std::ignore =
      links_.push(link, batch, std::make_shared<const Bytes>(encode(Push{batch.raw, want, hops})));
}

// ---- programs -----------------------------------------------------------------------------------

Result<SubscriberId> Core::subscribe(Instant now, const Wanted& wanted) {
  if (wanted.patterns.empty() || wanted.patterns.size() > kMaxPatterns)
    return fail(Errc::Usage, "1 to " + std::to_string(kMaxPatterns) + " topics");
  for (const auto& pattern : wanted.patterns)
    if (!is_pattern(pattern)) return fail(Errc::Usage, "\"" + pattern + "\" is no topic");
  for (const auto& pattern : wanted.patterns)
    if (!has_wildcard(pattern) && !rights_.may(identity_.id, pattern, Right::Read))
      return fail(Errc::Denied, rights_.why_not(identity_.id, pattern, Right::Read));
  WEFT_TRY(const auto id, subscribers_.add(wanted));
  if (wanted.last > 0 || wanted.since > 0) {
    const auto count = wanted.last > 0 ? wanted.last : wanted.max_queued;
    for (const auto& placed : told_.last(wanted.patterns, count))
      if (placed.stamp() > wanted.since) subscribers_.put_to(id, placed, true);
    for (const auto& placed : cache_.last(wanted.patterns, count))
      if (placed.stamp() > wanted.since &&
          rights_.may(identity_.id, placed.message().topic, Right::Read))
        subscribers_.put_to(id, placed, true);
  } else if (wanted.retained && wanted.group.empty()) {
    for (const auto& placed : told_.standing(wanted.patterns))
      subscribers_.put_to(id, placed, true);
    std::set<BatchPtr> seen;
    for (const auto& pattern : wanted.patterns)
      for (const auto& value : retained_.matching(pattern))
        if (!value->messages.front().payload.empty() && may_read(identity_.id, *value) &&
            seen.insert(value).second)
          subscribers_.put_to(id, {value, 0}, true);
  }
  groups_changed_ = groups_changed_ || !wanted.group.empty();
  if (groups_changed_) announce_groups(now);
  tell_waiting();
  return id;
}

void Core::unsubscribe(SubscriberId id) {
  const auto* wanted = subscribers_.find(id);
  groups_changed_ = groups_changed_ || (wanted != nullptr && !wanted->group.empty());
  subscribers_.remove(id);
}

// Each member of a queue group is of this node: nobody else gets this message.
void Core::tell(Instant now, const Telling& what) {
  const auto placed = told_.tell(identity_.id, stamp(now, 1), what);
  ++counts_.delivered;
  subscribers_.put(placed, [](const std::string&) { return true; });
  tell_waiting();
}

void Core::announce_groups(Instant now) {
  groups_changed_ = false;
  auto groups = subscribers_.groups();
  if (groups == announced_) return;
  Message message{groups_.topic(), Groups::encode(groups)};
  announced_ = std::move(groups);
  enqueue(now, 0, {std::move(message), true});
}

void Core::tell_waiting() {
  while (const auto id = subscribers_.poll_waiting()) outputs_.emplace_back(Waiting{*id});
}

// ---- the disk -----------------------------------------------------------------------------------

std::uint64_t Core::store(std::vector<DiskRow> rows) {
  outputs_.emplace_back(StoreRows{++last_store_, std::move(rows)});
  return last_store_;
}

// A disk that refuses the epoch does not stop us: then a clock set back and a restart together
// could use it twice, and members would take the second one's messages for the first one's.
void Core::stored(Instant now, std::uint64_t id, bool ok) {
  if (id == epoch_store_ && state_ == Epoch::Asked) {
    state_ = Epoch::Ready;
    flush(now);
  }
  const auto at = storing_.find(id);
  if (at == storing_.end()) return;
  const Storing done = std::move(at->second);
  storing_.erase(at);
  if (!ok) return shelf_.failed(*done.batch);
  if (done.link != 0) return say_confirmed(*done.batch, Level::Durable, done.link);
  promises_.confirmed(done.batch->epoch, done.batch->last(), Level::Durable, identity_.id);
  answer_kept(now);
}

// ---- time ---------------------------------------------------------------------------------------

void Core::handle_timeout(Instant now) {
  if (groups_changed_) announce_groups(now);
  if (flush_at_ && now >= *flush_at_) flush(now);
  push_again(now);
  answer_kept(now);
  ask(now);
  for (const auto& tell : links_.take_news(now)) this->tell(tell.link, tell.publishers);
  if (sync_at_ && now >= *sync_at_) sync(now);
}

std::optional<Instant> Core::poll_timeout() const {
  std::optional<Instant> earliest;
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!earliest || *at < *earliest)) earliest = at;
  };
  if (groups_changed_) consider(Instant::min());
  consider(flush_at_);
  consider(promises_.poll_timeout());
  consider(links_.poll_timeout());
  consider(sync_at_);
  for (const auto& publisher : missing_) consider(sources_.at(publisher).poll_timeout(kAskAfter));
  return earliest;
}

std::optional<Output> Core::poll_output() {
  if (outputs_.empty()) return std::nullopt;
  std::optional<Output> out(std::move(outputs_.front()));
  outputs_.pop_front();
  return out;
}

}  // namespace weft::broker
