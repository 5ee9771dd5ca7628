#include "overlay/session/noise.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::noise {

namespace {

void sha256_digest(ByteView a, ByteView b, MutableByteView out) {
  const auto digest = crypto::sha256({a, b});
  std::ranges::copy(digest, out.begin());
}

void sha256_hmac(ByteView key, ByteView a, ByteView b, MutableByteView out) {
  const auto mac = crypto::hmac_sha256(key, {a, b});
  std::ranges::copy(mac, out.begin());
}

bool uses_kem(const Pattern& pattern) {
  return std::ranges::any_of(pattern.messages, [](const MessagePattern& message) {
    return std::find(message.tokens.begin(), message.tokens.begin() + message.count, Token::E1) !=
           message.tokens.begin() + message.count;
  });
}

crypto::Key32 first32(ByteView bytes) {
  crypto::Key32 out;
  std::copy_n(bytes.begin(), out.size(), out.begin());
  return out;
}

}  // namespace

const HashSuite kSha256{"SHA256", 32, sha256_digest, sha256_hmac};
const AeadSuite kChaChaPoly{"ChaChaPoly", false, crypto::chacha20poly1305_seal,
                            crypto::chacha20poly1305_open};

std::string protocol_name(const Pattern& pattern, const AeadSuite& aead, const HashSuite& hash) {
  std::string name = "Noise_";
  name.append(pattern.name).append(uses_kem(pattern) ? "_25519+MLKEM768_" : "_25519_");
  name.append(aead.name).append("_").append(hash.name);
  return name;
}

void CipherState::initialise(const AeadSuite& aead, const crypto::Key32& key) {
  aead_ = &aead;
  key_ = key;
  counter_ = 0;
}

void CipherState::clear() {
  crypto::wipe(key_);
  aead_ = nullptr;
}

ByteArray<12> CipherState::next_nonce() {
  ByteArray<12> nonce{};
  for (unsigned i = 0; i < 8; ++i) {
    const unsigned shift = aead_->big_endian_nonce ? 56 - 8 * i : 8 * i;
    nonce[4 + i] = static_cast<std::uint8_t>(counter_ >> shift);
  }
  ++counter_;
  return nonce;
}

Bytes CipherState::seal(ByteView ad, ByteView plaintext) {
  const auto nonce = next_nonce();
  return aead_->seal(key_, nonce, ad, plaintext);
}

std::optional<Bytes> CipherState::open(ByteView ad, ByteView ciphertext) {
  const auto nonce = next_nonce();
  return aead_->open(key_, nonce, ad, ciphertext);
}

Handshake::Handshake(Params params, Rng& rng) : params_(std::move(params)), rng_(rng) {
  const std::string name = protocol_name(*params_.pattern, *params_.aead, *params_.hash);
  if (name.size() <= params_.hash->size) {
    std::ranges::copy(bytes_of(name), h_.begin());
  } else {
    params_.hash->digest(bytes_of(name), {}, {h_.data(), params_.hash->size});
  }
  ck_ = h_;
  mix_hash(params_.prologue);
  rs_ = params_.rs;
  const auto& own = params_.s;
  if (params_.pattern->initiator_static_known) {
    WEFT_ASSERT(params_.initiator ? own.has_value() : rs_.has_value());
    mix_hash(params_.initiator ? own->public_key : *rs_);
  }
  if (params_.pattern->responder_static_known) {
    WEFT_ASSERT(params_.initiator ? rs_.has_value() : own.has_value());
    mix_hash(params_.initiator ? *rs_ : own->public_key);
  }
}

Handshake::~Handshake() {
  crypto::wipe(ck_);
  if (e_) crypto::wipe(e_->secret);
  if (params_.s) crypto::wipe(params_.s->secret);
  if (e1_) crypto::wipe(e1_->decapsulation_key);
  for (auto& psk : params_.psks) crypto::wipe(psk);
}

void Handshake::mix_hash(ByteView data) {
  HashBuffer next{};
  params_.hash->digest(hash(), data, {next.data(), params_.hash->size});
  h_ = next;
}

