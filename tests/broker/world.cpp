#include "tests/broker/world.hpp"

#include <algorithm>

namespace weft::broker::testing {

World::World(std::size_t nodes, std::uint64_t seed, bool mesh) : rng(seed) {
  for (std::size_t i = 0; i < nodes; ++i) {
    auto node = std::make_unique<Node>();
    node->index = static_cast<int>(i);
    node->identity = Identity::from_seed(rng.bytes<32>());
    members.all.insert(node->identity.id);
    nodes_.push_back(std::move(node));
  }
  for (int i = 0; i < size(); ++i) start(i);
  if (mesh)
    for (int a = 0; a < size(); ++a)
      for (int b = a + 1; b < size(); ++b) connect(a, b);
}

void World::start(int index) {
  Node& node = (*this)[index];
  node.core = std::make_unique<Core>(node.identity, network, members, clock);
  ++node.life;
  for (const auto& [key, value] : node.disk) std::ignore = node.core->load(key, value);
  tell_rules(index);
  node.core->begin(now);
  for (const auto& other : nodes_)
    if (other->core) other->core->set_away(node.identity.id, false);
}

void World::tell_rules(int index) {
  (*this)[index].core->set_members({members.all.begin(), members.all.end()}, rules);
}

void World::set_away(int index, bool away) {
  const auto one_side = [&](int at, int node) {
    if ((*this)[at].core) (*this)[at].core->set_away((*this)[node].identity.id, away);
  };
  for (int other = 0; other < size(); ++other) {
    if (other == index) continue;
    one_side(other, index);
    one_side(index, other);
  }
}

void World::crash(int index) {
  cut_all(index);
  set_away(index, true);
  Node& node = (*this)[index];
  node.core.reset();
  node.got.clear();
  node.lazy.clear();
}

void World::connect(int a, int b) {
  if (linked(a, b)) return;
  for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
    Duration extra{};
    if (jitter > 0ms)
      extra = Duration(
          static_cast<std::int64_t>(rng.uniform(static_cast<std::uint64_t>(jitter.count()))));
    links_[{from, to}] = {++last_link_, delay + extra, false};
  }
  for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
    (*this)[from].core->link_up(now, links_.at({from, to}).id, (*this)[to].identity.id);
    pump(from);
  }
}

void World::cut(int a, int b) {
  for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
    const auto at = links_.find({from, to});
    if (at == links_.end()) continue;
    const auto id = at->second.id;
    links_.erase(at);
    if ((*this)[from].core) (*this)[from].core->link_down(id);
  }
}

void World::cut_all(int node) {
  for (int other = 0; other < size(); ++other) cut(node, other);
}

void World::stall(int from, int to, bool on) {
  links_.at({from, to}).stalled = on;
  pump(from);
}

SubscriberId World::subscribe(int node, const std::string& pattern, std::size_t last,
                              std::size_t max_queued, const std::string& group) {
  const auto id = (*this)[node].core->subscribe(now, {{pattern}, group, last, true, max_queued});
  (*this)[node].got[*id];
  pump(node);
  return *id;
}

PublishId World::publish(int index, const std::string& topic, const std::string& text, Level want,
                         bool retain, Duration within) {
  Node& node = (*this)[index];
  const auto id = ++node.last_id;
  node.core->publish(now, id, {{topic, to_bytes(bytes_of(text))}, retain, want, within});
  pump(index);
  return id;
}

bool World::say(int from, int to, const Frame& frame) {
  const auto link = links_.at({to, from}).id;
  const Bytes framed = encode(frame);
  const bool good = (*this)[to].core->receive(now, link, ByteView(framed).subspan(2));
  pump(to);
  return good;
}

void World::later(Duration after, std::function<void()> what) {
  queue_.emplace(now + after, std::move(what));
}

