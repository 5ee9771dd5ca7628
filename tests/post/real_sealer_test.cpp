#include "overlay/post/real_sealer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/seeded_rng.hpp"
#include "dht/dht.hpp"
#include "dht/guard.hpp"
#include "dht/message.hpp"
#include "dht/routing_table.hpp"
#include "overlay/post/lone_dht.hpp"

namespace weft::post {
namespace {

using namespace dht;

constexpr UnixTime kNow = 1'800'000'000;

class OneRemoved final : public TrustView {
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

class CountingCrypto final : public sealed::Crypto {
 public:
  std::optional<sealed::SharedKey> shared_key(const crypto::Key32& own, const crypto::Key32& peer,
                                              const NetworkId& network) const override {
    ++dh;
    return sealed::real_crypto().shared_key(own, peer, network);
  }
  Result<Certificate> certificate(ByteView bytes) const override {
    ++signatures;
    return sealed::real_crypto().certificate(bytes);
  }
  ByteArray<sealed::kGateSize> gate(const sealed::GateKey& key, ByteView datagram) const override {
    return sealed::real_crypto().gate(key, datagram);
  }
  void seal(const sealed::SharedKey& key, const Nonce& nonce, ByteView ad, ByteView plaintext,
            MutableByteView out) const override {
    sealed::real_crypto().seal(key, nonce, ad, plaintext, out);
  }
  bool open(const sealed::SharedKey& key, const Nonce& nonce, ByteView ad, ByteView ciphertext,
            MutableByteView out) const override {
    return sealed::real_crypto().open(key, nonce, ad, ciphertext, out);
  }
  mutable int dh = 0;
  mutable int signatures = 0;
};

// Daemons as they are: each with its own book and real keys.
struct Node {
  Node(Rng& rng, const Config& config, const NetworkId& network, const ByteArray<32>& secret,
       std::uint32_t n, const TrustView* trust)
      : identity(Identity::generate(rng)) {
    credential.key = crypto::X25519KeyPair::generate(rng);
    credential.certificate =
        Certificate::issue(identity, network, credential.key.public_key, 1, kNow);
    contact = {identity.id, identity.public_key(), credential.key.public_key,
               Endpoint::v4(0x0a000001U + n, 4000)};
    const WallClock wall{Instant{}, kNow};
    sealer = std::make_unique<RealSealer>(SealerSetup{network, secret, identity.public_key(),
                                                      credential, wall, trust, false, crypto});
    dht = std::make_unique<Dht>(Instant{},
                                DhtSetup{config, book, *sealer, rng, network, contact, wall, true});
    port = std::make_unique<LoneDht>(*sealer, *dht);
  }
  Identity identity;
  StaticCredential credential;
  Contact contact;
  ContactBook book{ContactBook::HashKey{}};
  CountingCrypto crypto;
  std::unique_ptr<RealSealer> sealer;
  std::unique_ptr<Dht> dht;
  std::unique_ptr<LoneDht> port;
  std::vector<DhtEvent> events;
};

struct Lan {
  explicit Lan(std::size_t count) {
    crypto::initialise();
    for (std::size_t i = 0; i < count; ++i) add(secret);
  }
  Node& add(const ByteArray<32>& with) {
    nodes.push_back(std::make_unique<Node>(rng, config, network, with,
                                           static_cast<std::uint32_t>(nodes.size()), &trust));
    return *nodes.back();
  }
  // Instant delivery, deadlines every 50 ms.
  void run(Duration duration) {
    for (const Instant end = now + duration; now < end; now += 50ms) {
      for (auto& node : nodes) node->dht->handle_timeout(now);
      for (bool moved = true; moved;) {
        moved = false;
        for (auto& node : nodes) moved |= drain(*node);
      }
    }
  }
  bool drain(Node& node) {
    bool moved = false;
    ByteArray<2048> buffer;
    while (const auto out = node.port->poll_transmit(now, buffer)) {
      moved = true;
      const Bytes bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(out->size));
      for (auto& other : nodes) {
        if (other->contact.endpoint != out->to) continue;
        Datagram in;
        in.from = node.contact.endpoint;
        in.payload = bytes;
        other->port->handle_datagram(now, in);
      }
    }
    while (auto event = node.dht->poll_event()) node.events.push_back(std::move(*event));
    return moved;
  }
  template <class E>
  const E* event(Node& node) {
    for (const auto& event : node.events)
      if (const E* found = std::get_if<E>(&event)) return found;
    return nullptr;
  }
  void join(Node& node, const Contact& seed) { node.dht->bootstrap(now, std::span(&seed, 1)); }

