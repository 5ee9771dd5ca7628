#include "base/sealed.hpp"

#include <cstring>

#include "base/assert.hpp"

namespace weft::sealed {

namespace {

constexpr std::uint8_t kHelloFlag = 0x01;
constexpr std::uint8_t kReplyFlag = 0x02;
constexpr std::size_t kKeyOffset = kGateOffset + kGateSize;
constexpr std::size_t kSizeField = 2;

constexpr std::string_view kKeyLabel = "weft dgram v1";
constexpr std::string_view kGateLabel = "weft dgram gate v1";
constexpr std::string_view kIdLabel = "weft dgram id v1";

class RealCrypto final : public Crypto {
 public:
  std::optional<SharedKey> shared_key(const crypto::Key32& own_secret,
                                      const crypto::Key32& peer_static,
                                      const NetworkId& network) const override {
    auto dh = crypto::x25519(own_secret, peer_static);
    if (!dh) return std::nullopt;
    Bytes info = to_bytes(bytes_of(kKeyLabel));
    append(info, network.bytes);
    auto prk = crypto::hkdf_extract({}, *dh);
    SharedKey out;
    crypto::hkdf_expand(prk, info, out);
    crypto::wipe(*dh);
    crypto::wipe(prk);
    return out;
  }

  Result<Certificate> certificate(ByteView bytes) const override {
    return Certificate::decode(bytes);
  }

  ByteArray<kGateSize> gate(const GateKey& key, ByteView datagram) const override {
    return crypto::siphash24(key, datagram);
  }

  void seal(const SharedKey& key, const Nonce& nonce, ByteView ad, ByteView plaintext,
            MutableByteView out) const override {
    crypto::xchacha20poly1305_seal(key, nonce, ad, plaintext, out);
  }