template <std::size_t N>
std::array<Handshake::HashBuffer, N> Handshake::hkdf(ByteView input) const {
  const std::size_t size = params_.hash->size;
  HashBuffer temp{};
  params_.hash->hmac({ck_.data(), size}, input, {}, {temp.data(), size});
  std::array<HashBuffer, N> out{};
  ByteView previous;
  for (std::size_t i = 0; i < N; ++i) {
    const std::uint8_t index = static_cast<std::uint8_t>(i + 1);
    params_.hash->hmac({temp.data(), size}, previous, {&index, 1}, {out[i].data(), size});
    previous = {out[i].data(), size};
  }
  crypto::wipe(temp);
  return out;
}

void Handshake::mix_key(ByteView input) {
  auto out = hkdf<2>(input);
  ck_ = out[0];
  cipher_.initialise(*params_.aead, first32(out[1]));
  crypto::wipe(out[1]);
}

void Handshake::mix_key_and_hash(ByteView input) {
  auto out = hkdf<3>(input);
  ck_ = out[0];
  mix_hash({out[1].data(), params_.hash->size});
  cipher_.initialise(*params_.aead, first32(out[2]));
  crypto::wipe(out[2]);
}

std::array<crypto::Key32, 2> Handshake::derive(ByteView label) const {
  const auto out = hkdf<2>(label);
  return {first32(out[0]), first32(out[1])};
}

void Handshake::encrypt_and_hash(Bytes& out, ByteView plaintext) {
  const std::size_t start = out.size();
  if (cipher_.has_key()) {
    append(out, cipher_.seal(hash(), plaintext));
  } else {
    append(out, plaintext);
  }
  mix_hash(ByteView(out).subspan(start));
}

Outcome<Bytes> Handshake::decrypt_and_hash(ByteView ciphertext) {
  if (!cipher_.has_key()) {
    mix_hash(ciphertext);
    return to_bytes(ciphertext);
  }
  if (ciphertext.size() < crypto::kTagSize) return std::unexpected(Fault::Malformed);
  auto plaintext = cipher_.open(hash(), ciphertext);
  if (!plaintext) return std::unexpected(Fault::Auth);
  mix_hash(ciphertext);
  return std::move(*plaintext);
}

Outcome<ByteView> Handshake::take(ByteView& rest, std::size_t size) const {
  if (rest.size() < size) return std::unexpected(Fault::Malformed);
  const ByteView head = rest.first(size);
  rest = rest.subspan(size);
  return head;
}

// Which of our keys meets which of theirs: es is always initiator's e with responder's s.
Outcome<void> Handshake::mix_dh(Token token) {
  const bool ours_static =
      token == Token::SS || token == (params_.initiator ? Token::SE : Token::ES);
  const bool theirs_static =
      token == Token::SS || token == (params_.initiator ? Token::ES : Token::SE);
  const auto& ours = ours_static ? params_.s : e_;
  const auto& theirs = theirs_static ? rs_ : re_;
  WEFT_ASSERT(ours && theirs);
  auto shared = crypto::x25519(ours->secret, *theirs);
  if (!shared) return std::unexpected(Fault::BadKey);
  mix_key(*shared);
  crypto::wipe(*shared);
  return {};
}

Outcome<void> Handshake::write_kem(Token token, Bytes& out) {
  if (token == Token::E1) {
    auto seed = rng_.bytes<mlkem768::kSeedSize>();
    e1_ = std::make_unique<mlkem768::KeyPair>(mlkem768::from_seed(seed));
    crypto::wipe(seed);
    encrypt_and_hash(out, e1_->encapsulation_key);
    return {};
  }
  auto coins = rng_.bytes<32>();
  auto sealed = mlkem768::encapsulate_with(re1_, coins);
  crypto::wipe(coins);
  if (!sealed) return std::unexpected(Fault::BadKemKey);
  encrypt_and_hash(out, sealed->ciphertext);
  mix_key(sealed->secret);
  crypto::wipe(sealed->secret);
  return {};
}

