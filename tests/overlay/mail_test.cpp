// A part's Seal on its way to the same part of another node: by the path of a live session, to an
// address of the member, and through a member that has a session with both.
#include <gtest/gtest.h>

#include <vector>

#include "base/sealed.hpp"
#include "overlay/network.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

constexpr std::uint8_t kChannel = 9;  // of no part
constexpr std::uint8_t kNobodys = 10;
constexpr std::uint8_t kChannels[] = {kChannel};

// Says what it is told to and keeps what it hears.
class Postcards final : public Part {
 public:
  using Part::Part;
  [[nodiscard]] Interests interests() const override { return {.channels = kChannels}; }
  void handle_sealed(Instant, const SealedIn& in) override {
    heard.push_back({in.from, in.remote, in.by, std::string(text_of(in.body))});
  }
  void say(const NodeId& to, std::uint8_t channel, std::string_view text) {
    put(Seal{to, channel, to_bytes(bytes_of(text))});
  }
  struct Heard {
    NodeId from;
    Endpoint remote;
    std::optional<NodeId> by;
    std::string text;
  };
  std::vector<Heard> heard;
};

bool is_sealed(ByteView bytes) { return !bytes.empty() && bytes[0] == sealed::kFirstByte; }

// a let b and c in. While apart, b and c have no session: `direct` says whether what is sealed
// passes between them all the same.
struct ThreeWithPost {
  ThreeWithPost() {
    world.bring_in(a, b);
    world.tap = [this](const Node& from, const Node& to, ByteView bytes) {
      const bool between = &from != &a && &to != &a;
      if (between && apart && !(direct && is_sealed(bytes))) return false;
      return between || !no_forwarder || !is_sealed(bytes);
    };
  }
  void bring_in_c() {
    world.bring_in(a, c);
    EXPECT_TRUE(world.run_until([&] { return world.linked(a, c) && world.linked(a, b); }));
    for (Node* node : {&a, &b, &c}) {
      node->overlay->set_relay(world.now, {.mode = RelaySettings::Mode::Off});  // apart is apart
      auto* network = node->overlay->home();
      parts.push_back(std::make_unique<Postcards>(network->beside()));
      network->seat(Room::Membership, *parts.back());
    }
    world.run(5s);
    EXPECT_EQ(world.linked(b, c), !apart);
  }
  Postcards& part(const Node& node) { return *parts[static_cast<std::size_t>(node.index)]; }
  const Mail& mail(const Node& node) { return *node.overlay->mail(); }
  const post::PostCounters& post(const Node& node) { return mail(node).office().counters(); }
  void say(Node& from, const Node& to, std::string_view text, std::uint8_t channel = kChannel) {
    part(from).say(to.identity.id, channel, text);
    from.overlay->settle(world.now);
    world.run(1s);
  }

  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  bool apart = false;
  bool direct = false;
  bool no_forwarder = false;
  std::vector<std::unique_ptr<Postcards>> parts;
};

TEST(Mail, ASealGoesByThePathOfTheSession) {
  ThreeWithPost t;
  t.bring_in_c();
  t.say(t.b, t.c, "hello");
  ASSERT_EQ(t.part(t.c).heard.size(), 1u);
  const auto& heard = t.part(t.c).heard.front();
  EXPECT_EQ(heard.from, t.b.identity.id);
  EXPECT_EQ(heard.text, "hello");
  EXPECT_EQ(heard.remote, t.b.endpoint);
  EXPECT_FALSE(heard.by);
  EXPECT_GE(t.post(t.b).by_session, 1u);  // membership speaks as well
  EXPECT_EQ(t.post(t.b).by_forwarder, 0u);
  EXPECT_TRUE(t.part(t.a).heard.empty());
  t.say(t.c, t.b, "hello too");
  ASSERT_EQ(t.part(t.b).heard.size(), 1u);
  EXPECT_EQ(t.part(t.b).heard.front().text, "hello too");
}

TEST(Mail, WithoutASessionItGoesToAnAddressOfTheMember) {
  ThreeWithPost t;
  t.apart = t.direct = true;
  t.bring_in_c();
  t.no_forwarder = true;
  t.say(t.b, t.c, "straight");
  ASSERT_EQ(t.part(t.c).heard.size(), 1u);
  EXPECT_EQ(t.part(t.c).heard.front().remote, t.b.endpoint);
  EXPECT_FALSE(t.part(t.c).heard.front().by);
  EXPECT_GE(t.post(t.b).by_address, 1u);
}

TEST(Mail, WithoutAnyWayOfTheirOwnItGoesThroughAMemberThatHasOne) {
  ThreeWithPost t;
  t.apart = true;
  t.bring_in_c();
  t.say(t.b, t.c, "around");
  ASSERT_EQ(t.part(t.c).heard.size(), 1u);
  const auto& heard = t.part(t.c).heard.front();
  EXPECT_EQ(heard.from, t.b.identity.id);
  EXPECT_EQ(heard.by, t.a.identity.id);
  EXPECT_TRUE(heard.remote.is_unspecified());
  EXPECT_EQ(heard.text, "around");
  EXPECT_GE(t.post(t.a).forwarded_on, 1u);
  EXPECT_GE(t.post(t.c).forwarded_in, 1u);
  EXPECT_TRUE(t.part(t.a).heard.empty());
  // Its address beside the forwarder: the copy is dropped.
  t.direct = true;
  t.say(t.b, t.c, "twice");
  EXPECT_EQ(t.part(t.c).heard.size(), 2u);
}

TEST(Mail, NothingGoesToWhoIsNoMemberAnyMore) {
  ThreeWithPost t;
  t.bring_in_c();
  t.say(t.b, t.c, "one");
  ASSERT_EQ(t.part(t.c).heard.size(), 1u);
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->remove_node(t.world.now, "c")));
  t.world.run(2s);
  t.say(t.b, t.c, "two");
  t.say(t.c, t.b, "three");
  EXPECT_EQ(t.part(t.c).heard.size(), 1u);
  EXPECT_TRUE(t.part(t.b).heard.empty());
  EXPECT_GE(t.post(t.b).no_way, 1u);
}

TEST(Mail, WhatNobodyClaimsOrWhatIsTooLongIsCounted) {
  ThreeWithPost t;
  t.bring_in_c();
  t.say(t.b, t.c, "for nobody", kNobodys);
  EXPECT_TRUE(t.part(t.c).heard.empty());
  EXPECT_EQ(t.mail(t.c).counters().unclaimed, 1u);
  t.say(t.b, t.c, std::string(post::kMaxContent, 'x'));
  EXPECT_EQ(t.part(t.c).heard.size(), 1u);
  t.say(t.b, t.c, std::string(post::kMaxContent + 1, 'x'));
  EXPECT_EQ(t.part(t.c).heard.size(), 1u);
  EXPECT_EQ(t.mail(t.b).counters().too_long, 1u);
}

}  // namespace
}  // namespace weft::overlay::testing
