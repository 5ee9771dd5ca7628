#include "overlay/session/handshake.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/wire.hpp"

namespace weft::session {

namespace {

constexpr std::uint32_t kQuicVersion = 1;
constexpr std::size_t kMaxOffered = 8;
constexpr std::size_t kMaxTransport = 512;

HandshakeFault from_noise(noise::Fault fault) {
  switch (fault) {
    case noise::Fault::Auth:
      return HandshakeFault::NoiseAuth;
    case noise::Fault::BadKey:
      return HandshakeFault::BadKey;
    case noise::Fault::BadKemKey:
      return HandshakeFault::BadKemKey;
    case noise::Fault::Malformed:
    case noise::Fault::State:
      break;
  }
  return HandshakeFault::Malformed;
}

std::unexpected<HandshakeFault> refuse(HandshakeFault fault) { return std::unexpected(fault); }

Bytes own_offer() {
  const auto aes = static_cast<std::uint8_t>(PacketCipherSuite::Aes256Gcm);
  const auto chacha = static_cast<std::uint8_t>(PacketCipherSuite::ChaCha20Poly1305);
  return crypto::has_aes_hardware() ? Bytes{aes, chacha} : Bytes{chacha, aes};
}

bool offers(ByteView offered, PacketCipherSuite suite) {
  return std::ranges::find(offered, static_cast<std::uint8_t>(suite)) != offered.end();
}

}  // namespace

std::string_view name_of(HandshakeFault fault) {
  switch (fault) {
    case HandshakeFault::NoiseAuth:
      return "the peer's handshake does not verify";
    case HandshakeFault::Suite:
      return "no common cipher suite or handshake form";
    case HandshakeFault::BadKey:
      return "low-order public key";
    case HandshakeFault::BadKemKey:
      return "ML-KEM key is not reduced";
    case HandshakeFault::Malformed:
      return "handshake message does not parse";
    case HandshakeFault::CertMalformed:
      return "certificate does not parse";
    case HandshakeFault::CertSignature:
      return "certificate signature is wrong";
    case HandshakeFault::CertNetwork:
      return "certificate is for another network";
    case HandshakeFault::CertExpired:
      return "certificate is outside its time";
    case HandshakeFault::CertStaticMismatch:
      return "certificate is for another static key";
    case HandshakeFault::CertEpoch:
      return "certificate was replaced by a newer one";
    case HandshakeFault::CertRemoved:
      return "the node was removed from the network";
    case HandshakeFault::CertUnknown:
      return "the node is not a member of the network";
    case HandshakeFault::CertIdentity:
      return "another node answered than the one dialled";
    case HandshakeFault::CryptoBuffer:
      return "handshake message is too long";
  }
  return "unknown";
}

std::uint64_t& counter_for(SessionCounters& counters, HandshakeFault fault) {
  switch (fault) {
    case HandshakeFault::NoiseAuth:
      return counters.noise_auth;
    case HandshakeFault::Suite:
      return counters.suite;
    case HandshakeFault::BadKey:
      return counters.bad_key;
    case HandshakeFault::BadKemKey:
      return counters.bad_kem_key;
    case HandshakeFault::Malformed:
      return counters.malformed;
    case HandshakeFault::CertMalformed:
      return counters.cert_malformed;
    case HandshakeFault::CertSignature:
      return counters.cert_signature;
    case HandshakeFault::CertNetwork:
      return counters.cert_network;
    case HandshakeFault::CertExpired:
      return counters.cert_expired;
    case HandshakeFault::CertStaticMismatch:
      return counters.cert_static_mismatch;
    case HandshakeFault::CertEpoch:
      return counters.cert_epoch;
    case HandshakeFault::CertRemoved:
      return counters.cert_removed;
    case HandshakeFault::CertUnknown:
      return counters.cert_unknown;
    case HandshakeFault::CertIdentity:
      return counters.cert_identity;
    case HandshakeFault::CryptoBuffer:
      return counters.crypto_buffer;
  }
  return counters.malformed;
}

std::uint8_t alert_of(HandshakeFault fault) {
  return static_cast<std::uint8_t>(0xe0 + static_cast<std::uint8_t>(fault));
}

std::optional<HandshakeFault> fault_of_alert(std::uint64_t alert) {
  if (alert <= 0xe0 || alert > 0xe0 + kLastHandshakeFault) return std::nullopt;
  return static_cast<HandshakeFault>(alert - 0xe0);
}

Bytes frame_message(MessageType type, ByteView body) {
  WEFT_ASSERT(body.size() <= kMaxMessageBody);
  Bytes out{static_cast<std::uint8_t>(type)};
  out.reserve(body.size() + 3);
  append_be(out, static_cast<std::uint16_t>(body.size()));
  append(out, body);
  return out;
}

Step<void> MessageReader::feed(ByteView bytes) {
  // A whole message and its head may wait here; anything beyond is a flood.
  if (pending_.size() + bytes.size() > limit_ + 3) return refuse(HandshakeFault::CryptoBuffer);
  append(pending_, bytes);
  return {};
}

Step<std::optional<MessageReader::Message>> MessageReader::next() {
  if (pending_.size() < 3) return std::optional<Message>{};
  const std::size_t size = read_be<std::uint16_t>(ByteView(pending_).subspan(1));
  if (size > limit_) return refuse(HandshakeFault::CryptoBuffer);
  if (pending_.size() < 3 + size) return std::optional<Message>{};
  const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(3 + size);
  Message message{pending_[0], Bytes(pending_.begin() + 3, end)};
  pending_.erase(pending_.begin(), end);
  return std::optional(std::move(message));
}

Bytes HandshakePayload::encode() const {
  return wire::Writer()
      .array(6)
      .bin(transport)
      .bin(certificate)
      .uint(roster_seq)
      .bin(roster_head)
      .uint(cipher)
      .uint(time)
      .take();
}

Step<HandshakePayload> HandshakePayload::decode(ByteView bytes) {
  auto reader = wire::Reader::lenient(bytes);
  const auto parse = [&]() -> Result<HandshakePayload> {
    WEFT_TRY(const auto size, reader.array(16));
    if (size < 5) return fail(Errc::Malformed, "handshake payload");
    HandshakePayload payload;
    WEFT_TRY(const auto transport, reader.bin(kMaxTransport));
    WEFT_TRY(const auto certificate, reader.bin(kMaxCertificateSize));
    WEFT_TRY(payload.roster_seq, reader.uint());
    WEFT_TRY(payload.roster_head, reader.fixed<32>());
    WEFT_TRY(payload.cipher, reader.uint());
    if (size > 5) {
      WEFT_TRY(payload.time, reader.uint());
    }
    for (std::size_t extra = 6; extra < size; ++extra) WEFT_CHECK(reader.skip());
    payload.transport = to_bytes(transport);
    payload.certificate = to_bytes(certificate);
    return payload;
  };
  auto payload = parse();
  if (!payload) return refuse(HandshakeFault::Malformed);
  return std::move(*payload);
}

Handshake::Handshake(HandshakeContext context, const IdentityKey& expected,
                     std::optional<crypto::Key32> static_key, bool join)
    : context_(std::move(context)),
      initiator_(true),
      join_(join),
      form_(static_key && !join ? Form::Ik : Form::Xx),
      expected_(expected),
      expected_static_(static_key),
      credential_(context_.network->credential) {}

Handshake::Handshake(HandshakeContext context)
    : context_(std::move(context)), initiator_(false), credential_(context_.network->credential) {}

Bytes Handshake::prologue(ByteView offered) const {
  const auto& pattern = form_ == Form::Ik ? noise::kIkHfs : noise::kXxHfs;
  const std::string name = noise::protocol_name(pattern, noise::kChaChaPoly, noise::kSha256);
  Bytes out = to_bytes(bytes_of("weft/1"));
  append_be(out, kQuicVersion);
  append(out, context_.network->id.bytes);
  out.push_back(join_ ? 1 : 0);
  const IdentityKey responder = initiator_ ? expected_ : context_.self.public_key();
  append(out, form_ == Form::Ik ? responder : IdentityKey{});
  out.push_back(static_cast<std::uint8_t>(name.size()));
  append(out, bytes_of(name));
  out.push_back(static_cast<std::uint8_t>(offered.size()));
  append(out, offered);
  return out;
}

void Handshake::start_noise(const StaticCredential& credential, ByteView offered) {
  credential_ = credential;
  noise::Params params;
  params.pattern = form_ == Form::Ik ? &noise::kIkHfs : &noise::kXxHfs;
  params.initiator = initiator_;
  params.prologue = prologue(offered);
  params.s = credential.key;
  if (initiator_ && form_ == Form::Ik) params.rs = expected_static_;
  noise_ = std::make_unique<noise::Handshake>(std::move(params), context_.rng);
}

HandshakePayload Handshake::own_payload(ByteView transport, bool identity, UnixTime now) const {
  HandshakePayload payload;
  payload.transport = to_bytes(transport);
  if (!identity) return payload;
  payload.time = static_cast<std::uint64_t>(std::max<UnixTime>(now, 0));
  payload.certificate = credential_.certificate.encode();
  payload.roster_seq = context_.network->roster_seq;
  payload.roster_head = context_.network->roster_head;
  if (!initiator_) payload.cipher = static_cast<std::uint64_t>(cipher_);
  return payload;
}

Step<HandshakePayload> Handshake::open(ByteView message) {
  auto plain = noise_->read(message);
  if (!plain) return refuse(from_noise(plain.error()));
  return HandshakePayload::decode(*plain);
}

Step<Bytes> Handshake::hello(ByteView transport, UnixTime now) {
  offered_ = own_offer();
  start_noise(context_.network->credential, offered_);
  Bytes body{static_cast<std::uint8_t>(form_), static_cast<std::uint8_t>(join_ ? 1 : 0),
             static_cast<std::uint8_t>(offered_.size())};
  append(body, offered_);
  auto message = noise_->write(own_payload(transport, form_ == Form::Ik, now).encode());
  if (!message) return refuse(from_noise(message.error()));
  append(body, *message);
  return frame_message(MessageType::Hello, body);
}

Step<void> Handshake::pick_cipher(ByteView offered) {
  const bool aes_first = offered[0] == static_cast<std::uint8_t>(PacketCipherSuite::Aes256Gcm) &&
                         crypto::has_aes_hardware();
  const bool chacha = offers(offered, PacketCipherSuite::ChaCha20Poly1305);
  if (!chacha && !offers(offered, PacketCipherSuite::Aes256Gcm))
    return refuse(HandshakeFault::Suite);
  cipher_ =
      aes_first || !chacha ? PacketCipherSuite::Aes256Gcm : PacketCipherSuite::ChaCha20Poly1305;
  return {};
}

Step<Bytes> Handshake::on_hello(ByteView body, UnixTime now) {
  if (body.size() < 3) return refuse(HandshakeFault::Malformed);
  const std::size_t count = body[2];
  if (body[0] > 1 || body[1] > 1 || count == 0 || count > kMaxOffered)
    return refuse(HandshakeFault::Suite);
  form_ = static_cast<Form>(body[0]);
  join_ = body[1] == 1;
  if (join_ && form_ == Form::Ik) return refuse(HandshakeFault::Suite);
  if (body.size() < 3 + count) return refuse(HandshakeFault::Malformed);
  const ByteView offered = body.subspan(3, count);
  const ByteView message = body.subspan(3 + count);
  if (auto picked = pick_cipher(offered); !picked) return refuse(picked.error());

  start_noise(context_.network->credential, offered);
  auto payload = open(message);
  const auto& previous = context_.network->previous;
  if (!payload && payload.error() == HandshakeFault::NoiseAuth && form_ == Form::Ik && previous &&
      previous->certificate.not_after >= now) {
    start_noise(*previous, offered);
    payload = open(message);
  }
  if (!payload) return refuse(payload.error());
  if (form_ == Form::Ik) {
    if (auto judged = judge(*payload, now); !judged) return refuse(judged.error());
  }
  return std::move(payload->transport);
}

Step<Bytes> Handshake::reply(ByteView transport, UnixTime now) {
  Bytes body{static_cast<std::uint8_t>(cipher_)};
  auto message = noise_->write(own_payload(transport, true, now).encode());
  if (!message) return refuse(from_noise(message.error()));
  append(body, *message);
  return frame_message(MessageType::Reply, body);
}

Step<Bytes> Handshake::on_reply(ByteView body, UnixTime now) {
  if (body.empty()) return refuse(HandshakeFault::Malformed);
  auto payload = open(body.subspan(1));
  if (!payload) return refuse(payload.error());
  // The clear byte is only a copy: what h binds is the one inside.
  if (payload->cipher != body[0] || !offers(offered_, static_cast<PacketCipherSuite>(body[0])))
    return refuse(HandshakeFault::Suite);
  cipher_ = static_cast<PacketCipherSuite>(body[0]);
  if (auto judged = judge(*payload, now); !judged) return refuse(judged.error());
  return std::move(payload->transport);
}

Step<Bytes> Handshake::finish(UnixTime now) {
  if (form_ == Form::Ik) return frame_message(MessageType::Finish, confirm());
  auto message = noise_->write(own_payload({}, true, now).encode());
  if (!message) return refuse(from_noise(message.error()));
  return frame_message(MessageType::Finish, *message);
}

Step<void> Handshake::on_finish(ByteView body, UnixTime now) {
  if (form_ == Form::Ik) {
    if (!crypto::equal_constant_time(body, confirm())) return refuse(HandshakeFault::NoiseAuth);
    // Judged at its first message; it may have been removed since.
    return judge_membership(*peer_, now);
  }
  auto payload = open(body);
  if (!payload) return refuse(payload.error());
  return judge(*payload, now);
}

Step<void> Handshake::judge(const HandshakePayload& payload, UnixTime now) {
  auto certificate = Certificate::decode(payload.certificate);
  if (!certificate) {
    return refuse(certificate.error().code == Errc::BadSignature ? HandshakeFault::CertSignature
                                                                 : HandshakeFault::CertMalformed);
  }
  const auto presented = noise_->remote_static();
  if (certificate->network != context_.network->id) return refuse(HandshakeFault::CertNetwork);
  if (!presented || certificate->static_key != *presented)
    return refuse(HandshakeFault::CertStaticMismatch);
  constexpr std::uint64_t kFarthest = 1ull << 40;  // beyond it is no time at all
  if (payload.time > 0 && payload.time < kFarthest)
    clock_ahead_ = static_cast<std::int64_t>(payload.time) - now;
  if (!certificate->check(context_.network->id, *presented, now)) {
    untimely_ = *certificate;
    return refuse(HandshakeFault::CertExpired);
  }
  if (initiator_ && certificate->identity != expected_) return refuse(HandshakeFault::CertIdentity);
  peer_roster_seq_ = payload.roster_seq;
  peer_roster_head_ = payload.roster_head;
  if (auto member = judge_membership(*certificate, now); !member) {
    if (member.error() == HandshakeFault::CertUnknown) unknown_ = *certificate;
    return member;
  }
  peer_ = *certificate;
  return {};
}

Step<void> Handshake::judge_membership(const Certificate& certificate, UnixTime now) {
  const NodeId node = certificate.node();
  const NetworkId& network = context_.network->id;
  switch (context_.trust.verdict(network, node, now)) {
    case Verdict::Removed:
      return refuse(HandshakeFault::CertRemoved);
    case Verdict::Unknown:
      if (!join_ || (!initiator_ && !context_.network->accept_joiners))
        return refuse(HandshakeFault::CertUnknown);
      stranger_ = true;
      break;
    case Verdict::Member:
      break;
  }
  if (certificate.epoch < context_.trust.epoch_floor(network, node))
    return refuse(HandshakeFault::CertEpoch);
  return {};
}

std::array<crypto::Key32, 2> Handshake::handshake_secrets() const {
  return noise_->derive(bytes_of("weft hs"));
}

crypto::Hash Handshake::channel_binding() const {
  crypto::Hash out;
  std::ranges::copy(noise_->hash(), out.begin());
  return out;
}

crypto::Hash Handshake::confirm() const {
  auto keys = noise_->derive(bytes_of("weft fin"));
  const auto mac = crypto::hmac_sha256(keys[0], noise_->hash());
  for (auto& key : keys) crypto::wipe(key);
  return mac;
}

}  // namespace weft::session