  SeededRng rng{1};
  Config config;
  NetworkId network{rng.bytes<32>()};
  ByteArray<32> secret = rng.bytes<32>();
  OneRemoved trust;
  Instant now{};
  std::vector<std::unique_ptr<Node>> nodes;
};

TEST(RealSealer, DaemonsMeetStoreAndRead) {
  Lan lan(8);
  for (std::size_t i = 1; i < 8; ++i) lan.join(*lan.nodes[i], lan.nodes[0]->contact);
  lan.run(30s);
  for (auto& node : lan.nodes) EXPECT_EQ(node->dht->table_size(), 7U);
  const Record record = Record::mutable_item(lan.nodes[2]->identity, lan.network, {}, 1,
                                             Bytes(1000, std::uint8_t{'v'}));
  lan.nodes[2]->dht->put(lan.now, record, {});
  lan.run(5s);
  ASSERT_NE(lan.event<PutDone>(*lan.nodes[2]), nullptr);
  EXPECT_TRUE(lan.event<PutDone>(*lan.nodes[2])->ok);
  lan.run(12min);  // cookies are stale: the value does not fit an unproven reply, so it asks twice
  lan.nodes[6]->dht->get(lan.now, record.key(), {.kind = RecordKind::Mutable});
  lan.run(10s);
  const GetDone* got = lan.event<GetDone>(*lan.nodes[6]);
  ASSERT_NE(got, nullptr);
  ASSERT_TRUE(got->best);
  EXPECT_EQ(*got->best, record);
}

// Greeting costs one key agreement and one certificate at each end, and greeting again neither.
TEST(RealSealer, NothingIsComputedTwiceForAPeer) {
  Lan lan(2);
  Node& a = *lan.nodes[0];
  Node& b = *lan.nodes[1];
  ByteArray<2048> buffer;
  const auto greet = [&](Node& from, Node& to, bool reply) {
    ToSeal message;
    message.body = bytes_of("greeting");
    message.nonce = lan.rng.bytes<24>();
    if (reply) message.answers = lan.rng.bytes<24>();
    message.hello = true;
    const std::size_t size = from.sealer->seal(to.contact, message, buffer);
    return to.sealer->open(lan.now, ByteView(buffer).first(size)).has_value();
  };
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(greet(a, b, false));
    EXPECT_TRUE(greet(b, a, true));
    for (const Node* node : {&a, &b}) {
      EXPECT_EQ(node->crypto.dh, 1);
      EXPECT_EQ(node->crypto.signatures, 1);
    }
  }
  b.credential.certificate =  // renewed: that one is new to A
      Certificate::issue(b.identity, lan.network, b.credential.key.public_key, 2, kNow);
  b.sealer->set_credential(b.credential);
  EXPECT_TRUE(greet(b, a, false));
  EXPECT_EQ(a.crypto.dh, 1);
  EXPECT_EQ(a.crypto.signatures, 2);
}

// Who recorded a request and sends it again learns nothing, not even that we are here; replies find
// no question that waits for them.
TEST(RealSealer, ACopyOfARequestIsDroppedForTenMinutes) {
  Lan lan(2);
  Node& a = *lan.nodes[0];
  Node& b = *lan.nodes[1];
  ByteArray<2048> buffer;
  const auto seal = [&](bool hello) {
    ToSeal message;
    message.body = bytes_of("greeting");
    message.nonce = lan.rng.bytes<24>();
    message.hello = hello;
    const std::size_t size = a.sealer->seal(b.contact, message, buffer);
    return to_bytes(ByteView(buffer).first(size));
  };
  for (const bool hello : {true, false}) {
    const Bytes request = seal(hello);
    EXPECT_TRUE(b.sealer->open(lan.now, request));
    for (int minute = 0; minute < 10; ++minute) {
      EXPECT_FALSE(b.sealer->open(lan.now, request));
      EXPECT_TRUE(b.sealer->open(lan.now, seal(hello)));  // the control: another of the same
      lan.now += 59s;
    }
  }
  EXPECT_EQ(b.sealer->counters().replayed, 20u);
  EXPECT_EQ(b.sealer->counters().forged, 0u);
}

// What comes of a low-order point is known to everybody: no key, and no certificate makes it one.
TEST(RealSealer, AStaticKeyOfLowOrderIsRefused) {
  Lan lan(2);
  const Node& a = *lan.nodes[0];
  Node& b = *lan.nodes[1];
  const crypto::Key32 low{};
  const Bytes certificate = Certificate::issue(a.identity, lan.network, low, 1, kNow).encode();
  sealed::Outgoing message;
  message.body = bytes_of("greeting");
  message.nonce = lan.rng.bytes<24>();
  message.sender_static = low;
  message.hello_certificate = certificate;
  const auto datagram =
      sealed::seal(sealed::real_crypto(), {}, sealed::gate_key(lan.secret, b.contact.identity),
                   {lan.network, a.contact.id, b.contact.id}, message);
  ASSERT_TRUE(datagram);
  EXPECT_FALSE(b.sealer->open(lan.now, *datagram));
  EXPECT_EQ(b.sealer->counters().forged, 1U);
  EXPECT_EQ(b.sealer->counters().opened, 0U);
}

// Where the gate is no secret anybody may greet, from any address, under ever new keys.
TEST(RealSealer, AFloodOfGreetingsCostsABoundedNumberOfAgreements) {
  Lan lan(2);
  Node& node = *lan.nodes[0];
  Node& friendly = *lan.nodes[1];
  lan.join(friendly, node.contact);
  lan.run(5s);
  const Bytes certificate = friendly.credential.certificate.encode();
  const auto gate = sealed::gate_key(lan.secret, node.contact.identity);
  const auto greet = [&](int times) {
    for (int i = 0; i < times; ++i) {
      sealed::Outgoing hello;
      hello.nonce = lan.rng.bytes<24>();
      hello.sender_static = lan.rng.bytes<32>();
      hello.hello_certificate = certificate;
      const auto datagram =
          sealed::seal(sealed::real_crypto(), {}, gate,
                       {lan.network, friendly.contact.id, node.contact.id}, hello);
      EXPECT_FALSE(node.sealer->open(lan.now, *datagram));
    }
  };
  const int before = node.crypto.dh;
  greet(3000);
  EXPECT_EQ(node.crypto.dh - before, static_cast<int>(RealSealer::kStrangersAtOnce));
  EXPECT_EQ(node.sealer->counters().strangers_dropped, 3000U - RealSealer::kStrangersAtOnce);
  lan.now += 50ms;
  greet(1000);
  EXPECT_EQ(node.crypto.dh - before,
            static_cast<int>(RealSealer::kStrangersAtOnce + RealSealer::kStrangersPerSecond / 20));
  // Whom it knows is heard all the while.
  friendly.events.clear();
  friendly.dht->find_node(lan.now, NodeId{lan.rng.bytes<32>()});
  lan.run(5s);
  EXPECT_NE(lan.event<NodesFound>(friendly), nullptr);
  EXPECT_EQ(friendly.dht->counters().timeouts, 0U);
}

TEST(RealSealer, AForeignIdentityWithOnesOwnKeyIsNobody) {
  Lan lan(3);
  lan.join(*lan.nodes[1], lan.nodes[0]->contact);
  lan.run(5s);
  EXPECT_NE(lan.nodes[1]->dht->table().find(lan.nodes[0]->contact.id), nullptr);  // control
  // Node 2 answers at its own address and key, under the identity of somebody else.
  Contact forged = lan.nodes[2]->contact;
  const Identity victim = Identity::generate(lan.rng);
  forged.identity = victim.public_key();
  forged.id = victim.id;
  lan.join(*lan.nodes[1], forged);
  lan.run(10s);
  EXPECT_EQ(lan.nodes[1]->dht->table().find(victim.id), nullptr);
}

TEST(RealSealer, StrangersAndRemovedNodesHearSilence) {
  Lan lan(2);
  Node& stranger = lan.add(lan.rng.bytes<32>());  // another network secret: its gate is wrong
  lan.join(stranger, lan.nodes[0]->contact);
  lan.run(5s);
  EXPECT_EQ(stranger.dht->table_size(), 0U);
  EXPECT_GT(lan.nodes[0]->sealer->counters().bad_gate, 0U);
  EXPECT_EQ(lan.nodes[0]->dht->counters().messages_out, 0U);
  lan.trust.removed.insert(lan.nodes[1]->contact.id);
  lan.join(*lan.nodes[1], lan.nodes[0]->contact);
  lan.run(5s);
  EXPECT_EQ(lan.nodes[1]->dht->table_size(), 0U);
  EXPECT_GT(lan.nodes[0]->sealer->counters().not_member, 0U);
  lan.trust.removed.clear();  // control
  lan.run(30s);
  EXPECT_EQ(lan.nodes[1]->dht->table_size(), 1U);
}

TEST(RealSealer, ARestartedPeerThatForgotOurKeyIsGreetedAgain) {
  Lan lan(2);
  lan.join(*lan.nodes[1], lan.nodes[0]->contact);
  lan.run(5s);
  lan.nodes[0]->sealer->set_credential(lan.nodes[0]->credential);  // forgets all shared keys
  lan.nodes[1]->dht->find_node(lan.now, lan.nodes[0]->contact.id);
  lan.run(5s);
  const NodesFound* found = lan.event<NodesFound>(*lan.nodes[1]);
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->exact);
  EXPECT_GT(lan.nodes[0]->sealer->counters().unknown_key, 0U);
}

