#include "dht/routing_table.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.hpp"
#include "dht/id_words.hpp"
#include "dht/prefix.hpp"

namespace weft::dht {

namespace {

constexpr std::size_t kMaxBuckets = 256;
constexpr std::uint64_t kDeathsRemembered = 64;
constexpr unsigned kMostFails = 31;
constexpr unsigned kMostStrikes = 7;
constexpr std::size_t kGroup = 384;  // candidates sorted without touching the heap

// Moves the words that may be among the `take` smallest to the front and returns how many they are.
// Ids are hashes, so distances spread evenly: a guess at the threshold rarely needs a second one.
std::size_t keep_near(std::uint64_t* words, std::size_t count, std::size_t take) {
  if (count < 2 * take + 8) return count;
  std::uint64_t low = words[0];
  std::uint64_t high = words[0];
  for (std::size_t i = 1; i < count; ++i) {
    low = std::min(low, words[i]);
    high = std::max(high, words[i]);
  }
  const std::uint64_t share = (high - low) / count * (take + take / 2 + 4);
  const std::uint64_t limit = (low + share) | 0xffffffff;  // never between equal distances
  const auto within = static_cast<std::size_t>(
      std::count_if(words, words + count, [=](std::uint64_t word) { return word <= limit; }));
  if (within < take) return count;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t word = words[i];
    words[kept] = word;
    kept += word <= limit ? 1 : 0;
  }
  return kept;
}

// Grows by small steps: a million nodes pay for every unused entry.
template <class T>
void push_tight(std::vector<T>& items, const T& item) {
  if (items.size() == items.capacity()) items.reserve(items.size() + 4 + items.size() / 8);
  items.push_back(item);
}

}  // namespace

RoutingTable::RoutingTable(const Config& config, const ContactBook& book, const NodeId& self)
    : config_(config), book_(book), self_(self), buckets_(1) {}

RoutingTable::Inserted RoutingTable::on_reply(Instant now, ContactHandle contact,
                                              std::optional<Duration> rtt) {
  const NodeId& node = book_.id(contact);
  if (node == self_) return Inserted::Refused;
  const Ticks ticks = to_ticks(now);
  const auto ms =
      rtt ? static_cast<std::uint16_t>(std::clamp<std::int64_t>(rtt->count() / 1'000'000, 1, 60000))
          : std::uint16_t{0};
  if (Entry* known = find_mutable(node)) {
    if (known->handle != contact) {  // it moved: the new address has just answered
      if (!diverse(buckets_[index_of(node)], book_.at(contact).endpoint)) {
        remove(node);
        return Inserted::Refused;
      }
      known->handle = contact;
      count_prefix(known->prefix, -1);
      known->prefix = short_prefix(prefix_of(book_.at(contact).endpoint));
      count_prefix(known->prefix, 1);
    }
    watched(ticks - known->heard, 0);
    if (known->fails > 0) changed(*known);
    known->heard = ticks;
    known->fails = 0;
    if (ms != 0)
      known->rtt_ms =
          known->rtt_ms == 0 ? ms : static_cast<std::uint16_t>((known->rtt_ms * 7U + ms) / 8U);
    return Inserted::Known;
  }
  for (;;) {
    const std::size_t index = index_of(node);
    Bucket& bucket = buckets_[index];
    if (!diverse(bucket, book_.at(contact).endpoint)) return Inserted::Refused;
    const Entry entry{contact,
                      top_of(node),
                      ticks,
                      born_of(ticks),
                      ms,
                      short_prefix(prefix_of(book_.at(contact).endpoint)),
                      0,
                      0,
                      static_cast<std::uint8_t>(std::min(common_prefix(self_, node), 255))};
    // The last bucket splits as soon as it holds k, however many it might hold later: else a table
    // that never fills would not care for having contacts at every distance.
    if (index + 1 == buckets_.size() && bucket.live.size() >= config_.k &&
        buckets_.size() < kMaxBuckets) {
      split();
      continue;
    }
    if (bucket.live.size() < capacity(index)) {
      insert(bucket, entry);
      return Inserted::New;
    }
    const auto worst =
        std::ranges::max_element(bucket.live, {}, [](const Entry& one) { return one.fails; });
    if (worst->fails >= config_.evict_after) {
      watched(0, 1);
      count_prefix(worst->prefix, -1);
      changed(*worst);
      bucket.live.erase(worst);
      --size_;
      insert(bucket, entry);
      return Inserted::New;
    }
    suggest(contact);
    return Inserted::Refused;
  }
}

