#include "overlay/post/post_office.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

#include "base/seeded_rng.hpp"

namespace weft::post {
namespace {

constexpr UnixTime kNow = 1'800'000'000;

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

struct Node final : Members {
  Node(Rng& rng, const NetworkId& network, const ByteArray<32>& secret, std::uint32_t n,
       const TrustView& trust)
      : identity(Identity::generate(rng)) {
    credential.key = crypto::X25519KeyPair::generate(rng);
    credential.certificate =
        Certificate::issue(identity, network, credential.key.public_key, 1, kNow);
    contact = {identity.id, identity.public_key(), credential.key.public_key,
               Endpoint::v4(0x0a000001U + n, 4000)};
    sealer =
        std::make_unique<RealSealer>(SealerSetup{network, secret, identity.public_key(), credential,
                                                 WallClock{Instant{}, kNow}, &trust, false});
    office = std::make_unique<PostOffice>(*sealer, *this, rng, identity.id);
  }
  std::optional<Contact> contact_of(const NodeId& node) const override {
    const auto found = contacts.find(node);
    return found == contacts.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<Way> session_with(const NodeId& node) const override {
    const auto found = sessions.find(node);
    return found == sessions.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<Direct> address_of(Instant, const NodeId& node) const override {
    const auto found = addresses.find(node);
    return found == addresses.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<NodeId> forwarders_to(const NodeId&) const override { return forwarders; }

  Identity identity;
  StaticCredential credential;
  Contact contact;
  std::unique_ptr<RealSealer> sealer;
  std::unique_ptr<PostOffice> office;
  std::map<NodeId, Contact> contacts;
  std::map<NodeId, Way> sessions;
  std::map<NodeId, Direct> addresses;
  std::vector<NodeId> forwarders;

  struct Got {
    NodeId from;
    Channel channel;
    std::string content;
    Endpoint at;
    std::optional<NodeId> by;
  };
  std::vector<Got> got;
};

struct PostOffices : ::testing::Test {
  PostOffices() {
    crypto::initialise();
    for (int i = 0; i < 4; ++i) add();
    for (auto& node : nodes)
      for (auto& other : nodes) node->contacts[other->identity.id] = other->contact;
  }
  Node& add(const ByteArray<32>& with = {}) {
    nodes.push_back(std::make_unique<Node>(rng, network, with,
                                           static_cast<std::uint32_t>(nodes.size()), roster));
    return *nodes.back();
  }
  void session(std::size_t a, std::size_t b) {
    nodes[a]->sessions[id(b)] = {PathId{1}, nodes[b]->contact.endpoint};
    nodes[b]->sessions[id(a)] = {PathId{1}, nodes[a]->contact.endpoint};
  }
  const NodeId& id(std::size_t n) const { return nodes[n]->identity.id; }
  bool send(std::size_t from, std::size_t to, std::string_view text,
            Channel channel = Channel::Membership) {
    return nodes[from]->office->send(now, id(to), channel, bytes_of(text));
  }
  void deliver(const Endpoint& from, const Endpoint& to, const Bytes& bytes) {
    for (auto& node : nodes) {
      if (node->contact.endpoint != to) continue;
      Datagram in;
      in.from = from;
      in.payload = bytes;
      if (const auto got = node->office->handle_datagram(now, in))
        node->got.push_back({got->message.sender, got->channel,
                             std::string(text_of(got->content())), got->from, got->by});
    }
  }
  // Until nobody has anything to send.
  void settle() {
    ByteArray<2048> buffer;
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& node : nodes) {
        while (const auto out = node->office->poll_transmit(buffer)) {
          moved = true;
          ++sent;
          last.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(out->size));
          if (!lost.contains(out->to)) deliver(node->contact.endpoint, out->to, Bytes(last));
        }
      }
    }
  }