TEST(ContactBook, SweepKeepsWhatIsNamedAndFindsItAgain) {
  SeededRng rng(2);
  ContactBook book(rng.bytes<16>(), 400);
  std::vector<ContactHandle> handles;
  std::vector<Contact> contacts;
  for (std::uint32_t i = 0; i < 400; ++i) {
    Contact c;
    c.identity = rng.bytes<32>();
    c.id = node_id_of(c.identity);
    c.endpoint = Endpoint::v4(i + 1, 9);
    contacts.push_back(c);
    handles.push_back(book.intern(c));
  }
  EXPECT_TRUE(book.wants_sweep());
  Contact more = contacts[0];
  more.endpoint.port = 10;
  EXPECT_EQ(book.intern(more), ContactHandle::None);
  EXPECT_EQ(book.refused(), 1U);
  book.keep_only({handles.begin(), handles.begin() + 100});
  EXPECT_EQ(book.size(), 100U);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(book.at(handles[i]), contacts[i]);
    EXPECT_EQ(book.find(contacts[i].id), handles[i]);
  }
  EXPECT_EQ(book.find(contacts[200].id), ContactHandle::None);
  Bytes wire;
  append_wire(wire, contacts[5]);
  EXPECT_EQ(book.intern_wire(wire), handles[5]);
  append_wire(wire = {}, more);
  EXPECT_EQ(book.id(book.intern_wire(wire)), contacts[0].id);
}