void RoutingTable::on_heard(Instant now, ContactHandle contact) {
  Entry* entry = find_mutable(book_.id(contact));
  if (entry == nullptr || entry->handle != contact) return;
  if (entry->fails > 0) changed(*entry);
  entry->heard = to_ticks(now);
  entry->fails = 0;
}

bool RoutingTable::on_failure(ContactHandle contact) {
  Entry* entry = find_mutable(book_.id(contact));
  if (entry == nullptr || entry->handle != contact) return false;
  if (entry->fails < kMostFails) ++entry->fails;
  changed(*entry);
  Bucket& bucket = buckets_[index_of(book_.id(contact))];
  bucket.due_from = std::min(bucket.due_from, entry->heard + to_ticks(config_.ping_pace));
  if (entry->fails <= config_.evict_after) return false;
  watched(0, 1);
  return true;
}

bool RoutingTable::on_word(const NodeId& node, bool believed) {
  Entry* entry = find_mutable(node);
  if (entry == nullptr) return false;
  if (believed) {
    if (entry->strikes > 0) --entry->strikes;
    return false;
  }
  if (entry->strikes < kMostStrikes) ++entry->strikes;
  return entry->strikes >= config_.strikes;
}

bool RoutingTable::suggest(ContactHandle contact) {
  const NodeId& node = book_.id(contact);
  if (node == self_ || find(node) != nullptr) return false;
  const std::size_t index = index_of(node);
  Bucket& bucket = buckets_[index];
  if (!diverse(bucket, book_.at(contact).endpoint)) return false;
  if (index + 1 < buckets_.size()) {
    // Half of k is worth a ping at once, k one when there is time.
    if (bucket.live.size() < config_.k / 2) return true;
  } else {
    const std::uint32_t own = top_of(self_);
    const std::uint32_t away = top_of(node) ^ own;
    const auto closer = std::ranges::count_if(bucket.live, [&](const Entry& entry) {
      const std::uint32_t other = entry.top ^ own;
      return other != away ? other < away : nearer(book_.id(entry.handle), node, self_);
    });
    if (static_cast<std::size_t>(closer) < config_.k) return true;
  }
  auto& waiting = bucket.replacements;
  std::erase(waiting, contact);
  if (waiting.size() >= config_.replacements) waiting.erase(waiting.begin());
  push_tight(waiting, contact);
  return false;
}

void RoutingTable::remove(const NodeId& node) {
  Bucket& bucket = buckets_[index_of(node)];
  const std::uint32_t top = top_of(node);
  const std::size_t gone = std::erase_if(bucket.live, [&](const Entry& entry) {
    if (entry.top != top || book_.id(entry.handle) != node) return false;
    count_prefix(entry.prefix, -1);
    changed(entry);
    return true;
  });
  size_ -= gone;
  std::erase_if(bucket.replacements, [&](ContactHandle h) { return book_.id(h) == node; });
}

void RoutingTable::clear() {
  buckets_.assign(1, Bucket{});
  size_ = 0;
  prefixes_ = {};
  changed();
}

void RoutingTable::closest(const NodeId& target, std::size_t count, Ticks not_before,
                           ContactHandle except, std::vector<ContactHandle>& out) const {
  out.clear();
  // One word each: 32 bits of distance, then the handle; equal distances are
  // told apart in full.
  std::array<std::uint64_t, kGroup> few;
  std::vector<std::uint64_t> many;
  std::uint64_t* group = few.data();
  std::size_t members = 0;
  std::size_t room = kGroup;
  const auto handle_of = [](std::uint64_t word) {
    return ContactHandle{static_cast<std::uint32_t>(word)};
  };
  const auto before = [&](std::uint64_t a, std::uint64_t b) {
    if (a >> 32 != b >> 32) return a < b;
    return nearer(book_.id(handle_of(a)), book_.id(handle_of(b)), target);
  };
  const auto flush = [&] {
    const std::size_t take = std::min(count - out.size(), members);
    members = keep_near(group, members, take);
    std::sort(group, group + members, before);
    for (std::size_t i = 0; i < take; ++i) out.push_back(handle_of(group[i]));
    members = 0;
  };
  const std::uint32_t goal = top_of(target);
  const auto collect = [&](const Bucket& bucket) {
    if (members + bucket.live.size() > room) {
      room = (members + bucket.live.size()) * 2;
      std::vector<std::uint64_t> wider(room);
      std::copy_n(group, members, wider.begin());
      many.swap(wider);
      group = many.data();
    }
    for (const Entry& entry : bucket.live) {
      group[members] =
          std::uint64_t{entry.top ^ goal} << 32 | static_cast<std::uint32_t>(entry.handle);
      members += entry.heard >= not_before && entry.handle != except && entry.fails == 0 ? 1 : 0;
    }
  };
  // Bucket `first` shares more with the target than any other; all deeper ones
  // lie at one distance band together behind it; shallower ones follow, each
  // farther than the one before.
  const std::size_t first = index_of(target);
  collect(buckets_[first]);
  flush();
  if (out.size() < count) {
    for (std::size_t i = first + 1; i < buckets_.size(); ++i) collect(buckets_[i]);
    flush();
  }
  for (std::size_t i = first; i-- > 0 && out.size() < count;) {
    collect(buckets_[i]);
    flush();
  }
}

