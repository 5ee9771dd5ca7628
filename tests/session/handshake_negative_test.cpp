// security.md 5, N01, N02, N04 and N05 on the handshake itself: every byte of every message, every
// field of the prologue, every bad point and key. Each fixture first shows the good exchange.
#include <gtest/gtest.h>

#include "overlay/session/handshake.hpp"
#include "tests/harness/pair.hpp"
#include "tests/harness/vectors.hpp"

namespace weft::session {
namespace {

using harness::Pair;

// The handshake without QUIC; `spoil` may change any message before it is read.
struct Exchange {
  enum class Message : std::uint8_t { Hello, Reply, Finish };
  using Spoil = std::function<void(Message, Bytes& body)>;

  HandshakeContext context(harness::End& end) {
    return {end.identity, pair.trust, end.rng, std::make_shared<const NetworkContext>(end.network)};
  }
  // Nothing: both ends completed, on the same binding. Else the fault and who raised it.
  struct Outcome {
    std::optional<HandshakeFault> fault;
    bool at_initiator = false;
  };
  Outcome run(bool ik, const Spoil& spoil, bool join = false) {
    Handshake a(context(pair.a), pair.b.identity.public_key(),
                ik ? std::optional(static_of_b) : std::nullopt, join);
    Handshake b(context(pair.b));
    const auto body = [&](const Step<Bytes>& framed, Message message) {
      Bytes out(framed->begin() + 3, framed->end());
      if (spoil) spoil(message, out);
      return out;
    };
    const auto hello = a.hello(bytes_of("parameters of a"), harness::kEpoch);
    if (!hello) return {hello.error(), true};
    const auto seen = b.on_hello(body(hello, Message::Hello), harness::kEpoch);
    if (!seen) return {seen.error(), false};
    const auto reply = b.reply(bytes_of("parameters of b"), harness::kEpoch);
    if (!reply) return {reply.error(), false};
    const auto answered = a.on_reply(body(reply, Message::Reply), harness::kEpoch);
    if (!answered) return {answered.error(), true};
    const auto finish = a.finish(harness::kEpoch);
    if (!finish) return {finish.error(), true};
    const auto done = b.on_finish(body(finish, Message::Finish), harness::kEpoch);
    if (!done) return {done.error(), false};
    EXPECT_EQ(a.channel_binding(), b.channel_binding());
    return {};
  }

