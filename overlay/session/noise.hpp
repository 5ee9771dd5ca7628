// The Noise protocol framework, revision 34, with the hybrid forward secrecy extension (noise_hfs
// revision 1: tokens e1 and ekem1), as one table-driven engine.
//
// Invariants
//  1. Tokens are processed in table order; a failed read poisons the state: nothing works after it.
//  2. Key material is overwritten when it is replaced and when the object dies.
//  3. No randomness of its own: ephemeral keys come from the Rng handed in (32 bytes for e, 64 for
//     e1, 32 for ekem1, in that order of tokens), so a scripted Rng replays published vectors.
//
// The product instantiates kIkHfs and kXxHfs with kSha256 and kChaChaPoly, nothing weaker. Other
// patterns, hashes and ciphers are parameters that only tests pass in.
#pragma once

#include <array>
#include <expected>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/mlkem.hpp"
#include "base/rng.hpp"

namespace weft::noise {

enum class Token : std::uint8_t { E, S, EE, ES, SE, SS, E1, Ekem1, Psk };

struct MessagePattern {
  std::array<Token, 8> tokens{};
  std::size_t count = 0;
  constexpr MessagePattern() = default;
  constexpr MessagePattern(std::initializer_list<Token> list) {
    for (Token t : list) tokens[count++] = t;
  }
};

struct Pattern {
  std::string_view name;
  bool initiator_static_known = false;  // pre-message "-> s"
  bool responder_static_known = false;  // pre-message "<- s"
  std::array<MessagePattern, 3> messages{};
  std::size_t message_count = 0;
  bool psk = false;
};

inline constexpr Pattern kIkHfs{
    "IKhfs",
    false,
    true,
    {MessagePattern{Token::E, Token::ES, Token::E1, Token::S, Token::SS},
     MessagePattern{Token::E, Token::EE, Token::Ekem1, Token::SE}},
    2};
inline constexpr Pattern kXxHfs{
    "XXhfs",
    false,
    false,
    {MessagePattern{Token::E, Token::E1},
     MessagePattern{Token::E, Token::EE, Token::Ekem1, Token::S, Token::ES},
     MessagePattern{Token::S, Token::SE}},
    3};

inline constexpr std::size_t kMaxHashSize = 64;
inline constexpr std::size_t kMaxMessageSize = 65535;

struct HashSuite {
  std::string_view name;
  std::size_t size;                                                         // 32 or 64
  void (*digest)(ByteView a, ByteView b, MutableByteView out);              // H(a | b)
  void (*hmac)(ByteView key, ByteView a, ByteView b, MutableByteView out);  // HMAC(key, a | b)
};
struct AeadSuite {
  std::string_view name;
  bool big_endian_nonce;
  Bytes (*seal)(const crypto::Key32&, const ByteArray<12>&, ByteView ad, ByteView plaintext);
  std::optional<Bytes> (*open)(const crypto::Key32&, const ByteArray<12>&, ByteView ad,
                               ByteView ciphertext);
};
extern const HashSuite kSha256;
extern const AeadSuite kChaChaPoly;

enum class Fault : std::uint8_t {
  Auth,       // an AEAD did not verify
  BadKey,     // an X25519 result of all zeros
  BadKemKey,  // an encapsulation key that is not reduced
  Malformed,  // too short or too long
  State,      // used out of turn
};
template <class T>
using Outcome = std::expected<T, Fault>;

// ChaCha20-Poly1305 (or a test's cipher) with Noise's counter nonces.
class CipherState {
 public:
  void initialise(const AeadSuite& aead, const crypto::Key32& key);
  void clear();
  [[nodiscard]] bool has_key() const { return aead_ != nullptr; }
  Bytes seal(ByteView ad, ByteView plaintext);
  std::optional<Bytes> open(ByteView ad, ByteView ciphertext);
  [[nodiscard]] const crypto::Key32& key() const { return key_; }
  ~CipherState() { clear(); }

 private:
  ByteArray<12> next_nonce();
  const AeadSuite* aead_ = nullptr;
  crypto::Key32 key_{};
  std::uint64_t counter_ = 0;
};

struct Params {
  const Pattern* pattern = &kXxHfs;
  const HashSuite* hash = &kSha256;
  const AeadSuite* aead = &kChaChaPoly;
  bool initiator = true;
  Bytes prologue;
  std::optional<crypto::X25519KeyPair> s;
  std::optional<crypto::Key32> rs;
  std::vector<crypto::Key32> psks;
};

// "Noise_IKhfs_25519+MLKEM768_ChaChaPoly_SHA256"
std::string protocol_name(const Pattern& pattern, const AeadSuite& aead, const HashSuite& hash);

class Handshake {
 public:
  Handshake(Params params, Rng& rng);
  ~Handshake();
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  Outcome<Bytes> write(ByteView payload);
  Outcome<Bytes> read(ByteView message);  // the payload
  [[nodiscard]] bool complete() const { return next_ == params_.pattern->message_count; }

  // The peer's static key, once known.
  [[nodiscard]] const std::optional<crypto::Key32>& remote_static() const { return rs_; }
  [[nodiscard]] ByteView hash() const { return {h_.data(), params_.hash->size}; }
  // HKDF(ck, label): two secrets beside Split(), at whatever point the handshake is.
  [[nodiscard]] std::array<crypto::Key32, 2> derive(ByteView label) const;
  // Split(): initiator-to-responder first. REQUIRES: complete().
  [[nodiscard]] std::array<crypto::Key32, 2> split() const { return derive({}); }

 private:
  using HashBuffer = std::array<std::uint8_t, kMaxHashSize>;

  void mix_hash(ByteView data);
  void mix_key(ByteView input);
  void mix_key_and_hash(ByteView input);
  template <std::size_t N>
  std::array<HashBuffer, N> hkdf(ByteView input) const;
  void encrypt_and_hash(Bytes& out, ByteView plaintext);
  Outcome<Bytes> decrypt_and_hash(ByteView ciphertext);
  Outcome<ByteView> take(ByteView& rest, std::size_t size) const;
  Outcome<void> mix_dh(Token token);
  Outcome<void> write_token(Token token, Bytes& out);
  Outcome<void> read_token(Token token, ByteView& rest);
  Outcome<void> write_kem(Token token, Bytes& out);
  Outcome<void> read_kem(Token token, ByteView& rest);

  Params params_;
  Rng& rng_;
  HashBuffer h_{};
  HashBuffer ck_{};
  CipherState cipher_;
  std::optional<crypto::X25519KeyPair> e_;
  std::optional<crypto::Key32> re_;
  std::optional<crypto::Key32> rs_;
  std::unique_ptr<mlkem768::KeyPair> e1_;
  Bytes re1_;
  std::size_t next_ = 0;
  std::size_t next_psk_ = 0;
  bool poisoned_ = false;
};

}  // namespace weft::noise