const Entry* RoutingTable::find(const NodeId& node) const {
  const std::uint32_t top = top_of(node);
  for (const Entry& entry : buckets_[index_of(node)].live)
    if (entry.top == top && book_.id(entry.handle) == node) return &entry;
  return nullptr;
}

// The estimate starts at mean_session with the weight of a quarter of a death, and forgets.
Ticks RoutingTable::lifetime() const {
  const std::uint64_t ticks = (4 * watched_ + to_ticks(config_.mean_session)) / (4 * deaths_ + 1);
  return static_cast<Ticks>(std::min<std::uint64_t>(ticks, to_ticks(Duration(10 * 24h))));
}

void RoutingTable::watched(Ticks time, std::uint64_t deaths) {
  watched_ += time;
  deaths_ += deaths;
  if (deaths_ < kDeathsRemembered) return;
  watched_ /= 2;
  deaths_ /= 2;
}

// An eighth of the life to be expected, by the churn seen and by the entry's own age: then about
// one entry in sixteen is dead at any time. Near entries stay young enough to be told to others.
const Entry* RoutingTable::soonest(std::size_t index, Ticks& at) const {
  const bool few = !directory_ && buckets_[index].live.size() <= config_.k;
  const Ticks again = to_ticks(config_.ping_pace);
  const Ticks near_least = to_ticks(config_.ping_min);
  const Ticks near_most = to_ticks(config_.ping_max);
  const Ticks far_least = directory_ ? to_ticks(config_.wide_min) : near_most;
  const Ticks far_most = to_ticks(config_.wide_max);
  const Ticks few_most = 2 * near_most;
  const int far_shift = directory_ ? 0 : 1;
  const Entry* best = nullptr;
  at = ~Ticks{0};
  for (const Entry& entry : buckets_[index].live) {
    const Ticks life = std::max(life_, age_of(entry));
    Ticks wait = std::clamp(life >> far_shift, far_least, far_most);
    if (few) wait = std::clamp(life / 4, near_least, few_most);
    if (entry.shared >= near_) wait = std::clamp(life / 8, near_least, near_most);
    if (entry.fails > 0) wait = again;
    if (entry.heard + wait >= at) continue;
    at = entry.heard + wait;
    best = &entry;
  }
  return best;
}

// Entries that share at least so many bits with us are near: the k nearest and their peers.
std::uint8_t RoutingTable::near_bits() const {
  std::array<std::uint16_t, 256> count{};
  for (const Bucket& bucket : buckets_)
    for (const Entry& entry : bucket.live) ++count[entry.shared];
  std::size_t nearer = 0;
  for (std::size_t bits = 256; bits-- > 0;) {
    nearer += count[bits];
    if (nearer >= config_.k) return static_cast<std::uint8_t>(bits);
  }
  return 0;
}

const Entry* RoutingTable::due(Instant now, Instant& next, bool directory) {
  // due_from is a lower bound, since proof of life only moves a ping away. What all waits rest on
  // is followed in steps of an eighth; then all bounds are made anew.
  const Ticks life = lifetime();
  const std::uint8_t near = estimate_ != 0 && near_for_ == estimate_ ? near_ : near_bits();
  near_for_ = network_size();
  if (near != near_ || directory != directory_ || life < life_ - life_ / 8 ||
      life > life_ + life_ / 8) {
    life_ = life;
    near_ = near;
    directory_ = directory;
    for (Bucket& bucket : buckets_) bucket.due_from = 0;
  }
  // The bucket with the least bound is looked through until its bound is exact.
  for (;;) {
    const auto least = std::ranges::min_element(buckets_, {}, &Bucket::due_from);
    if (least->due_from == ~Ticks{0}) break;
    Ticks at = 0;
    const Entry* best = soonest(static_cast<std::size_t>(least - buckets_.begin()), at);
    if (best != nullptr && at == least->due_from) {
      next = from_ticks(at + 1);
      return at <= to_ticks(now) ? best : nullptr;
    }
    least->due_from = at;
  }
  next = now + config_.ping_min;
  return nullptr;
}