void World::collect(int index, SubscriberId id) {
  Node& node = (*this)[index];
  while (const auto next = node.core->next(id)) {
    const auto& [placed, missed, retained] = *next;
    node.got[id].push_back({placed.batch->publisher, placed.batch->epoch, placed.sequence(),
                            placed.message().topic, std::string(text_of(placed.message().payload)),
                            missed, retained});
  }
}

void World::drain(int node, SubscriberId id) { collect(node, id); }

void World::pump(int index) {
  Node& node = (*this)[index];
  if (!node.core) return;
  while (const auto output = node.core->poll_output()) {
    if (const auto* rows = std::get_if<StoreRows>(&*output)) {
      const auto life = node.life;
      later(disk_delay, [this, index, life, rows = *rows] {
        Node& at = (*this)[index];
        if (!at.core || at.life != life) return;
        if (!at.disk_broken)
          for (const auto& row : rows.rows) {
            if (row.value)
              at.disk[row.key] = *row.value;
            else
              at.disk.erase(row.key);
          }
        at.core->stored(now, rows.id, !at.disk_broken);
        pump(index);
      });
    } else if (const auto* done = std::get_if<Published>(&*output)) {
      node.answers.emplace(done->id, done->result);
    } else if (const auto* waiting = std::get_if<Waiting>(&*output)) {
      if (!node.lazy.contains(waiting->subscriber)) collect(index, waiting->subscriber);
    }
  }
  pump_links(index);
}

void World::pump_links(int index) {
  Core& core = *(*this)[index].core;
  while (core.links().poll_busy()) {
  }
  for (auto& [ends, wire] : links_) {
    if (ends.first != index || wire.stalled) continue;
    while (const auto frame = core.links().front(wire.id)) {
      core.links().taken(wire.id);
      if (std::holds_alternative<Push>(*decode_frame(ByteView(*frame).subspan(2)))) ++pushes_;
      const int to = ends.second;
      const auto back = links_.at({to, index}).id;
      later(wire.delay, [this, index, to, back, frame] {
        const auto at = links_.find({to, index});
        if (at == links_.end() || at->second.id != back) return;
        if (!(*this)[to].core->receive(now, back, ByteView(*frame).subspan(2))) cut(to, index);
        pump(to);
      });
    }
    core.written(now);
  }
}

void World::run(Duration span) {
  run_until([] { return false; }, span);
}

bool World::run_until(const std::function<bool()>& done, Duration span) {
  const Instant end = now + span;
  for (;;) {
    if (done()) return true;
    std::optional<Instant> next;
    if (!queue_.empty()) next = queue_.begin()->first;
    for (const auto& node : nodes_)
      if (node->core)
        if (const auto at = node->core->poll_timeout(); at && (!next || *at < *next)) next = at;
    if (!next || *next > end) {
      now = end;
      return done();
    }
    now = std::max(now, *next);
    while (!queue_.empty() && queue_.begin()->first <= now) {
      auto what = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      what();
    }
    for (int i = 0; i < size(); ++i) {
      auto& core = (*this)[i].core;
      if (!core) continue;
      if (const auto at = core->poll_timeout(); at && *at <= now) {
        core->handle_timeout(now);
        pump(i);
      }
    }
  }
}

std::vector<std::string> World::texts(int node, SubscriberId id) const {
  std::vector<std::string> out;
  for (const auto& got : nodes_[static_cast<std::size_t>(node)]->got.at(id))
    out.push_back(got.text);
  return out;
}

bool World::in_order(int node, SubscriberId id) const {
  std::map<NodeId, std::pair<std::uint64_t, std::uint64_t>> last;
  for (const auto& got : nodes_[static_cast<std::size_t>(node)]->got.at(id)) {
    if (got.retained) continue;
    auto& seen = last[got.publisher];
    if (std::pair{got.epoch, got.sequence} <= seen) return false;
    seen = {got.epoch, got.sequence};
  }
  return true;
}

}  // namespace weft::broker::testing
