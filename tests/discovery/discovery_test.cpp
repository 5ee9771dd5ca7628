#include "overlay/discovery/discovery.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

#include "base/seeded_rng.hpp"
#include "overlay/post/real_sealer.hpp"

namespace weft::discovery {
namespace {

constexpr UnixTime kWall = 1'800'000'000;

class Roster final : public TrustView {
 public:
  Verdict verdict(const NetworkId&, const NodeId& node, UnixTime) const override {
    return removed.contains(node) ? Verdict::Removed : Verdict::Member;
  }
  std::uint64_t epoch_floor(const NetworkId&, const NodeId&) const override { return 0; }
  std::optional<std::string> name_of(const NetworkId&, const NodeId&) const override { return {}; }
  std::optional<NodeId> node_named(const NetworkId&, const std::string&) const override {
    return {};
  }
  bool in_group(const NetworkId&, const NodeId&, const std::string&) const override {
    return false;
  }
  std::set<NodeId> removed;
};

// One node: its discovery, and a post that carries sealed datagrams at once.
struct Node final : Members {
  Node(Instant now, Rng& rng, const TrustView& trust, std::uint32_t n)
      : identity(Identity::generate(rng)), endpoint(Endpoint::v4(0x0a000001U + n, 4000)) {
    credential.key = crypto::X25519KeyPair::generate(rng);
    credential.certificate = Certificate::issue(identity, {}, credential.key.public_key, 1, kWall);
    const WallClock wall{Instant{}, kWall};
    sealer.emplace(
        post::SealerSetup{{}, {}, identity.public_key(), credential, wall, &trust, false});
    core.emplace(now, Setup{{}, {}, identity, credential, trust, *sealer, *this, rng, wall});
    core->set_addresses(now, {endpoint});
  }
  std::size_t sessions_up() const override {
    return static_cast<std::size_t>(std::ranges::count_if(peers, &Known::up));
  }
  std::vector<Known> known() const override { return peers; }
  std::vector<NodeId> sought() const override { return wanted; }

  Known as_known(bool up) const {
    return {identity.id, identity.public_key(), credential.certificate, {endpoint}, up};
  }
  template <class E>
  const E* event() const {
    for (auto it = events.rbegin(); it != events.rend(); ++it)
      if (const E* found = std::get_if<E>(&*it)) return found;
    return nullptr;
  }

  Identity identity;
  Endpoint endpoint;
  StaticCredential credential;
  std::optional<post::RealSealer> sealer;
  std::optional<Discovery> core;
  std::vector<Known> peers;
  std::vector<NodeId> wanted;
  std::vector<Event> events;
  bool dead = false;
};

struct DiscoveryTest : ::testing::Test {
  DiscoveryTest() { crypto::initialise(); }

  Node& add() {
    nodes.push_back(
        std::make_unique<Node>(now, rng, roster, static_cast<std::uint32_t>(nodes.size())));
    return *nodes.back();
  }
  // b has a session with a, which both know of.
  static void session(Node& a, Node& b) {
    a.peers.push_back(b.as_known(true));
    b.peers.push_back(a.as_known(true));
  }
  void run(Duration duration) {
    for (const Instant end = now + duration; now < end; now += 100ms)
      for (auto& node : nodes) {
        if (node->dead) continue;
        if (*node->core->poll_timeout() <= now) node->core->handle_timeout(now);
        settle();
      }
  }
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& node : nodes) {
        while (const auto out = node->core->poll_message()) {
          moved = true;
          Bytes datagram(sealed::kMaxDatagram);
          datagram.resize(node->sealer->seal(*out->to, out->to_seal(), datagram));
          const Endpoint from = node->endpoint;
          deliver(from, out->to->endpoint, datagram);
        }
        while (auto event = node->core->poll_event()) {
          moved = true;
          if (const auto* beacon = std::get_if<SendBeacon>(&*event); beacon != nullptr && lan)
            for (auto& other : nodes)
              if (other != node && !other->dead)
                other->core->handle_beacon(now, beacon->beacon, node->endpoint);
          node->events.push_back(std::move(*event));
        }
      }
    }
  }
  void deliver(const Endpoint& from, const Endpoint& to, const Bytes& datagram) {
    for (auto& node : nodes) {
      if (node->dead || node->endpoint != to) continue;
      const auto message = node->sealer->open(now, datagram);
      if (message) node->core->handle_message(now, {from, datagram.size(), *message});
    }
  }
  static Question question(Question::Action action, std::string key) {
    Question out;
    out.action = action;
    out.key = std::move(key);
    return out;
  }

  SeededRng rng{5};
  Roster roster;
  Instant now{1h};
  std::vector<std::unique_ptr<Node>> nodes;
  bool lan = false;
};

TEST_F(DiscoveryTest, TwoThatNeverMetFindEachOtherByAThird) {
  Node& a = add();
  Node& b = add();
  Node& c = add();
  session(a, b);
  session(b, c);
  run(5s);
  EXPECT_TRUE(b.core->dht().is_server());
  a.wanted = {c.identity.id};
  a.core->members_changed(now);
  run(5s);
  const auto* found = a.event<MemberFound>();
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->certificate.node(), c.identity.id);
  EXPECT_EQ(udp_endpoints(found->addresses), std::vector{c.endpoint});
  EXPECT_GE(a.core->counters().found, 1U);
}

