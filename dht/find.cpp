// What a caller's search for a node does beside the walk: it begins with the fast, and does not end
// among too few.
#include <algorithm>
#include <utility>

#include "dht/state.hpp"

namespace weft::dht {

namespace {

constexpr std::size_t kConfirm = 2;  // of the nearest, asked for all they know

}  // namespace

// The first step decides little about where a walk leads and much about when: a bit of distance
// costs less time than a slow contact.
void DhtState::favour_fast(Task& task, const std::vector<ContactHandle>& near) {
  // Who knows everybody need not come near first: the nearest are asked at once.
  if (directory_on && task.kind == TaskKind::Find && task.origin == Origin::Caller) return;
  if (config.favoured == 0) return;
  std::vector<std::pair<std::int64_t, ContactHandle>> order;
  for (const ContactHandle handle : near) {
    const Entry* entry = table.find(book.id(handle));
    if (entry == nullptr || entry->rtt_ms == 0) continue;
    const int bits = common_prefix(book.id(handle), task.lookup.target());
    order.emplace_back(entry->rtt_ms - bits * (config.bit_cost / 1ms), handle);
  }
  std::ranges::sort(order);
  for (std::size_t i = 0; i < std::min(order.size(), config.favoured); ++i)
    task.lookup.favour(order[i].second);
}

// Too few are known where the walk would end. The nearest are asked for all they know, as their
// first answers held two or five: mostly that is enough, and liars have to name far ones.
bool DhtState::confirm(Instant now, Task& task) {
  if (!task.lookup.thin()) return false;
  const auto id = static_cast<std::uint32_t>(task.id);
  if (std::exchange(task.confirmed, true)) return rpc.asking_again(id);
  for (const auto& [teller, told] : task.lookup.believed(kConfirm)) {
    if (told >= config.k / 2) continue;
    Request on;
    on.type = MessageType::FindNode;
    on.target = task.lookup.target();
    on.skip = told;
    request(now, teller, on, Purpose::Walk, {.task = &task, .again = 1});
  }
  return rpc.asking_again(id);
}

// A caller's walk ends among the nearest, and what they name decides whether it may: the two
// nearest known are asked for as many contacts as a datagram holds. A put needs the region at once,
// and a cookie of each: so are its nearest, and when enough are known the others for their cookie
// alone. 0: as usual.
std::uint16_t DhtState::padding_in(const Task& task, ContactHandle to) const {
  const bool called = task.kind == TaskKind::Find && task.origin == Origin::Caller;
  if (called && task.lookup.rank(to) < config.witnesses &&
      !(distance(book.id(to), task.lookup.target()) > task.lookup.limits().crowded))
    return static_cast<std::uint16_t>(config.max_datagram);
  if (task.kind != TaskKind::Put || !task.lookup.in_region(to)) return 0;
  if (task.lookup.rank(to) < config.tellers) return static_cast<std::uint16_t>(config.max_datagram);
  return task.lookup.region_size() >= config.k
             ? static_cast<std::uint16_t>(config.padded_hello_ping)
             : std::uint16_t{0};
}

LookupId Dht::find_node(Instant now, const NodeId& target) {
  DhtState& s = *state_;
  LookupLimits limits = s.limits_for(TaskKind::Find, 1, false);
  limits.crowd = s.wary() ? s.config.crowd_doubting : s.config.crowd;
  limits.crowd_doubting = s.config.crowd_doubting;
  Task* task = s.start(now, TaskKind::Find, target, limits, Origin::Caller);
  if (task == nullptr) return LookupId::None;
  const LookupId id = task->id;
  s.pump(now, *task);
  return id;
}

}  // namespace weft::dht