  SeededRng rng{7};
  NetworkId network{};
  Roster roster;
  Instant now{1h};
  std::vector<std::unique_ptr<Node>> nodes;
  std::set<Endpoint> lost;  // what is sent there is lost
  int sent = 0;
  Bytes last;
};

TEST_F(PostOffices, AMessageTakesThePathOfALiveSession) {
  session(0, 1);
  nodes[0]->addresses[id(1)] = {Endpoint::v4(0x01010101, 1), true};
  ASSERT_TRUE(send(0, 1, "probe"));
  settle();
  ASSERT_EQ(nodes[1]->got.size(), 1U);
  const auto& got = nodes[1]->got[0];
  EXPECT_EQ(got.from, id(0));
  EXPECT_EQ(got.channel, Channel::Membership);
  EXPECT_EQ(got.content, "probe");
  EXPECT_EQ(got.at, nodes[0]->contact.endpoint);
  EXPECT_FALSE(got.by);
  EXPECT_EQ(nodes[0]->office->counters().by_session, 1U);
}

TEST_F(PostOffices, AProvenAddressIsEnough) {
  session(0, 2);
  nodes[0]->forwarders = {id(2)};
  nodes[0]->addresses[id(1)] = {nodes[1]->contact.endpoint, true};
  ASSERT_TRUE(send(0, 1, "probe"));
  settle();
  ASSERT_EQ(nodes[1]->got.size(), 1U);
  EXPECT_EQ(sent, 1);
  EXPECT_EQ(nodes[0]->office->counters().by_address, 1U);
}

TEST_F(PostOffices, TwoWithoutAWayToEachOtherTalkThroughAMemberThatBothReach) {
  session(0, 2);
  session(1, 2);
  nodes[0]->forwarders = {id(2)};
  nodes[1]->forwarders = {id(2)};
  ASSERT_TRUE(send(0, 1, "candidates", Channel::Path));
  settle();
  ASSERT_EQ(nodes[1]->got.size(), 1U);
  EXPECT_EQ(nodes[1]->got[0].from, id(0));
  EXPECT_EQ(nodes[1]->got[0].channel, Channel::Path);
  EXPECT_EQ(nodes[1]->got[0].content, "candidates");
  EXPECT_EQ(nodes[1]->got[0].at, Endpoint{});
  EXPECT_EQ(nodes[1]->got[0].by, id(2));
  EXPECT_TRUE(nodes[2]->got.empty());
  EXPECT_EQ(nodes[2]->office->counters().forwarded_on, 1U);
  ASSERT_TRUE(send(1, 0, "answer", Channel::Path));
  settle();
  ASSERT_EQ(nodes[0]->got.size(), 1U);
  EXPECT_EQ(nodes[0]->got[0].content, "answer");
}

TEST_F(PostOffices, AnUnprovenAddressIsTriedBesideAForwarderAndOneCopyIsDropped) {
  session(0, 2);
  session(1, 2);
  nodes[0]->forwarders = {id(2)};
  nodes[0]->addresses[id(1)] = {nodes[1]->contact.endpoint, false};
  ASSERT_TRUE(send(0, 1, "probe"));
  settle();
  EXPECT_EQ(sent, 3);
  EXPECT_EQ(nodes[1]->got.size(), 1U);
  EXPECT_EQ(nodes[1]->sealer->counters().replayed, 1U);
  // Where nothing arrives, the other copy does.
  nodes[0]->addresses[id(1)] = {Endpoint::v4(0x01010101, 1), false};
  ASSERT_TRUE(send(0, 1, "again"));
  settle();
  ASSERT_EQ(nodes[1]->got.size(), 2U);
  EXPECT_EQ(nodes[1]->got[1].content, "again");
}

TEST_F(PostOffices, TheLongestContentFitsAroundAndIntroducingBothSenders) {
  session(0, 2);
  session(1, 2);
  nodes[0]->forwarders = {id(2)};
  ASSERT_TRUE(send(0, 1, std::string(kMaxContent, 'x')));
  settle();
  ASSERT_EQ(nodes[1]->got.size(), 1U);
  EXPECT_EQ(nodes[1]->got[0].content.size(), kMaxContent);
}

TEST_F(PostOffices, WithoutAnyWayNothingIsSentAndItIsCounted) {
  EXPECT_FALSE(send(0, 1, "lost"));
  EXPECT_FALSE(send(0, 0, "to myself"));
  settle();
  EXPECT_EQ(sent, 0);
  EXPECT_EQ(nodes[0]->office->counters().no_way, 2U);
}

TEST_F(PostOffices, AForwarderBoundsWhatOneSenderMayAskFor) {
  session(0, 2);
  session(1, 2);
  session(3, 2);
  nodes[0]->forwarders = {id(2)};
  nodes[3]->forwarders = {id(2)};
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(send(0, 1, "probe"));
  settle();
  EXPECT_EQ(nodes[1]->got.size(), static_cast<std::size_t>(kForwardsPerSecond));
  EXPECT_EQ(nodes[2]->office->counters().forward_limited, 30U);
  ASSERT_TRUE(send(3, 1, "another's"));  // has an allowance of its own
  settle();
  EXPECT_EQ(nodes[1]->got.back().content, "another's");
  now += 1s;
  ASSERT_TRUE(send(0, 1, "later"));
  settle();
  EXPECT_EQ(nodes[1]->got.back().content, "later");
}

TEST_F(PostOffices, AForwarderBoundsTheBytesOfAMinute) {
  session(0, 2);
  session(1, 2);
  nodes[0]->forwarders = {id(2)};
  const std::string long_one(kMaxContent, 'x');
  std::size_t asked = 0;
  for (int i = 0; i < 200; ++i, now += 100ms, ++asked) {
    ASSERT_TRUE(send(0, 1, long_one));
    settle();
  }
  const auto passed = nodes[1]->got.size();
  EXPECT_LT(passed, asked);
  EXPECT_GE(passed * 800, static_cast<std::size_t>(kForwardBytesPerMinute) * 9 / 10);
  EXPECT_LE(passed * 800, static_cast<std::size_t>(kForwardBytesPerMinute) * 3 / 2);
}

TEST_F(PostOffices, AForwarderHandsNothingToWhomItHasNoSessionWith) {
  session(0, 2);
  nodes[0]->forwarders = {id(2)};
  nodes[2]->addresses[id(1)] = {nodes[1]->contact.endpoint, true};
  ASSERT_TRUE(send(0, 1, "probe"));
  settle();
  EXPECT_TRUE(nodes[1]->got.empty());
  EXPECT_EQ(nodes[2]->office->counters().forward_no_way, 1U);
}

TEST_F(PostOffices, NobodySpeaksForAnother) {
  session(0, 2);
  session(1, 2);
  nodes[0]->forwarders = {id(2)};
  ASSERT_TRUE(send(0, 1, "mine"));
  settle();
  const Bytes inner = [&] {  // what 3 would send 1, sealed by 3 itself
    Bytes out(2048);
    out.resize(nodes[3]->sealer->seal(nodes[1]->contact,
                                      {bytes_of("\x02as 0"), rng.bytes<24>(), {}, true, 0}, out));
    return out;
  }();
  const auto wrap = [&](const NodeId& from, ByteView what) {
    Bytes out(2048);
    const Bytes body = Forward{Forward::Type::Forwarded, from, what}.encode();
    out.resize(
        nodes[2]->sealer->seal(nodes[1]->contact, {body, rng.bytes<24>(), {}, true, 0}, out));
    deliver(nodes[2]->contact.endpoint, nodes[1]->contact.endpoint, out);
  };
  wrap(id(0), inner);
  EXPECT_EQ(nodes[1]->got.size(), 1U);
  EXPECT_EQ(nodes[1]->office->counters().forward_refused, 1U);
  // The control: said to be from whom it is from.
  const Bytes honest = [&] {
    Bytes out(2048);
    out.resize(nodes[3]->sealer->seal(nodes[1]->contact,
                                      {bytes_of("\x02as 3"), rng.bytes<24>(), {}, true, 0}, out));
    return out;
  }();
  wrap(id(3), honest);
  ASSERT_EQ(nodes[1]->got.size(), 2U);
  EXPECT_EQ(nodes[1]->got[1].from, id(3));
}

TEST_F(PostOffices, AForwardedMessageIsNotForwardedOn) {
  session(0, 2);
  session(1, 2);
  session(1, 3);
  Bytes inner(2048);
  const Bytes order = Forward{Forward::Type::Forward, id(3), bytes_of("any")}.encode();
  inner.resize(
      nodes[0]->sealer->seal(nodes[1]->contact, {order, rng.bytes<24>(), {}, true, 0}, inner));
  const Bytes body = Forward{Forward::Type::Forwarded, id(0), inner}.encode();
  Bytes out(2048);
  out.resize(nodes[2]->sealer->seal(nodes[1]->contact, {body, rng.bytes<24>(), {}, true, 0}, out));
  deliver(nodes[2]->contact.endpoint, nodes[1]->contact.endpoint, out);
  settle();
  EXPECT_EQ(sent, 0);
  EXPECT_EQ(nodes[1]->office->counters().forward_refused, 1U);
}

TEST_F(PostOffices, WhoWasRemovedIsNeitherHeardNorForwardedFor) {
  session(0, 2);
  session(1, 2);
  nodes[0]->forwarders = {id(2)};
  roster.removed.insert(id(0));
  ASSERT_TRUE(send(0, 1, "let me in"));
  settle();
  EXPECT_TRUE(nodes[1]->got.empty());
  EXPECT_EQ(nodes[2]->sealer->counters().not_member, 1U);
}

TEST_F(PostOffices, AnotherNetworksDatagramIsRefusedAtItsGate) {
  ByteArray<32> other{};
  other.fill(9);
  Node& stranger = add(other);
  Bytes out(2048);
  out.resize(stranger.sealer->seal(nodes[1]->contact,
                                   {bytes_of("\x02hello"), rng.bytes<24>(), {}, true, 0}, out));
  deliver(stranger.contact.endpoint, nodes[1]->contact.endpoint, out);
  EXPECT_TRUE(nodes[1]->got.empty());
  EXPECT_EQ(nodes[1]->sealer->counters().bad_gate, 1U);
}

// One daemon, two networks: each datagram finds its own.
TEST_F(PostOffices, ADatagramFindsItsNetwork) {
  ByteArray<32> other{};
  other.fill(9);
  Node& friend_there = add(other);
  Node& we_there = add(other);
  std::vector<PostOffice*> both{nodes[0]->office.get(), we_there.office.get()};
  for (const bool hello : {true, false}) {
    Bytes out(2048);
    out.resize(friend_there.sealer->seal(we_there.contact,
                                         {bytes_of("\x02hi"), rng.bytes<24>(), {}, hello, 0}, out));
    PostOffice* office = addressee(both, out);
    EXPECT_EQ(office, we_there.office.get());
    Datagram in;
    in.payload = out;
    EXPECT_TRUE(office->handle_datagram(now, in));
    Bytes here(2048);
    here.resize(nodes[1]->sealer->seal(nodes[0]->contact,
                                       {bytes_of("\x02hi"), rng.bytes<24>(), {}, hello, 0}, here));
    office = addressee(both, here);
    EXPECT_EQ(office, nodes[0]->office.get());
    in.payload = here;
    EXPECT_TRUE(office->handle_datagram(now, in));
  }
}

// Each shows its certificate until the other says that it holds it.
TEST_F(PostOffices, CertificatesAreShownUntilTheyAreKnown) {
  session(0, 1);
  const auto size_of = [&](std::size_t from, std::size_t to) {
    EXPECT_TRUE(send(from, to, "word"));
    settle();
    return last.size();
  };
  const auto shown = size_of(0, 1);
  EXPECT_EQ(size_of(1, 0), shown);  // it has not heard that its own is known
  const auto known = size_of(0, 1);
  EXPECT_LT(known, shown);
  EXPECT_EQ(size_of(1, 0), known);
  EXPECT_EQ(size_of(0, 1), known);
  EXPECT_EQ(nodes[1]->got.size(), 3U);
  EXPECT_EQ(nodes[0]->got.size(), 2U);
  now += kGreetAgain;
  EXPECT_EQ(size_of(0, 1), shown);
}

// A node that starts anew has lost our key: it is greeted again, and hears us.
TEST_F(PostOffices, WhoStartsAnewIsGreetedAgain) {
  session(0, 1);
  for (int i = 0; i < 2; ++i) {
    send(0, 1, "word");
    settle();
    send(1, 0, "word");
    settle();
  }
  Node& again = *nodes[1];
  again.sealer = std::make_unique<RealSealer>(SealerSetup{network,
                                                          {},
                                                          again.identity.public_key(),
                                                          again.credential,
                                                          WallClock{Instant{}, kNow},
                                                          &roster,
                                                          false});
  again.office = std::make_unique<PostOffice>(*again.sealer, again, rng, again.identity.id);
  again.got.clear();
  send(0, 1, "lost");
  settle();
  EXPECT_TRUE(again.got.empty());  // under a key it does not know
  send(1, 0, "here I am");
  settle();
  EXPECT_EQ(nodes[0]->got.back().content, "here I am");
  send(0, 1, "found");
  settle();
  ASSERT_EQ(again.got.size(), 1U);
  EXPECT_EQ(again.got[0].content, "found");
  now += kGreetAgain;
  send(0, 1, "later");
  settle();
  EXPECT_EQ(again.got.back().content, "later");
}

TEST(Forward, HasTheBytesOfItsPage) {
  NodeId to;
  to.bytes.fill(0xab);
  const Bytes inner{0x04, 0x01};
  const Bytes body = Forward{Forward::Type::Forward, to, inner}.encode();
  std::string id;
  for (int i = 0; i < 32; ++i) id += "ab";
  EXPECT_EQ(to_hex(body), "049301c420" + id + "c4020401");
  const auto read = Forward::decode(ByteView(body).subspan(1));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->node, to);
  EXPECT_EQ(to_bytes(read->inner), inner);
  EXPECT_FALSE(Forward::decode({}));
  Bytes other = body;
  other[2] = 3;  // of another type
  EXPECT_EQ(Forward::decode(ByteView(other).subspan(1)).error().code, Errc::Unsupported);
  for (std::size_t size = 1; size < body.size(); ++size)
    EXPECT_FALSE(Forward::decode(ByteView(body).first(size).subspan(1))) << size;
}

}  // namespace
}  // namespace weft::post
