#include "dht/record.hpp"

#include "base/assert.hpp"

namespace weft::dht {

namespace {

constexpr std::string_view kSignPrefix("weft record v1\0", 15);
constexpr std::string_view kImmutablePrefix("weft immutable v1\0", 18);
constexpr std::string_view kMutablePrefix("weft mutable v1\0", 16);
constexpr std::string_view kServicePrefix("weft service v1\0", 16);
constexpr std::string_view kAudiencePrefix("weft audience v1\0", 17);
constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kMaxSigned = 1ULL << 62;

Bytes signed_bytes(const Record& record, const NetworkId& network) {
  wire::Writer w;
  w.array(8).uint(kVersion).bin(network.view()).uint(static_cast<std::uint64_t>(record.kind));
  w.bin(record.author).bin(record.label).uint(record.seq);
  w.uint(static_cast<std::uint64_t>(record.expires)).bin(record.value);
  Bytes out;
  out.reserve(kSignPrefix.size() + w.bytes().size());
  append(out, bytes_of(kSignPrefix));
  append(out, w.bytes());
  return out;
}

Record signed_record(RecordKind kind, const Identity& author, const NetworkId& network,
                     ByteView label, std::uint64_t seq, UnixTime expires, ByteView value) {
  Record record;
  record.kind = kind;
  record.author = author.public_key();
  record.label = to_bytes(label);
  record.seq = seq;
  record.expires = expires;
  record.value = to_bytes(value);
  record.signature = crypto::ed25519_sign(author.key, signed_bytes(record, network));
  return record;
}

bool label_fits(const Record& record) {
  switch (record.kind) {
    case RecordKind::Immutable:
    case RecordKind::Node:
      return record.label.empty();
    case RecordKind::Mutable:
      return true;  // its length is error 207's business
    case RecordKind::Provider:
      return record.label.size() == NodeId::kSize;
  }
  return false;
}

Key to_key(const crypto::Hash& hash) { return Key{hash}; }

}  // namespace

Key mutable_key(const IdentityKey& author, ByteView salt) {
  return to_key(crypto::sha256({bytes_of(kMutablePrefix), author, salt}));
}

Key immutable_key(ByteView value) {
  return to_key(crypto::sha256({bytes_of(kImmutablePrefix), value}));
}

Key service_key(const NetworkId& network, std::string_view name) {
  return to_key(crypto::sha256({bytes_of(kServicePrefix), network.view(), bytes_of(name)}));
}

Key Record::key() const {
  switch (kind) {
    case RecordKind::Immutable:
      return immutable_key(value);
    case RecordKind::Mutable:
      return mutable_key(author, label);
    case RecordKind::Node:
      return node_id_of(author);
    case RecordKind::Provider:
      break;
  }
  Key result;
  if (label.size() == Key::kSize) std::ranges::copy(label, result.bytes.begin());
  return result;
}

Bytes Record::encode() const {
  const bool anonymous = kind == RecordKind::Immutable;
  wire::Writer w;
  w.array(8).uint(kVersion).uint(static_cast<std::uint64_t>(kind));
  anonymous ? w.nil() : w.bin(author);
  w.bin(label).uint(seq).uint(static_cast<std::uint64_t>(expires)).bin(value);
  anonymous ? w.nil() : w.bin(signature);
  return w.take();
}

Result<Record> Record::decode(ByteView bytes) {
  if (bytes.size() > kMaxDecoded) return fail(Errc::TooLarge, "record");
  auto r = wire::Reader::canonical(bytes);
  WEFT_TRY(const std::size_t fields, r.array(8));
  if (fields != 8) return fail(Errc::Malformed, "record of other than 8 fields");
  WEFT_TRY(const std::uint64_t version, r.uint());
  if (version != kVersion) return fail(Errc::Unsupported, "record version");
  WEFT_TRY(const std::uint64_t kind, r.uint());
  if (kind > static_cast<std::uint64_t>(RecordKind::Provider))
    return fail(Errc::Unsupported, "record kind");
  Record record;
  record.kind = static_cast<RecordKind>(kind);
  const bool anonymous = record.kind == RecordKind::Immutable;
  if (anonymous) {
    WEFT_CHECK(r.nil());
  } else {
    WEFT_TRY(record.author, r.fixed<32>());
  }
  // Over-long salts and values are read, so that the sender hears 207 or 205 and not just 203.
  WEFT_TRY(const ByteView label, r.bin(kMaxDecoded));
  record.label = to_bytes(label);
  WEFT_TRY(record.seq, r.uint());
  WEFT_TRY(const std::uint64_t expires, r.uint());
  if (expires > kMaxSigned || record.seq > kMaxSigned)
    return fail(Errc::TooLarge, "record sequence or time");
  record.expires = static_cast<UnixTime>(expires);
  WEFT_TRY(const ByteView value, r.bin(kMaxDecoded));
  record.value = to_bytes(value);
  if (anonymous) {
    WEFT_CHECK(r.nil());
    if (record.seq != 0 || record.expires != 0)
      return fail(Errc::Malformed, "immutable record with sequence or expiry");
  } else {
    WEFT_TRY(record.signature, r.fixed<64>());
  }
  WEFT_CHECK(r.finish());
  if (!label_fits(record)) return fail(Errc::Malformed, "record label");
  return record;
}

PutError Record::check(const NetworkId& network) const {
  if (value.size() > kMaxValue) return PutError::TooBig;
  if (kind == RecordKind::Mutable && label.size() > kMaxSalt) return PutError::SaltTooBig;
  if (!label_fits(*this)) return PutError::Protocol;
  if (kind == RecordKind::Immutable) return PutError::None;
  if (!crypto::ed25519_verify(author, signed_bytes(*this, network), signature))
    return PutError::BadSignature;
  return PutError::None;
}

Record Record::immutable(ByteView value) {
  Record record;
  record.value = to_bytes(value);
  return record;
}

Record Record::mutable_item(const Identity& author, const NetworkId& network, ByteView salt,
                            std::uint64_t seq, ByteView value, UnixTime expires) {
  return signed_record(RecordKind::Mutable, author, network, salt, seq, expires, value);
}

Record Record::node(const Identity& author, const NetworkId& network, std::uint64_t seq,
                    UnixTime expires, ByteView value) {
  return signed_record(RecordKind::Node, author, network, {}, seq, expires, value);
}

Record Record::provider(const Identity& author, const NetworkId& network, const Key& what,
                        std::uint64_t seq, UnixTime expires, ByteView value) {
  return signed_record(RecordKind::Provider, author, network, what.view(), seq, expires, value);
}

PutError may_replace(const Record* current, const Record& next, std::optional<std::uint64_t> cas) {
  if (next.kind == RecordKind::Immutable) return PutError::None;
  if (cas && current != nullptr && current->seq != *cas) return PutError::CasMismatch;
  if (current == nullptr) return PutError::None;
  if (next.seq < current->seq) return PutError::OldSequence;
  if (next.seq == current->seq &&
      (next.value != current->value || next.expires != current->expires))
    return PutError::OldSequence;
  return PutError::None;
}

Bytes NodeInfo::encode() const {
  wire::Writer w;
  w.array(4).bin(certificate);
  write_addresses(w, addresses, kMaxAddresses);
  w.array(relays.size());
  for (const NodeId& relay : relays) w.bin(relay.view());
  w.uint(capabilities);
  return w.take();
}

Result<NodeInfo> NodeInfo::decode(ByteView bytes) {
  auto r = wire::Reader::canonical(bytes);
  WEFT_TRY(const std::size_t fields, r.array(4));
  if (fields != 4) return fail(Errc::Malformed, "node info of other than 4 fields");
  NodeInfo info;
  WEFT_TRY(const ByteView certificate, r.bin(kMaxCertificateSize));
  info.certificate = to_bytes(certificate);
  WEFT_TRY(info.addresses, read_addresses(r, kMaxAddresses));
  WEFT_TRY(const std::size_t relays, r.array(kMaxRelays));
  for (std::size_t i = 0; i < relays; ++i) {
    WEFT_TRY(const auto id, r.fixed<32>());
    info.relays.push_back(NodeId{id});
  }
  WEFT_TRY(info.capabilities, r.uint());
  WEFT_CHECK(r.finish());
  return info;
}

crypto::Key32 audience_key(const ByteArray<32>& network_secret) {
  crypto::Key32 key;
  const crypto::Hash prk = crypto::hkdf_extract({}, network_secret);
  crypto::hkdf_expand(prk, bytes_of(kAudiencePrefix), key);
  return key;
}

Bytes seal_value(const crypto::Key32& audience, const Key& key, Rng& rng, ByteView plaintext) {
  const auto nonce = rng.bytes<24>();
  Bytes out = to_bytes(nonce);
  out.resize(plaintext.size() + kAudienceOverhead);
  crypto::xchacha20poly1305_seal(audience, nonce, key.view(), plaintext,
                                 MutableByteView(out).subspan(24));
  return out;
}

Result<Bytes> open_value(const crypto::Key32& audience, const Key& key, ByteView sealed) {
  if (sealed.size() < kAudienceOverhead) return fail(Errc::Malformed, "sealed value too short");
  WEFT_TRY(const auto nonce, to_array<24>(sealed.first(24)));
  Bytes out(sealed.size() - kAudienceOverhead);
  if (!crypto::xchacha20poly1305_open(audience, nonce, key.view(), sealed.subspan(24), out))
    return fail(Errc::AuthFailed, "value for another audience");
  return out;
}

}  // namespace weft::dht
