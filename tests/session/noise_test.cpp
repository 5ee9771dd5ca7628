#include "overlay/session/noise.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include <sodium.h>
#include <nlohmann/json.hpp>

#include "base/seeded_rng.hpp"
#include "tests/harness/vectors.hpp"

namespace weft::noise {
namespace {

using nlohmann::json;

Bytes hex(const json& value) {
  auto bytes = from_hex(value.get<std::string>());
  EXPECT_TRUE(bytes);
  return bytes ? *bytes : Bytes{};
}
crypto::Key32 key(const json& value) { return *to_array<32>(hex(value)); }

// Replays the ephemeral values of a vector in the order the engine draws them.
class ScriptedRng final : public Rng {
 public:
  std::deque<Bytes> draws;
  void fill(MutableByteView out) override {
    ASSERT_FALSE(draws.empty());
    ASSERT_EQ(draws.front().size(), out.size());
    std::ranges::copy(draws.front(), out.begin());
    draws.pop_front();
  }
  std::unique_ptr<Rng> fork(std::string_view) override { return nullptr; }
};

// BLAKE2b and AES-GCM exist here only: the product has one hash and one Noise cipher.
void blake2b(ByteView a, ByteView b, MutableByteView out) {
  crypto_generichash_blake2b_state state;
  crypto_generichash_blake2b_init(&state, nullptr, 0, out.size());
  crypto_generichash_blake2b_update(&state, a.data(), a.size());
  crypto_generichash_blake2b_update(&state, b.data(), b.size());
  crypto_generichash_blake2b_final(&state, out.data(), out.size());
}
void blake2b_hmac(ByteView secret, ByteView a, ByteView b, MutableByteView out) {
  ByteArray<128> inner{};
  ByteArray<128> outer{};
  for (std::size_t i = 0; i < 128; ++i) {
    const std::uint8_t k = i < secret.size() ? secret[i] : 0;
    inner[i] = k ^ 0x36;
    outer[i] = k ^ 0x5c;
  }
  Bytes message = to_bytes(inner);
  append(message, a);
  ByteArray<64> digest;
  blake2b(message, b, digest);
  blake2b(outer, digest, out);
}
const HashSuite kBlake2b{"BLAKE2b", 64, blake2b, blake2b_hmac};
const AeadSuite kAesGcm{"AESGCM", true, crypto::aes256gcm_seal, crypto::aes256gcm_open};

using enum Token;
Pattern pattern(std::string_view name, bool pre_i, bool pre_r,
                std::initializer_list<MessagePattern> messages, bool psk = false) {
  Pattern p{name, pre_i, pre_r, {}, 0, psk};
  for (const auto& message : messages) p.messages[p.message_count++] = message;
  return p;
}
const std::map<std::string, Pattern, std::less<>> kPatterns = [] {
  std::map<std::string, Pattern, std::less<>> all;
  const auto add = [&all](const Pattern& p) { all.emplace(p.name, p); };
  add(kIkHfs);
  add(kXxHfs);
  add(pattern("NN", false, false, {{E}, {E, EE}}));
  add(pattern("NK", false, true, {{E, ES}, {E, EE}}));
  add(pattern("KK", true, true, {{E, ES, SS}, {E, EE, SE}}));
  add(pattern("XK", false, true, {{E, ES}, {E, EE}, {S, SE}}));
  add(pattern("IK", false, true, {{E, ES, S, SS}, {E, EE, SE}}));
  add(pattern("XX", false, false, {{E}, {E, EE, S, ES}, {S, SE}}));
  add(pattern("IX", false, false, {{E, S}, {E, EE, SE, S, ES}}));
  add(pattern("NNpsk0", false, false, {{Psk, E}, {E, EE}}, true));
  add(pattern("NNpsk2", false, false, {{E}, {E, EE, Psk}}, true));
  add(pattern("KKpsk0", true, true, {{Psk, E, ES, SS}, {E, EE, SE}}, true));
  add(pattern("IKpsk1", false, true, {{E, ES, S, SS, Psk}, {E, EE, SE}}, true));
  add(pattern("IKpsk2", false, true, {{E, ES, S, SS}, {E, EE, SE, Psk}}, true));
  add(pattern("XXpsk3", false, false, {{E}, {E, EE, S, ES}, {S, SE, Psk}}, true));
  add(pattern("KKhfs", true, true, {{E, ES, SS, E1}, {E, EE, Ekem1, SE}}));
  add(pattern("NNhfs", false, false, {{E, E1}, {E, EE, Ekem1}}));
  return all;
}();

struct Side {
  std::unique_ptr<ScriptedRng> rng = std::make_unique<ScriptedRng>();
  std::unique_ptr<Handshake> noise;
};

Side make_side(const json& v, const std::string& who, const std::string& name) {
  const auto second = name.find('_');
  const auto third = name.find('_', second + 1);
  const auto pattern_name = name.substr(second + 1, third - second - 1);
  EXPECT_TRUE(kPatterns.contains(pattern_name)) << pattern_name;
  Side side;
  Params params;
  params.pattern = &kPatterns.find(pattern_name)->second;
  params.hash = name.ends_with("BLAKE2b") ? &kBlake2b : &kSha256;
  params.aead = name.find("_AESGCM_") != std::string::npos ? &kAesGcm : &kChaChaPoly;
  params.initiator = who == "init";
  if (v.contains(who + "_prologue")) params.prologue = hex(v[who + "_prologue"]);
  if (v.contains(who + "_static") && !v[who + "_static"].is_null())
    params.s = crypto::X25519KeyPair::from_secret(key(v[who + "_static"]));
  if (v.contains(who + "_remote_static") && !v[who + "_remote_static"].is_null())
    params.rs = key(v[who + "_remote_static"]);
  if (v.contains(who + "_psks"))
    for (const auto& psk : v[who + "_psks"]) params.psks.push_back(key(psk));
  EXPECT_EQ(protocol_name(*params.pattern, *params.aead, *params.hash), name);
  if (v.contains(who + "_ephemeral")) side.rng->draws.push_back(hex(v[who + "_ephemeral"]));
  if (who == "init" && v.contains("init_kem_seed"))
    side.rng->draws.push_back(hex(v["init_kem_seed"]));
  if (who == "resp" && v.contains("resp_kem_encap_m"))
    side.rng->draws.push_back(hex(v["resp_kem_encap_m"]));
  side.noise = std::make_unique<Handshake>(std::move(params), *side.rng);
  return side;
}

// One published conversation: handshake messages, then transport messages, byte for byte.
void replay(const json& v) {
  const std::string name = v.contains("protocol_name") ? v["protocol_name"] : v["name"];
  SCOPED_TRACE(name);
  Side sides[2] = {make_side(v, "init", name), make_side(v, "resp", name)};
  std::array<CipherState, 2> sealers;
  std::array<CipherState, 2> openers;
  std::size_t turn = 0;
  for (const auto& message : v["messages"]) {
    Side& from = sides[turn % 2];
    Side& to = sides[(turn + 1) % 2];
    const Bytes payload = hex(message["payload"]);
    const Bytes expected = hex(message["ciphertext"]);
    if (!from.noise->complete()) {
      auto written = from.noise->write(payload);
      ASSERT_TRUE(written);
      ASSERT_EQ(to_hex(*written), to_hex(expected));
      auto read = to.noise->read(*written);
      ASSERT_TRUE(read);
      EXPECT_EQ(*read, payload);
      if (from.noise->complete()) {
        const auto& suite = name.find("_AESGCM_") != std::string::npos ? kAesGcm : kChaChaPoly;
        for (std::size_t i = 0; i < 2; ++i) {
          sealers[i].initialise(suite, from.noise->split()[i]);
          openers[i].initialise(suite, to.noise->split()[i]);
        }
        if (v.contains("handshake_hash")) {
          EXPECT_EQ(to_hex(from.noise->hash()), v["handshake_hash"].get<std::string>());
        }
      }
    } else {
      EXPECT_EQ(to_hex(sealers[turn % 2].seal({}, payload)), to_hex(expected));
      EXPECT_EQ(openers[turn % 2].open({}, expected), payload);
    }
    ++turn;
  }
}

void replay_file(const std::string& file) {
  const auto all = vectors::load(file)["vectors"];
  vectors::Tally tally(file, all.size());
  for (const auto& v : all) {
    replay(v);
    tally.ran();
  }
}

TEST(Noise, AgreesWithCacophony) {
  WEFT_NEED_VECTORS("noise/cacophony_25519.json");
  replay_file("noise/cacophony_25519.json");
}
TEST(Noise, AgreesWithSnow) {
  WEFT_NEED_VECTORS("noise/snow_25519.json");
  replay_file("noise/snow_25519.json");
}
TEST(Noise, AgreesWithNoiseC) {
  WEFT_NEED_VECTORS("noise/noise_c_25519.json");
  replay_file("noise/noise_c_25519.json");
}
TEST(Noise, AgreesWithTheIndependentHybridConversations) {
  WEFT_NEED_VECTORS("noise/hfs_mlkem768_crosscheck_unofficial.json");
  replay_file("noise/hfs_mlkem768_crosscheck_unofficial.json");
}

TEST(Noise, AgreesWithTheLibp2pHybridDraft) {
  const std::string file = "noise/xxhfs_25519_mlkem768_libp2p_draft.json";
  WEFT_NEED_VECTORS("noise/xxhfs_25519_mlkem768_libp2p_draft.json");
  const auto all = vectors::load(file)["vectors"];
  vectors::Tally tally(file, all.size());
  for (const auto& v : all) {
    json as_messages = {{"protocol_name", "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256"},
                        {"init_prologue", v["prologue"]},
                        {"resp_prologue", v["prologue"]},
                        {"init_static", v["static_i_private"]},
                        {"resp_static", v["static_r_private"]},
                        {"init_ephemeral", v["ephemeral_dh_i_private"]},
                        {"resp_ephemeral", v["ephemeral_dh_r_private"]},
                        {"init_kem_seed", v["kem_keygen_seed"]},
                        {"resp_kem_encap_m", v["encap_seed_hex"]}};
    const std::string name = as_messages["protocol_name"];
    Side i = make_side(as_messages, "init", name);
    Side r = make_side(as_messages, "resp", name);
    auto a = i.noise->write({});
    ASSERT_TRUE(a);
    EXPECT_EQ(to_hex(*a), v["msg_a"].get<std::string>());
    ASSERT_TRUE(r.noise->read(*a));
    auto b = r.noise->write({});
    ASSERT_TRUE(b);
    EXPECT_EQ(to_hex(*b), v["msg_b"].get<std::string>());
    ASSERT_TRUE(i.noise->read(*b));
    auto c = i.noise->write({});
    ASSERT_TRUE(c);
    EXPECT_EQ(to_hex(*c), v["msg_c"].get<std::string>());
    ASSERT_TRUE(r.noise->read(*c));
    EXPECT_EQ(to_hex(i.noise->hash()), v["handshake_hash"].get<std::string>());
    EXPECT_EQ(to_hex(i.noise->split()[0]), v["cs1_k"].get<std::string>());
    EXPECT_EQ(to_hex(r.noise->split()[1]), v["cs2_k"].get<std::string>());
    tally.ran();
  }
}

struct HybridPair {
  SeededRng rng{5};
  crypto::X25519KeyPair i = crypto::X25519KeyPair::generate(rng);
  crypto::X25519KeyPair r = crypto::X25519KeyPair::generate(rng);
  std::unique_ptr<Handshake> initiator;
  std::unique_ptr<Handshake> responder;
  explicit HybridPair(const Pattern& p, ByteView prologue_r = {}) {
    Params a{&p, &kSha256, &kChaChaPoly, true, {}, i, {}, {}};
    if (p.responder_static_known) a.rs = r.public_key;
    Params b{&p, &kSha256, &kChaChaPoly, false, to_bytes(prologue_r), r, {}, {}};
    initiator = std::make_unique<Handshake>(a, rng);
    responder = std::make_unique<Handshake>(b, rng);
  }
};

// Message 1 of XX is in clear: a flip there shows at the latest when message 2 comes back.
bool completes(const Pattern& p, std::size_t damaged_message, std::size_t position) {
  HybridPair pair(p);
  Handshake* sides[2] = {pair.initiator.get(), pair.responder.get()};
  for (std::size_t turn = 0; turn < p.message_count; ++turn) {
    auto message = sides[turn % 2]->write(bytes_of("payload"));
    if (!message) return false;
    if (turn == damaged_message && position < message->size()) (*message)[position] ^= 0x20;
    if (!sides[(turn + 1) % 2]->read(*message)) return false;
  }
  return equal(pair.initiator->hash(), pair.responder->hash());
}

// Positions past the end of a message damage nothing.
bool beyond(const Pattern& p, std::size_t message, std::size_t at) {
  const std::size_t payload = 7;
  if (&p != &kXxHfs && p.name == "IKhfs") return at >= (message == 0 ? 1296 : 1152) + payload;
  constexpr std::size_t sizes[] = {1216, 1200, 64};
  return at >= sizes[message] + payload;
}

TEST(Noise, NoFlippedByteOfAnyMessageLetsAHandshakeComplete) {
  for (const Pattern& p : {kIkHfs, kXxHfs}) {
    EXPECT_TRUE(completes(p, 9, 0));  // undamaged
    for (std::size_t message = 0; message < p.message_count; ++message)
      for (std::size_t at = 0; at < 1300; at += (at < 120 || at > 1150) ? 7 : 97)
        EXPECT_TRUE(!completes(p, message, at) || beyond(p, message, at))
            << p.name << " " << message << " " << at;
  }
}

TEST(Noise, AnotherPrologueFailsAsAuthentication) {
  HybridPair pair(kIkHfs, bytes_of("other"));
  auto message = pair.initiator->write({});
  ASSERT_TRUE(message);
  const auto read = pair.responder->read(*message);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), Fault::Auth);
  EXPECT_EQ(pair.responder->read(*message).error(), Fault::State);  // poisoned
}

TEST(Noise, ALowOrderEphemeralIsABadKey) {
  HybridPair pair(kIkHfs);
  Bytes message(1400);
  const auto read = pair.responder->read(message);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), Fault::BadKey);
}

TEST(Noise, AnUnreducedKemKeyIsABadKemKey) {
  HybridPair pair(kXxHfs);
  auto message = pair.initiator->write({});
  ASSERT_TRUE(message);
  (*message)[32] = 0xff;
  (*message)[33] |= 0x0f;  // the first coefficient is now 4095 >= q
  const auto read = pair.responder->read(*message);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), Fault::BadKemKey);
}

}  // namespace
}  // namespace weft::noise