void RoutingTable::warm_buckets() const {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(buckets_.data());
  for (std::size_t at = 0; at < buckets_.size() * sizeof(Bucket); at += 64)
    __builtin_prefetch(bytes + at);
}

void RoutingTable::warm_bucket(const NodeId& node) const {
  const auto& live = buckets_[index_of(node)].live;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(live.data());
  const std::size_t end = std::min<std::size_t>(live.size() * sizeof(Entry), 1024);
  for (std::size_t at = 0; at < end; at += 64) __builtin_prefetch(bytes + at);
}

void RoutingTable::warm_contents() const {
  for (const Bucket& bucket : buckets_) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(bucket.live.data());
    const std::size_t end = std::min<std::size_t>(bucket.live.size() * sizeof(Entry), 1024);
    for (std::size_t at = 0; at < end; at += 64) __builtin_prefetch(bytes + at);
  }
}

ContactHandle RoutingTable::nth(std::size_t index) const {
  WEFT_ASSERT(index < size_);
  std::size_t bucket = 0;
  for (; index >= buckets_[bucket].live.size(); ++bucket) index -= buckets_[bucket].live.size();
  return buckets_[bucket].live[index].handle;
}

ContactHandle RoutingTable::take_replacement(bool directory) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    Bucket& bucket = buckets_[i];
    // Wide buckets fill by traffic alone: beyond k nobody is worth a ping of its own. With a
    // directory of everybody they do: news goes to whom the table holds.
    const std::size_t enough = directory ? capacity(i) : config_.k;
    if (bucket.replacements.empty() || bucket.live.size() >= enough) continue;
    const ContactHandle handle = bucket.replacements.back();
    bucket.replacements.pop_back();
    return handle;
  }
  return ContactHandle::None;
}

std::optional<std::size_t> RoutingTable::stale_bucket(Instant now) const {
  const Ticks limit = to_ticks(now) - std::min(to_ticks(now), to_ticks(config_.refresh));
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i].live.size() >= config_.k) continue;  // enough proven contacts
    if (buckets_[i].touched < limit) return i;
  }
  return std::nullopt;
}

void RoutingTable::touch(Instant now, const NodeId& target) {
  buckets_[index_of(target)].touched = to_ticks(now);
}

std::size_t RoutingTable::capacity(std::size_t index) const {
  std::size_t factor = config_.widen_first;
  for (std::size_t i = 0; i < index && factor > 1; ++i) factor /= 2;
  return config_.k * std::max<std::size_t>(factor, 1);
}

std::uint64_t RoutingTable::network_size() const {
  if (estimate_ == 0) estimate_ = estimate_size();
  return estimate_;
}

std::uint64_t RoutingTable::estimate_size() const {
  // The closest k nodes span the distance d: about k / d of the whole space is one node each.
  std::vector<ContactHandle> near;
  closest(self_, config_.k, 0, ContactHandle::None, near);
  reach_ = ~0U;
  if (near.size() < config_.k) return near.size() + 1;
  reach_ = top_of(book_.id(near.back())) ^ top_of(self_);
  const Distance reach = distance(self_, book_.id(near.back()));
  // The top 63 bits of the space, as integers: 2^63 * k / reach without overflow.
  const int zeros = common_prefix(self_, book_.id(near.back()));
  std::uint64_t mantissa = 0;  // 32 bits of the distance from its first set bit
  for (int bit = 0; bit < 32; ++bit) {
    const int at = zeros + bit;
    const int value =
        at < 256 ? reach.bytes[static_cast<std::size_t>(at / 8)] >> (7 - at % 8) & 1 : 0;
    mantissa = mantissa << 1 | static_cast<std::uint64_t>(value);
  }
  const std::uint64_t scaled = (static_cast<std::uint64_t>(near.size()) << 32) / mantissa;
  return scaled << std::min(zeros, 32);
}

std::size_t RoutingTable::memory() const {
  std::size_t total = buckets_.capacity() * sizeof(Bucket);
  for (const Bucket& bucket : buckets_)
    total += bucket.live.capacity() * sizeof(Entry) +
             bucket.replacements.capacity() * sizeof(ContactHandle);
  return total;
}