// What others name costs no more to find than what is there, whatever they name.
TEST(ContactBook, NobodyCanMakeItSearchLong) {
  SeededRng rng(4);
  for (const bool one_node : {true, false}) {
    ContactBook book(rng.bytes<16>());
    Contact c;
    c.identity = rng.bytes<32>();
    for (std::uint32_t i = 0; i < 4000; ++i) {
      if (!one_node) std::memcpy(c.identity.data(), &i, sizeof i);
      c.endpoint = Endpoint::v4(0x01000000, one_node ? static_cast<std::uint16_t>(i + 1) : 9);
      Bytes wire;
      append_wire(wire, c);
      ASSERT_NE(book.intern_wire(wire), ContactHandle::None);
    }
    EXPECT_LT(book.longest_search(), 100U) << one_node;
  }
}

TEST(ContactBook, TheLastContactOfANodeIsFoundAlsoAfterASweep) {
  SeededRng rng(5);
  ContactBook book(rng.bytes<16>(), 400);
  Contact c;
  for (std::uint16_t i = 0; i < 10; ++i) {
    c.identity = rng.bytes<32>();
    c.id = node_id_of(c.identity);
    c.endpoint = Endpoint::v4(1, 1);
    book.intern(c);
  }
  c.endpoint.port = 2;
  const auto first = book.intern(c);
  book.keep_only({first});  // the next one takes a place that came free before it
  c.endpoint.port = 3;
  const auto last = book.intern(c);
  ASSERT_LT(last, first);
  for (int sweep = 0; sweep < 2; ++sweep) {
    EXPECT_EQ(book.find(c.id), last);
    book.keep_only({first, last});
  }
  book.keep_only({first});
  EXPECT_EQ(book.find(c.id), first);
}