Outcome<void> Handshake::read_kem(Token token, ByteView& rest) {
  const std::size_t tag = cipher_.has_key() ? crypto::kTagSize : 0;
  const std::size_t size =
      token == Token::E1 ? mlkem768::kEncapsulationKeySize : mlkem768::kCiphertextSize;
  auto field = take(rest, size + tag);
  if (!field) return std::unexpected(field.error());
  auto plain = decrypt_and_hash(*field);
  if (!plain) return std::unexpected(plain.error());
  if (token == Token::E1) {
    if (!mlkem768::is_valid(*plain)) return std::unexpected(Fault::BadKemKey);
    re1_ = std::move(*plain);
    return {};
  }
  if (!e1_) return std::unexpected(Fault::State);
  mlkem768::Ciphertext ciphertext;
  std::ranges::copy(*plain, ciphertext.begin());
  auto secret = mlkem768::decapsulate(e1_->decapsulation_key, ciphertext);
  mix_key(secret);
  crypto::wipe(secret);
  return {};
}

Outcome<void> Handshake::write_token(Token token, Bytes& out) {
  switch (token) {
    case Token::E: {
      auto secret = rng_.bytes<32>();
      e_ = crypto::X25519KeyPair::from_secret(secret);
      crypto::wipe(secret);
      append(out, e_->public_key);
      mix_hash(e_->public_key);
      if (params_.pattern->psk) mix_key(e_->public_key);
      return {};
    }
    case Token::S:
      WEFT_ASSERT(params_.s.has_value());
      encrypt_and_hash(out, params_.s->public_key);
      return {};
    case Token::E1:
    case Token::Ekem1:
      return write_kem(token, out);
    case Token::Psk:
      WEFT_ASSERT(next_psk_ < params_.psks.size());
      mix_key_and_hash(params_.psks[next_psk_++]);
      return {};
    case Token::EE:
    case Token::ES:
    case Token::SE:
    case Token::SS:
      return mix_dh(token);
  }
  return std::unexpected(Fault::State);
}

Outcome<void> Handshake::read_token(Token token, ByteView& rest) {
  switch (token) {
    case Token::E: {
      auto field = take(rest, 32);
      if (!field) return std::unexpected(field.error());
      re_ = first32(*field);
      mix_hash(*re_);
      if (params_.pattern->psk) mix_key(*re_);
      return {};
    }
    case Token::S: {
      auto field = take(rest, 32 + (cipher_.has_key() ? crypto::kTagSize : 0));
      if (!field) return std::unexpected(field.error());
      auto plain = decrypt_and_hash(*field);
      if (!plain) return std::unexpected(plain.error());
      rs_ = first32(*plain);
      return {};
    }
    case Token::E1:
    case Token::Ekem1:
      return read_kem(token, rest);
    case Token::Psk:
      WEFT_ASSERT(next_psk_ < params_.psks.size());
      mix_key_and_hash(params_.psks[next_psk_++]);
      return {};
    case Token::EE:
    case Token::ES:
    case Token::SE:
    case Token::SS:
      return mix_dh(token);
  }
  return std::unexpected(Fault::State);
}

Outcome<Bytes> Handshake::write(ByteView payload) {
  const bool our_turn = (next_ % 2 == 0) == params_.initiator;
  if (poisoned_ || complete() || !our_turn) return std::unexpected(Fault::State);
  const MessagePattern& message = params_.pattern->messages[next_];
  Bytes out;
  out.reserve(payload.size() + 1400);
  for (std::size_t i = 0; i < message.count; ++i) {
    if (auto done = write_token(message.tokens[i], out); !done) {
      poisoned_ = true;
      return std::unexpected(done.error());
    }
  }
  encrypt_and_hash(out, payload);
  ++next_;
  return out;
}

Outcome<Bytes> Handshake::read(ByteView message) {
  const bool our_turn = (next_ % 2 == 1) == params_.initiator;
  if (poisoned_ || complete() || !our_turn) return std::unexpected(Fault::State);
  if (message.size() > kMaxMessageSize) return std::unexpected(Fault::Malformed);
  poisoned_ = true;  // until the last byte has verified
  const MessagePattern& pattern = params_.pattern->messages[next_];
  for (std::size_t i = 0; i < pattern.count; ++i) {
    if (auto done = read_token(pattern.tokens[i], message); !done)
      return std::unexpected(done.error());
  }
  auto payload = decrypt_and_hash(message);
  if (!payload) return payload;
  poisoned_ = false;
  ++next_;
  return payload;
}

}  // namespace weft::noise