void RoutingTable::check_invariants() const {
  std::size_t total = 0;
  WEFT_ASSERT(!buckets_.empty() && buckets_.size() <= kMaxBuckets);
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    const Bucket& bucket = buckets_[i];
    WEFT_ASSERT(bucket.live.size() <= capacity(i));
    WEFT_ASSERT(bucket.replacements.size() <= config_.replacements);
    total += bucket.live.size();
    for (const Entry& entry : bucket.live) {
      const Contact& contact = book_.at(entry.handle);
      WEFT_ASSERT(contact.id != self_);
      WEFT_ASSERT(index_of(contact.id) == i && entry.top == top_of(contact.id));
      WEFT_ASSERT(entry.prefix == short_prefix(prefix_of(contact.endpoint)));
      std::size_t same_id = 0;
      std::size_t same_prefix = 0;
      for (const Entry& other : bucket.live) {
        if (other.top == entry.top) same_id += book_.id(other.handle) == contact.id ? 1 : 0;
        if (other.prefix != entry.prefix) continue;
        same_prefix +=
            prefix_of(book_.at(other.handle).endpoint) == prefix_of(contact.endpoint) ? 1 : 0;
      }
      WEFT_ASSERT(same_id == 1);
      WEFT_ASSERT(entry.prefix == 0 || same_prefix <= config_.per_prefix_bucket);
    }
  }
  WEFT_ASSERT(total == size_);
  std::array<std::uint16_t, 64> prefixes{};
  for (const Bucket& bucket : buckets_)
    for (const Entry& entry : bucket.live) ++prefixes[entry.prefix % prefixes.size()];
  WEFT_ASSERT(prefixes == prefixes_);
}

std::size_t RoutingTable::index_of(const NodeId& node) const {
  return std::min(static_cast<std::size_t>(common_prefix(self_, node)), buckets_.size() - 1);
}

Entry* RoutingTable::find_mutable(const NodeId& node) {
  return const_cast<Entry*>(std::as_const(*this).find(node));
}

bool RoutingTable::diverse(const Bucket& bucket, const Endpoint& endpoint) const {
  const std::uint64_t prefix = prefix_of(endpoint);
  if (prefix == 0) return true;
  const std::uint16_t wanted = short_prefix(prefix);
  const auto count = [&](const Bucket& in) {
    return static_cast<std::size_t>(std::ranges::count_if(in.live, [&](const Entry& entry) {
      return entry.prefix == wanted && prefix_of(book_.at(entry.handle).endpoint) == prefix;
    }));
  };
  if (count(bucket) >= config_.per_prefix_bucket) return false;
  if (prefixes_[wanted % prefixes_.size()] < config_.per_prefix_table) return true;
  std::size_t total = 0;
  for (const Bucket& each : buckets_) total += count(each);
  return total < config_.per_prefix_table;
}

void RoutingTable::split() {
  WEFT_ASSERT(buckets_.size() < kMaxBuckets);
  const std::size_t index = buckets_.size() - 1;
  buckets_.emplace_back();
  buckets_.back().touched = buckets_[index].touched;
  Bucket old;
  std::swap(old, buckets_[index]);
  buckets_[index].touched = old.touched;
  changed();
  for (const Entry& entry : old.live)
    push_tight(buckets_[index_of(book_.id(entry.handle))].live, entry);
  for (const ContactHandle handle : old.replacements)
    push_tight(buckets_[index_of(book_.id(handle))].replacements, handle);
  // The deeper bucket may be narrower than what fell into it: then it splits on.
  if (buckets_.back().live.size() > capacity(buckets_.size() - 1) && buckets_.size() < kMaxBuckets)
    split();
  auto& live = buckets_[index].live;  // may still hold more than its share: the youngest go
  while (live.size() > capacity(index)) {
    count_prefix(live.back().prefix, -1);
    live.pop_back();
    --size_;
  }
}

void RoutingTable::insert(Bucket& bucket, const Entry& entry) {
  std::erase(bucket.replacements, entry.handle);
  push_tight(bucket.live, entry);
  count_prefix(entry.prefix, 1);
  bucket.due_from = 0;
  ++size_;
  changed(entry);
}

void RoutingTable::changed(const Entry& entry) {
  if ((entry.top ^ top_of(self_)) <= reach_) changed();
}

}  // namespace weft::dht
