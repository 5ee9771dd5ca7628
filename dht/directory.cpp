// Full-table mode: everybody known, by crawl and by rumour. A directory is hearsay: it says where a
// lookup may start, never who is told to others or stored to before having answered.
#include <algorithm>
#include <bit>

#include "dht/state.hpp"

namespace weft::dht {

namespace {

constexpr std::size_t kFresh = 128;  // rumours held at once
// Times each of us passes a rumour on, and half of log2 of all. Telling it to whom it is no news
// counts three times.
constexpr std::size_t kFreshTold = 6;
constexpr int kStale = 2;
constexpr std::size_t kFewEntries = 8;
constexpr std::size_t kSpareEntries = 64;  // beyond twice the size we estimate
constexpr int kTries = 8;

}  // namespace

bool DhtState::learn(ContactHandle contact, bool rumour) {
  if (!directory_on || contact == ContactHandle::None || contact == self_handle) return false;
  const NodeId& node = book.id(contact);
  if (node == self.id) return false;
  const auto by_id = [&](ContactHandle handle) { return book.id(handle); };
  auto place = std::ranges::lower_bound(directory, node, {}, by_id);
  if (place != directory.end() && book.id(*place) == node) {
    // Hearsay does not overwrite an address that answered us.
    const Entry* proven = table.find(node);
    if (proven == nullptr || proven->handle == contact) *place = contact;
    return false;
  }
  const std::size_t most =
      std::min<std::size_t>(kSpareEntries + 2 * table.network_size(), config.full_table_max);
  if (directory.size() >= most) {
    if (!make_room_in_directory()) {
      ++counters.dropped;
      return true;
    }
    place = std::ranges::lower_bound(directory, node, {}, by_id);
  }
  directory.insert(place, contact);
  if (!rumour || fresh.size() >= kFresh) return true;
  const auto rounds = kFreshTold + static_cast<std::size_t>(std::bit_width(directory.size())) / 2;
  fresh.push_back({contact, static_cast<std::uint8_t>(rounds)});
  return true;
}

// Twice as many as there are nodes: half of them must have left, or never were. One that has not
// answered us gives way, whichever it is.
bool DhtState::make_room_in_directory() {
  for (int tries = 0; tries < kTries; ++tries) {
    const auto at = directory.begin() + static_cast<std::ptrdiff_t>(rng.uniform(directory.size()));
    if (table.find(book.id(*at)) != nullptr) continue;
    directory.erase(at);
    return true;
  }
  return false;
}

// What our last news was worth: an item that was known there is nearly everywhere.
void DhtState::news_arrived(std::uint64_t known) {
  for (std::size_t i = 0; i < told_items.size(); ++i) {
    if ((known >> i & 1) == 0) continue;
    for (NewsItem& item : fresh)
      if (item.who == told_items[i])
        item.left = static_cast<std::uint8_t>(std::max(item.left - kStale, 0));
  }
  std::erase_if(fresh, [](const NewsItem& item) { return item.left == 0; });
  told_in = 0;
}

void DhtState::unlearn(ContactHandle contact) {
  if (!directory_on) return;
  std::erase(directory, contact);
  std::erase_if(fresh, [&](const NewsItem& item) { return item.who == contact; });
}

Bytes DhtState::news() {
  Bytes out;
  told_items.clear();
  told_in = 0;
  for (NewsItem& item : fresh) {
    if (told_items.size() >= config.news) break;
    append_wire(out, book.at(item.who));
    told_items.push_back(item.who);
    --item.left;
  }
  // Those not told yet come first the next time.
  std::ranges::rotate(fresh, fresh.begin() + std::ssize(told_items));
  std::erase_if(fresh, [](const NewsItem& item) { return item.left == 0; });
  return out;
}

// Asks about every slice of the id space once, whoever is nearest to it; true while not through.
bool DhtState::crawl(Instant now) {
  if (!directory_on || table.size() == 0 || filling || ranges_left > 0) return false;
  if (crawl_left == 0) {
    // In time, or when the network has outgrown the last crawl by a quarter.
    const std::uint64_t size = table.network_size();
    if (now < next_crawl && size <= crawled_size + crawled_size / 4) return false;
    next_crawl = now + config.recrawl;
    crawled_size = static_cast<std::uint32_t>(size);
    crawl_total = std::bit_ceil(static_cast<std::uint32_t>(size / config.crawl_slice + 1));
    crawl_left = crawl_total;
  }
  for (int i = 0; i < 2 && crawl_left > 0; ++i) {
    --crawl_left;
    NodeId target{rng.bytes<32>()};
    const auto bits = static_cast<unsigned>(std::bit_width(crawl_total)) - 1;
    const std::uint32_t top = bits == 0 ? 0 : crawl_left << (32 - bits);
    const std::uint32_t mask = bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits);
    for (std::size_t b = 0; b < 4; ++b) {
      const auto shift = static_cast<unsigned>(24 - 8 * b);
      const auto keep = static_cast<std::uint8_t>(~(mask >> shift));
      target.bytes[b] = static_cast<std::uint8_t>((target.bytes[b] & keep) | (top >> shift & 0xff));
    }
    LookupLimits limits = limits_for(TaskKind::Find, 1, false);
    limits.queries = 2;
    limits.alpha = 1;
    limits.converge = 1;
    Task* task = start(now, TaskKind::Find, target, limits, Origin::Crawl);
    if (task != nullptr) pump(now, *task);
  }
  return crawl_left > 0;
}

// Ids that share `bit` leading bits lie together, in order: the half that agrees with the target in
// the next bit is nearer than all of the other half.
void DhtState::directory_nearest(const NodeId& target, std::size_t from, std::size_t to,
                                 std::size_t bit, std::size_t count,
                                 std::vector<ContactHandle>& out) const {
  if (from >= to || out.size() >= count) return;
  if (to - from <= kFewEntries || bit >= 256) {
    std::vector<ContactHandle> few(directory.begin() + static_cast<std::ptrdiff_t>(from),
                                   directory.begin() + static_cast<std::ptrdiff_t>(to));
    std::ranges::sort(few, {}, [&](ContactHandle h) { return distance(book.id(h), target); });
    few.resize(std::min(few.size(), count - out.size()));
    out.insert(out.end(), few.begin(), few.end());
    return;
  }
  const auto is_set = [&](const NodeId& id) {
    return (id.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0;
  };
  const auto begin = directory.begin() + static_cast<std::ptrdiff_t>(from);
  const auto end = directory.begin() + static_cast<std::ptrdiff_t>(to);
  const auto half = std::partition_point(
      begin, end, [&](ContactHandle handle) { return !is_set(book.id(handle)); });
  const auto middle = static_cast<std::size_t>(half - directory.begin());
  const bool high = is_set(target);
  directory_nearest(target, high ? middle : from, high ? to : middle, bit + 1, count, out);
  directory_nearest(target, high ? from : middle, high ? middle : to, bit + 1, count, out);
}

}  // namespace weft::dht