TEST_F(DiscoveryTest, ANodeThatMovedIsFoundAtItsNewAddress) {
  Node& a = add();
  Node& b = add();
  Node& c = add();
  session(a, b);
  session(b, c);
  run(5s);
  c.endpoint = Endpoint::v4(0x0a0000ff, 4000);
  c.core->set_addresses(now, {c.endpoint});
  run(3s);
  a.wanted = {c.identity.id};
  a.core->members_changed(now);
  run(5s);
  const auto* found = a.event<MemberFound>();
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(udp_endpoints(found->addresses), std::vector{c.endpoint});
}

TEST_F(DiscoveryTest, NeighboursOnALanNeedNoAddress) {
  lan = true;
  Node& a = add();
  Node& b = add();
  run(2s);
  const auto* heard = a.event<MemberHeard>();
  ASSERT_NE(heard, nullptr);
  EXPECT_EQ(heard->certificate.node(), b.identity.id);
  EXPECT_EQ(heard->endpoint, b.endpoint);
  run(3s);
  EXPECT_EQ(a.core->dht().table_size(), 1U);  // and so the DHT begins
}

TEST_F(DiscoveryTest, WhoWasRemovedLeavesTheTablesAtOnce) {
  Node& a = add();
  Node& b = add();
  session(a, b);
  run(5s);
  ASSERT_TRUE(a.core->dht().knows(b.identity.id));
  roster.removed.insert(b.identity.id);
  a.core->roster_changed(now);
  EXPECT_FALSE(a.core->dht().knows(b.identity.id));
}

TEST_F(DiscoveryTest, TheLastRunsPeersAreWhereTheNextOneBegins) {
  Node& a = add();
  Node& b = add();
  session(a, b);
  run(11min);
  const auto* keep = a.event<KeepPeers>();
  ASSERT_NE(keep, nullptr);
  Node& again = add();  // another node, which knows nobody
  again.core->load_peers(keep->contacts);
  Bytes cut = keep->contacts;
  cut.resize(cut.size() - 1);
  again.core->load_peers(cut);  // what is malformed is left out
  run(5s);
  EXPECT_TRUE(again.core->dht().knows(b.identity.id));
}

TEST_F(DiscoveryTest, AnAddressThatTwoMembersNameIsToldToAll) {
  Node& a = add();
  const Endpoint nat = Endpoint::v4(0xc0000201, 7000);
  NodeId one, two;
  one.bytes.fill(1);
  two.bytes.fill(2);
  a.core->observed(now, one, nat);
  settle();
  EXPECT_TRUE(a.event<SeenAt>() == nullptr || a.event<SeenAt>()->candidates.empty());
  a.core->observed(now, two, nat);
  settle();
  ASSERT_NE(a.event<SeenAt>(), nullptr);
  EXPECT_EQ(a.event<SeenAt>()->candidates, std::vector{nat});
  EXPECT_FALSE(a.core->dht().is_server());  // somebody translates between
  a.core->observed(now, two, a.endpoint);
  EXPECT_TRUE(a.core->dht().is_server());
}

TEST_F(DiscoveryTest, QuestionsOfPeopleAreAnswered) {
  using Action = Question::Action;
  Node& a = add();
  Node& b = add();
  Node& c = add();
  session(a, b);
  session(b, c);
  c.core->set_services(now, {"blog"});
  run(5s);
  auto put = question(Action::Put, {});
  put.value = "hello";
  const auto put_id = a.core->ask(now, put);
  run(5s);
  ASSERT_NE(a.event<Answer>(), nullptr);
  EXPECT_EQ(a.event<Answer>()->id, put_id);
  ASSERT_TRUE(a.event<Answer>()->found) << a.event<Answer>()->unanswered.why;
  const auto key = to_hex(a.event<Answer>()->found->key.view());

  b.core->ask(now, question(Action::Get, key));
  run(5s);
  ASSERT_TRUE(b.event<Answer>()->found);
  EXPECT_EQ(b.event<Answer>()->found->value, "hello");

  a.core->ask(now, question(Action::Get, "service:blog"));
  run(5s);
  ASSERT_TRUE(a.event<Answer>()->found);
  EXPECT_EQ(a.event<Answer>()->found->providers, std::vector{c.identity.id});

  a.core->ask(now, question(Action::Lookup, to_text(c.identity.id)));
  run(5s);
  ASSERT_TRUE(a.event<Answer>()->found);
  EXPECT_EQ(a.event<Answer>()->found->endpoints, std::vector{c.endpoint});

  a.core->ask(now, question(Action::Get, std::string(64, '0')));
  run(5s);
  ASSERT_FALSE(a.event<Answer>()->found);
  EXPECT_EQ(a.event<Answer>()->unanswered.code, Errc::NotFound);
  a.core->ask(now, question(Action::Get, "no such thing"));
  run(1s);
  ASSERT_FALSE(a.event<Answer>()->found);
  EXPECT_EQ(a.event<Answer>()->unanswered.code, Errc::Usage);
}

TEST_F(DiscoveryTest, QuestionsAreBounded) {
  Node& a = add();
  Node& b = add();
  session(a, b);
  run(5s);
  b.dead = true;  // so that nothing is answered at once
  for (int i = 0; i < 200; ++i)
    a.core->ask(now, question(Question::Action::Get, std::string(64, 'a')));
  settle();
  const auto busy = std::ranges::count_if(a.events, [](const Event& event) {
    const auto* answer = std::get_if<Answer>(&event);
    return answer != nullptr && !answer->found && answer->unanswered.code == Errc::Busy;
  });
  EXPECT_GE(static_cast<std::size_t>(busy), 200 - Questions::kAtOnce);
}

}  // namespace
}  // namespace weft::discovery