// Anybody may name a foreign identity with a key of its own, at the very address.
TEST(RealSealer, HearsayDoesNotKeepUsFromAnsweringWhomWeKnow) {
  Lan lan(2);
  Node& asked = *lan.nodes[0];
  Node& asker = *lan.nodes[1];
  const Contact seed = asked.contact;
  asker.dht->bootstrap(lan.now, std::span(&seed, 1));
  lan.run(5s);
  Contact lie = asker.contact;
  lie.static_key = crypto::X25519KeyPair::generate(lan.rng).public_key;
  asked.book.intern(lie);
  const auto before = asker.dht->counters().timeouts;
  asker.dht->find_node(lan.now, NodeId{lan.rng.bytes<32>()});
  lan.run(5s);
  EXPECT_NE(lan.event<NodesFound>(asker), nullptr);
  EXPECT_EQ(asker.dht->counters().timeouts, before);
}

TEST(Guard, CookiesLiveBetweenOneAndTwoEpochs) {
  Config config;
  SeededRng rng(3);
  ContactBook book(ContactBook::Use::Shared, 16);
  Lan lan(1);
  const Sealer& sealer = *lan.nodes[0]->sealer;
  CookieJar jar(config);
  const Endpoint here = Endpoint::v4(1, 1);
  const NodeId node{rng.bytes<32>()};
  const Cookie cookie = jar.issue(Instant{1s}, rng, sealer, here, node);
  EXPECT_TRUE(jar.valid(Instant{5min}, rng, sealer, here, node, cookie));
  EXPECT_FALSE(jar.valid(Instant{5min}, rng, sealer, Endpoint::v4(1, 2), node, cookie));
  EXPECT_FALSE(jar.valid(Instant{5min}, rng, sealer, here, NodeId{}, cookie));
  EXPECT_TRUE(jar.valid(Instant{9min}, rng, sealer, here, node, cookie));
  EXPECT_FALSE(jar.valid(Instant{11min}, rng, sealer, here, node, cookie));
}

}  // namespace
}  // namespace weft::post