  Pair pair{44};
  crypto::Key32 static_of_b = pair.b.network.credential.key.public_key;
};

using Message = Exchange::Message;

// Where Noise begins in a hello: behind form, mode, count and the ciphers offered. In XX e and e1
// lie there in clear.
std::ptrdiff_t noise_of(const Bytes& hello) { return 3 + hello[2]; }

// N01
TEST(HandshakeNegative, AnyByteOfAnyMessageFlippedStopsIt) {
  Exchange x;
  for (const bool ik : {true, false}) {
    std::array<std::size_t, 3> sizes{};
    const auto measure = [&](Message m, Bytes& body) {
      sizes[static_cast<std::size_t>(m)] = body.size();
    };
    ASSERT_FALSE(x.run(ik, measure).fault);
    for (std::size_t m = 0; m < sizes.size(); ++m)
      for (std::size_t at = 0; at < sizes[m]; ++at) {
        const auto flip = [&](Message message, Bytes& body) {
          if (static_cast<std::size_t>(message) == m)
            body[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
        };
        EXPECT_TRUE(x.run(ik, flip).fault)
            << (ik ? "IK" : "XX") << " message " << m << " at " << at;
      }
  }
}

TEST(HandshakeNegative, AnyMessageCutShortStopsIt) {
  Exchange x;
  for (const bool ik : {true, false})
    for (std::size_t m = 0; m < 3; ++m)
      for (std::size_t keep = 0; keep < 2000; keep += 13) {
        bool cut = false;
        const auto shorten = [&](Message message, Bytes& body) {
          if (static_cast<std::size_t>(message) != m || body.size() <= keep) return;
          body.resize(keep);
          cut = true;
        };
        const auto outcome = x.run(ik, shorten);
        EXPECT_TRUE(!cut || outcome.fault) << ik << " " << m << " " << keep;
      }
}

// N02: each field of the prologue differs in turn, at one end.
TEST(HandshakeNegative, EachFieldOfThePrologueIsBound) {
  for (const bool ik : {true, false}) {
    Exchange good;
    ASSERT_FALSE(good.run(ik, {}).fault);
    Exchange network;
    network.pair.b.network.id.bytes[7] ^= 1;
    EXPECT_EQ(network.run(ik, {}).fault, HandshakeFault::NoiseAuth);
    Exchange offer;  // the ciphers offered, turned round on the way
    const auto turn = [](Message m, Bytes& body) {
      if (m == Message::Hello) std::reverse(body.begin() + 3, body.begin() + noise_of(body));
    };
    EXPECT_TRUE(offer.run(ik, turn).fault);
    Exchange form;
    const auto other_form = [](Message m, Bytes& body) {
      if (m == Message::Hello) body[0] ^= 1;
    };
    EXPECT_TRUE(form.run(ik, other_form).fault);
  }
  Exchange mode;  // join mode said on the way; the responder would let joiners in
  mode.pair.b.network.accept_joiners = true;
  const auto join = [](Message m, Bytes& body) {
    if (m == Message::Hello) body[1] = 1;
  };
  const auto outcome = mode.run(false, join);
  EXPECT_EQ(outcome.fault, HandshakeFault::NoiseAuth);
  EXPECT_TRUE(outcome.at_initiator);
  Exchange responder;  // the same static key, yet another identity is dialled
  const auto other = Identity::generate(responder.pair.a.rng);
  Handshake a(responder.context(responder.pair.a), other.public_key(), responder.static_of_b,
              false);
  Handshake b(responder.context(responder.pair.b));
  const auto hello = *a.hello({}, harness::kEpoch);
  EXPECT_EQ(b.on_hello(ByteView(hello).subspan(3), harness::kEpoch).error(),
            HandshakeFault::NoiseAuth);
}

std::vector<crypto::Key32> low_order_points() {
  std::vector<crypto::Key32> out;
  const auto add = [&](std::string_view hex) { out.push_back(*to_array<32>(*from_hex(hex))); };
  // Orders 1, 2, 4 and 8 on curve and twist, and what is congruent to them (RFC 7748, section 7).
  add("0000000000000000000000000000000000000000000000000000000000000000");
  add("0100000000000000000000000000000000000000000000000000000000000000");
  add("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  add("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  add("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  add("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
  add("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157");
  const auto plain = out;
  for (auto point : plain) {
    point[31] |= 0x80;
    out.push_back(point);
  }
  if (!vectors::has("wycheproof/x25519_test.json")) return out;
  const auto file = vectors::load("wycheproof/x25519_test.json");
  for (const auto& group : file["testGroups"])
    for (const auto& row : group["tests"])
      for (const auto& flag : row["flags"])
        if (flag == "LowOrderPublic" || flag == "ZeroSharedSecret")
          out.push_back(vectors::fixed_hex<32>(row, "public"));
  return out;
}

// N04
TEST(HandshakeNegative, LowOrderPointsAsEphemeralOrStaticKeyAreBadKeys) {
  const auto points = low_order_points();
  EXPECT_GE(points.size(), 14u);
  for (const auto& point : points) {
    SCOPED_TRACE(to_hex(point));
    Exchange hello;  // e of message 1
    const auto first_e = [&](Message m, Bytes& body) {
      if (m == Message::Hello) std::ranges::copy(point, body.begin() + noise_of(body));
    };
    EXPECT_EQ(hello.run(true, first_e).fault, HandshakeFault::BadKey);
    // XX does its first DH with message 2.
    EXPECT_EQ(hello.run(false, first_e).fault, HandshakeFault::BadKey);
    Exchange reply;  // e of message 2: behind the cipher
    const auto second_e = [&](Message m, Bytes& body) {
      if (m == Message::Reply) std::ranges::copy(point, body.begin() + 1);
    };
    for (const bool ik : {true, false}) {
      const auto outcome = reply.run(ik, second_e);
      EXPECT_EQ(outcome.fault, HandshakeFault::BadKey);
      EXPECT_TRUE(outcome.at_initiator);
    }
    Exchange dialled;  // whom we dial published such a static key
    dialled.static_of_b = point;
    EXPECT_EQ(dialled.run(true, {}).fault, HandshakeFault::BadKey);
    Exchange caller;  // who calls presents one, certificate and all
    auto& mine = caller.pair.a.network.credential;
    mine.key.public_key = point;
    mine.certificate =
        Certificate::issue(caller.pair.a.identity, caller.pair.a.network.id, point,
                           static_cast<std::uint64_t>(harness::kEpoch), harness::kEpoch);
    for (const bool ik : {true, false}) EXPECT_EQ(caller.run(ik, {}).fault, HandshakeFault::BadKey);
  }
}

// N05: each coefficient of the encapsulation key in turn is q, or 4095.
TEST(HandshakeNegative, AnUnreducedKemKeyIsABadKemKey) {
  Exchange x;
  for (std::size_t coefficient = 0; coefficient < 768; ++coefficient)
    for (const unsigned value : {3329u, 4095u}) {
      const auto unreduce = [&](Message m, Bytes& body) {
        if (m != Message::Hello) return;
        auto* at = &body[static_cast<std::size_t>(noise_of(body)) + 32 + coefficient / 2 * 3];
        if (coefficient % 2 == 0) {
          at[0] = static_cast<std::uint8_t>(value);
          at[1] = static_cast<std::uint8_t>((at[1] & 0xf0) | value >> 8);
        } else {
          at[1] = static_cast<std::uint8_t>((at[1] & 0x0f) | (value & 0xf) << 4);
          at[2] = static_cast<std::uint8_t>(value >> 4);
        }
      };
      ASSERT_EQ(x.run(false, unreduce).fault, HandshakeFault::BadKemKey) << coefficient;
    }
}

// N05: nothing classical is built in, so an offer of it is an unknown form or cipher.
TEST(HandshakeNegative, OnlyTheTwoHybridFormsAndTwoCiphersAreSpoken) {
  Exchange x;
  for (unsigned form = 2; form < 256; ++form) {
    const auto other = [&](Message m, Bytes& body) {
      if (m == Message::Hello) body[0] = static_cast<std::uint8_t>(form);
    };
    ASSERT_EQ(x.run(true, other).fault, HandshakeFault::Suite) << form;
  }
  for (unsigned cipher = 0; cipher < 256; ++cipher) {
    if (cipher == 1 || cipher == 2) continue;  // AES-256-GCM, ChaCha20-Poly1305
    const auto other = [&](Message m, Bytes& body) {
      if (m == Message::Hello)
        std::fill_n(body.begin() + 3, body[2], static_cast<std::uint8_t>(cipher));
    };
    ASSERT_EQ(x.run(true, other).fault, HandshakeFault::Suite) << cipher;
  }
}

// N04 through the whole session layer: one attempt, one count, silence, nothing kept.
TEST(HandshakeNegative, ABadStaticKeyEndToEndMovesItsOwnCounter) {
  Pair pair(21);
  auto& mine = pair.a.network.credential;
  mine.key.public_key = {};
  mine.certificate =
      Certificate::issue(pair.a.identity, pair.a.network.id, mine.key.public_key,
                         static_cast<std::uint64_t>(harness::kEpoch), harness::kEpoch);
  pair.a.layer.set_network(pair.a.network);
  ASSERT_TRUE(pair.a.layer.dial(pair.now, pair.target()));
  pair.run(150ms);
  EXPECT_EQ(pair.b.layer.counters().bad_key, 1u);
  EXPECT_EQ(pair.b.layer.session_count(), 0u);
}

}  // namespace
}  // namespace weft::session