  bool open(const SharedKey& key, const Nonce& nonce, ByteView ad, ByteView ciphertext,
            MutableByteView out) const override {
    return crypto::xchacha20poly1305_open(key, nonce, ad, ciphertext, out);
  }
};

constexpr std::size_t header_size(bool hello) {
  return kKeyOffset + (hello ? sizeof(crypto::Key32) : sizeof(KeyId)) + sizeof(Nonce);
}

// The header as associated data leaves out the gate, which is computed over the box.
Bytes associated_data(ByteView header, const Direction& direction, bool hello) {
  Bytes out;
  out.reserve(header.size() + 3 * NodeId::kSize);
  append(out, header.first(kGateOffset));
  append(out, header.subspan(kKeyOffset));
  append(out, direction.network.bytes);
  append(out, hello ? NodeId{}.bytes : direction.sender.bytes);
  append(out, direction.receiver.bytes);
  return out;
}

void append_sized(Bytes& out, ByteView field) {
  append_be(out, static_cast<std::uint16_t>(field.size()));
  append(out, field);
}

Result<ByteView> take(ByteView& rest, std::size_t size) {
  if (rest.size() < size) return fail(Errc::Malformed, "sealed: truncated");
  const auto out = rest.first(size);
  rest = rest.subspan(size);
  return out;
}

Result<ByteView> take_sized(ByteView& rest) {
  WEFT_TRY(const ByteView size, take(rest, kSizeField));
  return take(rest, read_be<std::uint16_t>(size));
}

ByteArray<kGateSize> gate_of(const Crypto& crypto, const GateKey& key, ByteView datagram) {
  ByteArray<kMaxDatagram> copy;
  WEFT_ASSERT(datagram.size() <= copy.size());
  std::ranges::copy(datagram, copy.begin());
  std::memset(copy.data() + kGateOffset, 0, kGateSize);
  return crypto.gate(key, ByteView(copy).first(datagram.size()));
}

}  // namespace

GateKey gate_key(const ByteArray<32>& network_secret, const IdentityKey& receiver) {
  const auto hash = crypto::sha256({bytes_of(kGateLabel), network_secret, receiver});
  GateKey out;
  std::copy_n(hash.begin(), out.size(), out.begin());
  return out;
}

KeyId key_id_of(const crypto::Key32& static_key) {
  const auto hash = crypto::sha256({bytes_of(kIdLabel), static_key});
  KeyId out;
  std::copy_n(hash.begin(), out.size(), out.begin());
  return out;
}

const Crypto& real_crypto() {
  static const RealCrypto real;
  return real;
}

Result<Bytes> seal(const Crypto& crypto, const SharedKey& key, const GateKey& gate,
                   const Direction& direction, const Outgoing& message) {
  const bool hello = !message.hello_certificate.empty();
  const std::size_t natural =
      overhead(message.answers.has_value(), message.hello_certificate.size()) + message.body.size();
  const std::size_t size = std::max(natural, message.pad_to);
  if (size > kMaxDatagram) return fail(Errc::TooLarge, "sealed: does not fit a datagram");

  Bytes out;
  out.reserve(size);
  out.push_back(kFirstByte);
  out.push_back(kVersion);
  out.push_back(
      static_cast<std::uint8_t>((hello ? kHelloFlag : 0) | (message.answers ? kReplyFlag : 0)));
  out.resize(kKeyOffset);
  if (hello)
    append(out, message.sender_static);
  else
    append(out, key_id_of(message.sender_static));
  append(out, message.nonce);
  const Bytes ad = associated_data(out, direction, hello);

  Bytes plaintext;
  plaintext.reserve(size);
  if (message.answers) append(plaintext, *message.answers);
  if (hello) append_sized(plaintext, message.hello_certificate);
  append_sized(plaintext, message.body);
  plaintext.resize(plaintext.size() + size - natural);

  const std::size_t header = out.size();
  out.resize(size);
  WEFT_ASSERT(header + plaintext.size() + kTagSize == size);
  crypto.seal(key, message.nonce, ad, plaintext, MutableByteView(out).subspan(header));
  std::ranges::copy(gate_of(crypto, gate, out), out.begin() + kGateOffset);
  return out;
}

Result<Incoming> parse(ByteView datagram) {
  if (datagram.size() > kMaxDatagram) return fail(Errc::TooLarge, "sealed: too long");
  if (datagram.size() < header_size(false) + kTagSize + kSizeField || datagram[0] != kFirstByte)
    return fail(Errc::Malformed, "sealed: too short");
  if (datagram[1] != kVersion || (datagram[2] & ~(kHelloFlag | kReplyFlag)) != 0)
    return fail(Errc::Unsupported, "sealed: another version");
  Incoming out;
  out.datagram = datagram;
  out.reply = (datagram[2] & kReplyFlag) != 0;
  const bool hello = (datagram[2] & kHelloFlag) != 0;
  out.header_size = header_size(hello);
  if (datagram.size() < out.header_size + kTagSize + kSizeField)
    return fail(Errc::Malformed, "sealed: too short");
  const ByteView sender = datagram.subspan(kKeyOffset);
  if (hello) {
    std::copy_n(sender.begin(), sizeof(crypto::Key32), out.hello_static.emplace().begin());
  } else {
    std::copy_n(sender.begin(), sizeof(KeyId), out.sender.begin());
  }
  std::ranges::copy(datagram.first(out.header_size).last(sizeof(Nonce)), out.nonce.begin());
  return out;
}

bool gate_matches(const Crypto& crypto, const GateKey& own, const Incoming& incoming) {
  return crypto::equal_constant_time(gate_of(crypto, own, incoming.datagram),
                                     incoming.datagram.subspan(kGateOffset, kGateSize));
}

Result<Opened> open(const Crypto& crypto, const SharedKey& key, const Direction& direction,
                    const Incoming& incoming, UnixTime now, const CertificateHash& verified) {
  const auto header = incoming.datagram.first(incoming.header_size);
  const auto box = incoming.datagram.subspan(incoming.header_size);
  Bytes plaintext(box.size() - kTagSize);
  const Bytes ad = associated_data(header, direction, incoming.hello());
  if (!crypto.open(key, incoming.nonce, ad, box, plaintext))
    return fail(Errc::AuthFailed, "sealed: forged, damaged or for another pair");

  Opened out;
  ByteView rest = plaintext;
  if (incoming.reply) {
    WEFT_TRY(const ByteView answers, take(rest, sizeof(Nonce)));
    std::ranges::copy(answers, out.answers.emplace().begin());
  }
  out.sender = direction.sender;
  if (incoming.hello()) {
    WEFT_TRY(const ByteView encoded, take_sized(rest));
    out.certificate_hash = weft::crypto::sha256(encoded);
    WEFT_TRY(out.certificate, out.certificate_hash == verified ? Certificate::parse(encoded)
                                                               : crypto.certificate(encoded));
    WEFT_CHECK(out.certificate->check(direction.network, *incoming.hello_static, now));
    out.sender = out.certificate->node();
  }
  WEFT_TRY(const ByteView body, take_sized(rest));
  if (!std::ranges::all_of(rest, [](std::uint8_t b) { return b == 0; }))
    return fail(Errc::NonCanonical, "sealed: padding is not zero");
  out.body = to_bytes(body);
  return out;
}

const PeerKey* PeerKeys::find(const KeyId& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return &found->second->peer;
}

void PeerKeys::insert(const KeyId& id, const PeerKey& peer) {
  forget(id);
  if (capacity_ == 0) return;
  if (by_id_.size() >= capacity_) forget(KeyId(recent_.back().id));
  recent_.push_front({id, peer});
  by_id_[id] = recent_.begin();
}

void PeerKeys::forget(const KeyId& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  crypto::wipe(found->second->peer.key);
  recent_.erase(found->second);
  by_id_.erase(found);
}

void PeerKeys::clear() {
  for (auto& entry : recent_) crypto::wipe(entry.peer.key);
  recent_.clear();
  by_id_.clear();
}

std::size_t PeerKeys::IdHash::operator()(const KeyId& id) const noexcept {
  std::size_t out = 0;  // an id is already a hash
  std::memcpy(&out, id.data(), sizeof out);
  return out;
}

}  // namespace weft::sealed
