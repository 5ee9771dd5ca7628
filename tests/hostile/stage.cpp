#include "tests/hostile/stage.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::overlay::testing {

namespace {

constexpr Duration kCallEvery = 2s;

std::vector<std::string> rights(Right right) {
  switch (right) {
    case Right::None:
      return {"relay"};
    case Right::Expose:
      return {"expose"};
    case Right::Admin:
      return {"expose", "admin"};
  }
  return {};
}

bool names(const Node& node, const Node& member) {
  return std::ranges::any_of(node.overlay->members(),
                             [&](const MemberView& view) { return view.id == member.identity.id; });
}

std::vector<NodeId> ids(const Node& node) {
  std::vector<NodeId> out;
  for (const auto& member : node.overlay->members()) out.push_back(member.id);
  std::ranges::sort(out);
  return out;
}

harness::LinkOptions weather(std::uint64_t seed) {
  harness::LinkOptions link;
  link.delay = 2ms + std::chrono::milliseconds(seed % 7);
  link.bits_per_second = 20'000'000;  // an uplink at home: who is told much has a queue
  link.loss_permille = static_cast<std::uint32_t>(seed % 3) * 5;
  return link;
}

}  // namespace

Stage::Stage(std::uint64_t seed, Right right)
    : world(seed, weather(seed)),
      a(world.add("a")),
      b(world.add("b")),
      c(world.add("c")),
      m(world.add("m")) {
  world.bring_in(a, b, {"expose", "admin"});
  world.bring_in(a, c);
  world.bring_in(b, m, rights(right));
  WEFT_ASSERT(world.run_until([&] { return world.linked(b, c) && world.linked(a, m); }, 30s));
  for (Node* node : {&a, &b}) {
    WEFT_ASSERT(world.expose(*node, "web", {"*"}).has_value());
    WEFT_ASSERT(world.expose(*node, "private").has_value());
    WEFT_ASSERT(world.expose(*node, "sink", {"*"}).has_value());
    node->standing.insert("sink");
  }
  world.run(1s);
  make_puppet(seed);
  for (Node* node : honest()) node->events.clear();
}

void Stage::make_puppet(std::uint64_t seed) {
  const auto keys = m.overlay->network_keys();
  WEFT_ASSERT(keys.has_value());
  std::vector<Row> rows;
  for (const auto& [key, value] : m.disk)
    if (std::get<0>(key) == Table::Roster || std::get<0>(key) == Table::Epoch ||
        std::get<0>(key) == Table::Network)
      rows.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), value});
  auto roster = roster::Roster::from_rows(keys->network, rows);
  WEFT_ASSERT(roster.has_value());
  const auto network = *keys;
  world.crash(m);
  puppet_ = std::make_unique<Puppet>(m, network, std::move(*roster), seed ^ 0xbadbad);
  for (Node* node : honest()) puppet_->aim_at(*node, node != &c);
  m.endpoint = Endpoint::v4(0x0affff01, 1);  // the puppet is reached there now
  world.guest = puppet_.get();
  world.run(2s);
}

void Stage::violation(const std::string& what) {
  std::string text = what + ", after " + std::to_string((world.now - began_) / 1ms) + " ms of:";
  for (const auto* misdeed : acting_) text += " " + std::string(misdeed->name) + ",";
  text.pop_back();
  if (violations_.size() < 20) violations_.push_back(std::move(text));
}

void Stage::act(Duration span, std::vector<const Misdeed*> what) {
  began_ = world.now;
  acting_ = std::move(what);
  puppet_->deaf = puppet_->mute = false;
  puppet_->reads = true;
  puppet_->misdeed = [this](Instant now, Puppet& puppet) {
    for (const auto* misdeed : acting_) misdeed->act(now, puppet);
  };
  const Instant until = world.now + span;
  while (world.now < until) {
    call(c, a);
    call(c, b);
    call(a, b);
    look();
    world.run(std::min<Duration>(kCallEvery, std::max<Duration>(until - world.now, 1ms)));
  }
  look();
  for (const Node* node : honest())  // while m acts, news is under way
    if (acting_.empty() && ids(*node) != ids(a))
      violation(node->name + " and a disagree who is a member");
}

void Stage::call(Node& from, Node& to) {
  const Instant start = world.now;
  const auto id = from.overlay->connect(start, "web", to.name);
  const auto about = from.name + "'s call of web@" + to.name;
  const auto ready = [&] { return from.stream_of(id) || from.connect_error(id); };
  if (!world.run_until(ready, kCallBound) || from.connect_error(id))
    return violation(about + " found no way");
  const auto key = *from.stream_of(id);
  world.say(from, key, "hello");
  Client& client = from.clients.at(key);
  const auto answered = [&] {
    return client.received == "hello" || client.reset || client.refused;
  };
  if (!world.run_until(answered, kCallBound) || client.received != "hello")
    violation(about + (client.reset ? " was reset" : client.refused ? " was refused" : " hangs"));
  from.overlay->sessions().finish(world.now, key.session, key.stream);
}

void Stage::look() {
  for (Node* node : honest()) {
    for (const auto& down : node->of<PeerDown>())
      if (down.peer != m.identity.id)
        violation(node->name + " lost its session with " + down.name + ": " + down.detail);
    for (const auto& inbound : node->of<InboundStream>())
      if (inbound.exposure.name == "private") violation("somebody reached private@" + node->name);
    for (const Node* member : honest())
      if (!names(*node, *member)) violation(node->name + " does not know " + member->name);
    if (names(*node, m) == removed_) violation(node->name + (removed_ ? " has m" : " lost m"));
    if (removed_ && !std::ranges::includes(left_, ids(*node)))
      violation(node->name + " has whom m admitted later");
    node->events.clear();
  }
  if (a.overlay->role() != "admin") violation("the founder is " + a.overlay->role());
}

void Stage::remove_m() {
  const auto removal = world.finish(a, a.overlay->remove_node(world.now, "m"), kRemovalBound);
  if (!removal) return violation("m is not removed: " + removal.error().detail);
  removed_ = true;
  left_ = ids(a);  // whom m let in before, and a kept, may stay
  const auto out = [&] {
    return std::ranges::none_of(honest(), [&](Node* node) { return names(*node, m); });
  };
  if (!world.run_until(out, kRemovalBound)) violation("the removal does not get through");
  world.run(1s);
}

}  // namespace weft::overlay::testing
