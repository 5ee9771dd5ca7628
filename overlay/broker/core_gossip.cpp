// What neighbours say, and what is said to them.
#include <algorithm>
#include <utility>

#include "overlay/broker/core.hpp"
#include "overlay/broker/topic.hpp"

namespace weft::broker {

namespace {

constexpr std::uint64_t kEpochAhead = 24ULL * 3600;  // of our clock, in seconds

}  // namespace

// ---- neighbours ---------------------------------------------------------------------------------

void Core::link_up(Instant now, LinkId link, const NodeId& peer) {
  links_.add(link, peer);
  neighbours_[link].apart = groups_.is_away(peer);
  tell_all(link);
  for (const auto& open : promises_.open())
    if (!open.holders->contains(peer)) push_to(link, *open.batch, open.want, 3);
  if (!sync_at_) sync_at_ = now + kSyncPause;
}

void Core::link_down(LinkId link) {
  links_.remove(link);
  neighbours_.erase(link);
  for (auto& [publisher, source] : sources_) source.link_gone(link);
}

bool Core::receive(Instant now, LinkId link, ByteView body) {
  if (!links_.contains(link)) return false;
  auto frame = decode_frame(body);
  if (!frame) {
    ++counts_.malformed;
    return false;
  }
  const bool good =
      std::visit([&](const auto& message) { return hear(now, link, message); }, *frame);
  written(now);
  return good;
}

void Core::written(Instant) {
  while (const auto link = links_.poll_caught_up()) tell_all(*link);
}

// ---- batches ------------------------------------------------------------------------------------

bool Core::hear(Instant now, LinkId link, const Push& push) {
  return take(now, push.batch, {link, true, push.want, push.hops});
}

bool Core::hear(Instant now, LinkId link, const Given& given) {
  if (!take(now, given.batch, {link, false, Level::Sent, 0})) return false;
  if (!given.more) return true;
  // The answer was cut: what is still missing is asked for at once.
  if (const auto batch = Batch::decode(given.batch))
    if (const auto at = sources_.find(batch->publisher); at != sources_.end())
      at->second.hurry(batch->epoch);
  ask(now);
  return true;
}

bool Core::take(Instant now, const Bytes& raw, const Way& way) {
  auto decoded = Batch::decode(raw);
  if (!decoded) {
    ++counts_.malformed;
    return false;
  }
  if (!is_member(now, decoded->publisher)) {
    ++counts_.strangers;
    return true;
  }
  if (decoded->publisher == identity_.id) return true;
  if (!may_publish(*decoded)) {
    ++counts_.denied;
    return true;
  }
  links_.knows(way.link, decoded->publisher, decoded->epoch, decoded->last());
  switch (source(decoded->publisher).look(*decoded, way.pushed)) {
    case Source::Take::Duplicate:
      again_heard(now, *decoded, way);
      return true;
    case Source::Take::Late:
      ++counts_.late;
      return true;
    case Source::Take::Full:
      ++counts_.refused;
      return true;
    case Source::Take::Fresh:
      break;
  }
  if (!decoded->verify(network_)) {
    ++counts_.forged;
    return false;
  }
  if (way.pushed) links_.first_copy(decoded->publisher, way.link);
  counts_.received += decoded->messages.size();
  heard_stamp(now, decoded->stamp + decoded->messages.size() - 1);
  accept(now, std::make_shared<const Batch>(std::move(*decoded)), way);
  return true;
}

void Core::again_heard(Instant now, const Batch& batch, const Way& way) {
  ++counts_.duplicates;
  if (way.want == Level::Sent) {
    if (way.pushed && links_.duplicate(now, batch.publisher, way.link))
      links_.send(way.link, Frame(Prune{batch.publisher}));
    return;
  }
  const auto held = cache_.range(batch.publisher, batch.epoch, batch.first, batch.first, 1);
  if (!held.empty() && held.front()->raw == batch.raw) confirm(held.front(), way);
}

void Core::accept(Instant now, const BatchPtr& batch, const Way& way) {
  Source& from = source(batch->publisher);
  if (from.offer(now, batch, way.pushed, way.link) != Source::Take::Fresh) return;
  cache_.add(batch);
  if (batch->retain && retained_.put(batch) == Retained::Take::Full) ++counts_.kept_full;
  spread(batch, way);
  confirm(batch, way);
  changed_.insert(batch->publisher);
  if (!sync_at_ && links_.size() > 0) sync_at_ = now + kSyncPause;
  links_.news(now, batch->publisher);
  deliver(now, batch->publisher);
}

// The neighbours that are asked to confirm first: one more than must, always the same for one
// publisher, so that disks elsewhere stay idle.
std::set<LinkId> Core::chosen(const Batch& batch) const {
  std::vector<std::pair<Distance, LinkId>> near;
  for (const auto link : links_.all())
    if (may_read(link, batch))
      near.emplace_back(distance(*links_.peer(link), batch.publisher), link);
  std::ranges::sort(near);
  std::set<LinkId> out;
  for (std::size_t i = 0; i < near.size() && i < kCopies; ++i) out.insert(near[i].second);
  return out;
}

void Core::spread(const BatchPtr& batch, const Way& way) {
  std::set<LinkId> wanted;
  std::uint64_t hops = 0;
  if (way.want != Level::Sent) {
    if (way.link == 0) {
      wanted = chosen(*batch);
      hops = way.hops;
    } else if (way.hops > 0) {
      const auto all = links_.all();
      wanted.insert(all.begin(), all.end());
      wanted.erase(way.link);
      std::erase_if(wanted, [&](LinkId link) { return *links_.peer(link) == batch->publisher; });
      hops = way.hops - 1;
    }
  }
  FramePtr plain;
  for (const auto link : links_.eager(*batch, way.link)) {
    if (wanted.contains(link)) continue;
    if (!may_read(link, *batch)) {
      withhold(link, *batch);
      continue;
    }
    if (!plain) plain = std::make_shared<const Bytes>(encode(Push{batch->raw, Level::Sent, 0}));
    std::ignore = links_.push(link, *batch, plain);
  }
  for (const auto link : wanted) push_to(link, *batch, way.want, hops);
}

// Its number is not secret, and whoever knows it misses nothing.
void Core::withhold(LinkId link, const Batch& batch) {
  if (*links_.peer(link) != batch.publisher)
    links_.send(link,
                Frame(Withheld{batch.publisher, batch.epoch, batch.first, batch.messages.size()}));
}

// A neighbour's word, which is taken only by who may be kept from something. What is in such a batch
// this node must not have; so it is held as messages of no topic.
bool Core::hear(Instant now, LinkId link, const Withheld& withheld) {
  const auto& publisher = withheld.publisher;
  if (publisher == identity_.id || !rights_.keeps_from(identity_.id)) return true;
  const auto from = sources_.find(publisher);
  if (from == sources_.end() || !from->second.proven(withheld.epoch)) return true;
  auto nothing = std::make_shared<Batch>();
  nothing->publisher = publisher;
  nothing->epoch = withheld.epoch;
  nothing->first = withheld.first;
  nothing->messages.resize(withheld.count);
  nothing->raw.resize(withheld.count * sizeof(Message));  // what it takes counts as held
  std::ignore = from->second.offer(now, nothing, true, link);
  deliver(now, publisher);
  return true;
}

// ---- confirming ---------------------------------------------------------------------------------

// REQUIRES: the batch is in our cache.
void Core::confirm(const BatchPtr& batch, const Way& way) {
  if (way.want == Level::Sent) return;
  if (way.want == Level::Durable) return keep(batch, way.link);
  if (way.link != 0) return say_confirmed(*batch, Level::Held, way.link);
  promises_.confirmed(batch->epoch, batch->last(), Level::Held, identity_.id);
}

void Core::keep(const BatchPtr& batch, LinkId link) {
  auto rows = shelf_.add(*batch);
  if (rows.empty()) {
    // It is stored, or on its way; then the publisher asks again.
    const bool under_way = std::ranges::any_of(
        storing_, [&](const auto& entry) { return entry.second.batch->raw == batch->raw; });
    if (!under_way && link != 0) say_confirmed(*batch, Level::Durable, link);
    return;
  }
  const auto id = store(std::move(rows));
  storing_.emplace(id, Storing{batch, link});
}

void Core::say_confirmed(const Batch& batch, Level level, LinkId link) {
  links_.send(link, Frame(Confirm{batch.publisher, batch.epoch, batch.last(), level, identity_.id,
                                  kMaxHops}));
}

bool Core::hear(Instant now, LinkId link, const Confirm& confirm) {
  if (confirm.hops == kMaxHops && confirm.holder != *links_.peer(link)) return false;
  if (!is_member(now, confirm.holder)) return true;
  if (confirm.publisher == identity_.id) {
    promises_.confirmed(confirm.epoch, confirm.last, confirm.level, confirm.holder);
    answer_kept(now);
    return true;
  }
  const auto back = links_.parent(confirm.publisher);
  if (confirm.hops == 0 || back == 0 || back == link) return true;
  auto on = confirm;
  on.hops = std::min(confirm.hops, kMaxHops) - 1;
  links_.send(back, Frame(on));
  return true;
}

// ---- what there is ------------------------------------------------------------------------------

bool Core::hear(Instant now, LinkId link, const Have& have) {
  const auto ahead =
      static_cast<std::uint64_t>(std::max<UnixTime>(clock_.at(now), 0)) + kEpochAhead;
  auto& neighbour = neighbours_.at(link);
  const bool apart = std::exchange(neighbour.apart, false);
  for (const auto& entry : have.entries) {
    if (apart) groups_.passed(*links_.peer(link), entry.publisher, entry.epoch, entry.high);
    if (entry.publisher == identity_.id) {
      // A process of ours whose number our disk has forgotten.
      if (state_ == Epoch::None && entry.epoch <= ahead)
        last_epoch_ = std::max(last_epoch_, entry.epoch);
      continue;
    }
    if (!is_member(now, entry.publisher)) continue;
    links_.knows(link, entry.publisher, entry.epoch, entry.high);
    source(entry.publisher).claimed(now, entry.epoch, entry.high, link, now < begun_ + kFresh);
    watch(entry.publisher);
  }
  if (have.kept != retained_.digest() &&
      (!neighbour.summary || now >= *neighbour.summary + kKeptPause)) {
    neighbour.summary = now;
    for (auto& kept : retained_.summary()) links_.send(link, Frame(std::move(kept)));
  }
  return true;
}

bool Core::hear(Instant now, LinkId link, const Pull& pull) {
  if (!neighbours_.at(link).asks.take(now)) {
    ++counts_.floods;
    return true;
  }
  if (pull.graft) links_.graft(pull.publisher, link);
  if (pull.from > pull.to) return true;
  auto found = cache_.range(pull.publisher, pull.epoch, pull.from, pull.to, kPullBytes);
  // What was published before a rule forbade it is gone.
  std::erase_if(found, [&](const BatchPtr& batch) { return !may_publish(*batch); });
  const std::uint64_t begin = found.empty() ? pull.to + 1 : found.front()->first;
  const auto at = sources_.find(pull.publisher);
  const bool gone = begin > pull.from && at != sources_.end() &&
                    at->second.settled(pull.epoch, pull.from, begin - 1);
  if (gone) links_.send(link, Frame(Gone{pull.publisher, pull.epoch, begin - 1}));
  for (const auto& batch : found) {
    if (!may_read(link, *batch)) {
      withhold(link, *batch);
      continue;
    }
    const bool more = batch == found.back() && batch->last() < pull.to;
    links_.send(link, Frame(Given{batch->raw, more}));
  }
  return true;
}

bool Core::hear(Instant now, LinkId link, const Gone& gone) {
  const auto at = sources_.find(gone.publisher);
  if (at == sources_.end()) return true;
  at->second.gone(now, gone.epoch, gone.upto, link, links_.size());
  deliver(now, gone.publisher);
  ask(now);
  return true;
}

bool Core::hear(Instant now, LinkId link, const Prune& prune) {
  if (is_member(now, prune.publisher)) links_.prune(prune.publisher, link);
  return true;
}

bool Core::hear(Instant now, LinkId link, const Kept& kept) {
  if (!neighbours_.at(link).asks.take(now, 10)) {
    ++counts_.floods;
    return true;
  }
  for (const auto& batch : retained_.beyond(kept))
    if (may_read(link, *batch)) links_.send(link, Frame(Value{batch->raw}));
  return true;
}

bool Core::hear(Instant now, LinkId, const Value& value) {
  auto decoded = Batch::decode(value.batch);
  if (!decoded || !decoded->retain) {
    ++counts_.malformed;
    return false;
  }
  if (!is_member(now, decoded->publisher)) {
    ++counts_.strangers;
    return true;
  }
  if (!may_publish(*decoded)) {
    ++counts_.denied;
    return true;
  }
  const auto take = retained_.look(*decoded);
  if (take == Retained::Take::Full) ++counts_.kept_full;
  if (take != Retained::Take::Newer) return true;
  if (!decoded->verify(network_)) {
    ++counts_.forged;
    return false;
  }
  heard_stamp(now, decoded->stamp);
  const auto kept = std::make_shared<const Batch>(std::move(*decoded));
  retained_.put(kept);
  heard_groups({kept, 0});
  if (!sync_at_) sync_at_ = now + kSyncPause;
  show(kept);
  return true;
}

// A value that was retained before this node could hear it, for those who subscribed meanwhile.
void Core::show(const BatchPtr& value) {
  Source& from = source(value->publisher);
  if (from.covers(value->epoch, value->first)) return;
  from.shown(value->epoch, value->last());
  const Placed placed{value, 0};
  if (placed.message().payload.empty() || !may_read(identity_.id, *value)) return;
  subscribers_.show(placed);
  tell_waiting();
}

// ---- subscribers --------------------------------------------------------------------------------

void Core::deliver(Instant now, const NodeId& publisher) {
  Source& from = source(publisher);
  while (const auto out = from.deliver(now)) {
    if (out->missed > 0) {
      counts_.missed += out->missed;
      subscribers_.missed(out->missed);
    }
    if (!out->batch) continue;
    for (auto i = out->begin; i < out->batch->messages.size(); ++i) {
      const Placed placed{out->batch, i};
      if (placed.message().topic.empty()) continue;  // withheld
      ++counts_.delivered;
      heard_groups(placed);
      if (!rights_.may(identity_.id, placed.message().topic, Right::Read)) continue;
      subscribers_.put(placed,
                       [&](const std::string& group) { return groups_.ours(group, placed); });
    }
  }
  watch(publisher);
  tell_waiting();
}

// What an earlier process of ours said is taken back, if it does not hold any more.
void Core::heard_groups(const Placed& placed) {
  if (!placed.message().topic.starts_with(kGroupsTopic)) return;
  if (placed.batch->publisher != identity_.id) return groups_.heard(placed);
  if (placed.batch->epoch == epoch_ || placed.message().payload == Groups::encode(announced_))
    return;
  announced_ = {{"", ""}};  // as nobody can have said
  groups_changed_ = true;
}

void Core::watch(const NodeId& publisher) {
  if (source(publisher).poll_timeout(kAskAfter))
    missing_.insert(publisher);
  else
    missing_.erase(publisher);
}

// ---- asking and telling -------------------------------------------------------------------------

void Core::ask(Instant now) {
  const std::vector<NodeId> missing(missing_.begin(), missing_.end());
  for (const auto& publisher : missing) {
    Source& from = source(publisher);
    while (const auto ask = from.ask(now, kAskAfter)) {
      LinkId link = ask->link;
      if (!links_.contains(link)) {
        const auto all = links_.all();
        if (all.empty()) break;
        link = all[counts_.pulls % all.size()];
      }
      ++counts_.pulls;
      links_.graft(publisher, link);
      links_.send(link, Frame(Pull{publisher, ask->epoch, ask->from, ask->to, true}));
    }
    deliver(now, publisher);
  }
}

void Core::tell_all(LinkId link) {
  std::set<NodeId> all;
  for (const auto& [publisher, source] : sources_) all.insert(publisher);
  tell(link, all);
}

// Always at least one frame, for the digest of what is retained.
void Core::tell(LinkId link, const std::set<NodeId>& publishers) {
  Have have;
  have.kept = retained_.digest();
  for (const auto& publisher : publishers) {
    const auto at = sources_.find(publisher);
    if (at == sources_.end()) continue;
    for (const auto& [epoch, high] : at->second.highs()) {
      if (have.entries.size() == kMaxHave) {
        links_.send(link, Frame(have));
        have.entries.clear();
      }
      have.entries.push_back({publisher, epoch, high});
    }
  }
  links_.send(link, Frame(std::move(have)));
}

void Core::sync(Instant now) {
  sync_at_.reset();
  if (changed_.empty() && told_digest_ == retained_.digest()) return;
  told_digest_ = retained_.digest();
  const auto changed = std::exchange(changed_, {});
  for (const auto link : links_.all()) tell(link, changed);
  if (links_.size() > 0) sync_at_ = now + kSyncPause;
}

}  // namespace weft::broker
