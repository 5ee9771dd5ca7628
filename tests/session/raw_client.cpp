#include "tests/session/raw_client.hpp"

#include "base/assert.hpp"

namespace weft::session::testing {

namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kPacketNumberSize = 4;

HandshakeContext context_of(harness::Pair& pair) {
  return {pair.a.identity, pair.trust, pair.a.rng,
          std::make_shared<const NetworkContext>(pair.a.network)};
}

ByteArray<12> nonce_of(const ByteArray<12>& iv, std::uint64_t packet) {
  ByteArray<12> nonce = iv;
  for (int i = 0; i < 8; ++i)
    nonce[static_cast<std::size_t>(11 - i)] ^= static_cast<std::uint8_t>(packet >> (8 * i));
  return nonce;
}

std::uint64_t take_varint(ByteView& in) {
  WEFT_ASSERT(!in.empty());
  const std::size_t size = 1u << (in[0] >> 6);
  WEFT_ASSERT(in.size() >= size);
  std::uint64_t value = in[0] & 0x3f;
  for (std::size_t i = 1; i < size; ++i) value = value << 8 | in[i];
  in = in.subspan(size);
  return value;
}

}  // namespace

void put_varint(Bytes& out, std::uint64_t value) {
  const int size = value < 64 ? 1 : value < 16384 ? 2 : value < (1u << 30) ? 4 : 8;
  const int mark = size == 1 ? 0 : size == 2 ? 0x40 : size == 4 ? 0x80 : 0xc0;
  for (int i = size - 1; i >= 0; --i) {
    auto byte = static_cast<std::uint8_t>(value >> (8 * i));
    if (i == size - 1) byte = static_cast<std::uint8_t>(byte | mark);
    out.push_back(byte);
  }
}

Bytes crypto_frame(std::uint64_t offset, ByteView bytes) {
  Bytes out{0x06};
  put_varint(out, offset);
  put_varint(out, bytes.size());
  append(out, bytes);
  return out;
}

Bytes stream_frame(std::uint64_t stream, std::uint64_t offset, ByteView bytes, bool fin) {
  Bytes out{static_cast<std::uint8_t>(0x0e | (fin ? 1 : 0))};
  put_varint(out, stream);
  put_varint(out, offset);
  put_varint(out, bytes.size());
  append(out, bytes);
  return out;
}

Bytes path_challenge_frame(std::uint64_t data) {
  Bytes out{0x1a};
  append_be(out, data);
  return out;
}

Bytes new_connection_id_frame(std::uint64_t sequence, std::uint64_t retire_prior_to) {
  Bytes out{0x18};
  put_varint(out, sequence);
  put_varint(out, retire_prior_to);
  out.push_back(8);
  append_be(out, 0x7000000000000000ULL + sequence);
  append_be(out, sequence);
  append_be(out, sequence);  // the reset token
  return out;
}

Bytes reset_stream_frame(std::uint64_t stream) {
  Bytes out{0x04};
  put_varint(out, stream);
  put_varint(out, 1);
  put_varint(out, 0);
  return out;
}

RawClient::Keys RawClient::make_keys(PacketCipherSuite suite, const Secret& seal,
                                     const Secret& open) {
  return {derive_packet_keys(suite, seal, PacketCipher::Direction::Seal, true),
          derive_packet_keys(suite, open, PacketCipher::Direction::Open, true), 0};
}

RawClient::RawClient(harness::Pair& pair, bool ik)
    : from(pair.a.endpoint),
      pair_(pair),
      handshake_(context_of(pair), pair.b.identity.public_key(),
                 ik ? std::optional(pair.b.network.credential.key.public_key) : std::nullopt,
                 false),
      scid_(to_bytes(pair.a.rng.bytes<kCidSize>())),
      dcid_(to_bytes(pair.a.rng.bytes<kCidSize>())),
      first_dcid_(dcid_) {
  const auto secrets = initial_secrets(first_dcid_);
  keys(Level::Initial) = make_keys(PacketCipherSuite::Aes128Gcm, secrets.client, secrets.server);
}

Bytes RawClient::hello() {
  Bytes parameters;
  const auto number = [&](std::uint64_t id, std::uint64_t value) {
    Bytes encoded;
    put_varint(encoded, value);
    put_varint(parameters, id);
    put_varint(parameters, encoded.size());
    append(parameters, encoded);
  };
  number(0x04, 16 << 20);  // flow control, generous
  number(0x05, 4 << 20);
  number(0x06, 4 << 20);
  number(0x08, 1000);
  number(0x0e, 8);
  put_varint(parameters, 0x0f);  // our connection id
  put_varint(parameters, scid_.size());
  append(parameters, scid_);
  auto message = handshake_.hello(parameters, harness::kEpoch);
  WEFT_ASSERT(message.has_value());
  return *message;
}

Bytes RawClient::send(Level level, ByteView frames) {
  Keys& k = keys(level);
  const std::uint64_t number = k.next_packet++;
  Bytes payload = to_bytes(frames);
  Bytes packet;
  std::uint8_t form_bits = 0x1f;
  if (level == Level::OneRtt) {
    packet.push_back(0x40 | (kPacketNumberSize - 1));
    append(packet, dcid_);
    payload.resize(std::max<std::size_t>(payload.size(), 8));  // enough for the sample
  } else {
    form_bits = 0x0f;
    const std::uint8_t type = level == Level::Initial ? 0x00 : 0x20;
    packet.push_back(static_cast<std::uint8_t>(0xc0 | type | (kPacketNumberSize - 1)));
    append_be(packet, kVersion);
    packet.push_back(static_cast<std::uint8_t>(dcid_.size()));
    append(packet, dcid_);
    packet.push_back(static_cast<std::uint8_t>(scid_.size()));
    append(packet, scid_);
    if (level == Level::Initial) {
      const auto gate = make_gate_token(
          gate_key(pair_.a.network.secret, pair_.b.identity.public_key()), kVersion, dcid_, scid_);
      put_varint(packet, gate.size());
      append(packet, gate);
      const std::size_t so_far = packet.size() + 2 + kPacketNumberSize + PacketCipher::kTagSize;
      if (payload.size() + so_far < 1200) payload.resize(1200 - so_far);  // PADDING
    }
    const auto length = kPacketNumberSize + payload.size() + PacketCipher::kTagSize;
    append_be(packet, static_cast<std::uint16_t>(0x4000 | length));
  }
  const std::size_t number_at = packet.size();
  append_be(packet, static_cast<std::uint32_t>(number));
  Bytes sealed(payload.size() + PacketCipher::kTagSize);
  WEFT_ASSERT(k.seal.cipher->seal(sealed, payload, nonce_of(k.seal.iv, number), packet));
  append(packet, sealed);
  ByteArray<5> mask;
  WEFT_ASSERT(k.seal.header->mask(mask, ByteView(packet).subspan(number_at + 4, 16)));
  packet[0] ^= static_cast<std::uint8_t>(mask[0] & form_bits);
  for (std::size_t i = 0; i < kPacketNumberSize; ++i) packet[number_at + i] ^= mask[i + 1];
  send_raw(packet);
  return packet;
}

void RawClient::send_raw(ByteView datagram) {
  pair_.b.layer.handle_datagram(pair_.now,
                                {PathId::Udp, pair_.b.endpoint, from, Ecn::NotEct, datagram});
}

void RawClient::send_hello(ByteView message) {
  constexpr std::size_t kPiece = 1000;
  for (std::size_t at = 0; at < message.size(); at += kPiece)
    send(Level::Initial,
         crypto_frame(at, message.subspan(at, std::min(kPiece, message.size() - at))));
}

bool RawClient::connect() {
  send_hello(hello());
  for (const auto& datagram : replies()) read(datagram);
  MessageReader reader;
  std::uint64_t expected = 0;
  for (const auto& [offset, bytes] : crypto_) {
    if (offset != expected) return false;
    expected += bytes.size();
    if (!reader.feed(bytes)) return false;
  }
  const auto message = reader.next();
  if (!message || !message->has_value()) return false;
  if (!handshake_.on_reply((*message)->body, harness::kEpoch)) return false;
  const auto handshake = handshake_.handshake_secrets();
  keys(Level::Handshake) = make_keys(handshake_.cipher(), handshake[0], handshake[1]);
  const auto finish = handshake_.finish(harness::kEpoch);
  if (!finish) return false;
  send(Level::Handshake, crypto_frame(0, *finish));
  const auto traffic = handshake_.traffic_secrets();
  keys(Level::OneRtt) = make_keys(handshake_.cipher(), traffic[0], traffic[1]);
  replies();
  return session().has_value();
}

std::vector<Bytes> RawClient::replies() {
  std::vector<Bytes> out;
  Bytes buffer(kTransmitBufferSize);
  while (auto t = pair_.b.layer.poll_transmit(pair_.now, buffer)) {
    const std::size_t segment = t->segment_size ? t->segment_size : t->size;
    for (std::size_t at = 0; at < t->size; at += segment)
      out.push_back(to_bytes(ByteView(buffer).subspan(at, std::min(segment, t->size - at))));
  }
  while (auto event = pair_.b.layer.poll_event()) pair_.b.events.push_back(std::move(*event));
  return out;
}

std::optional<SessionId> RawClient::session() const {
  const auto ups = harness::Pair::of<SessionUp>(pair_.b);
  if (ups.empty()) return std::nullopt;
  return ups.back().session;
}

// Long packets only: what b says before the handshake is through.
void RawClient::read(ByteView datagram) {
  while (!datagram.empty() && (datagram[0] & 0x80) != 0) {
    const auto level = (datagram[0] & 0x30) == 0 ? Level::Initial : Level::Handshake;
    ByteView at = datagram.subspan(5);
    at = at.subspan(1 + std::size_t{at[0]});
    dcid_ = to_bytes(at.subspan(1, at[0]));
    at = at.subspan(1 + std::size_t{at[0]});
    if (level == Level::Initial) at = at.subspan(take_varint(at));
    const auto length = take_varint(at);
    const auto number_at = static_cast<std::size_t>(at.data() - datagram.data());
    if (level == Level::Initial) {
      Keys& k = keys(level);
      Bytes packet = to_bytes(datagram.first(number_at + length));
      ByteArray<5> mask;
      WEFT_ASSERT(k.open.header->mask(mask, ByteView(packet).subspan(number_at + 4, 16)));
      packet[0] ^= static_cast<std::uint8_t>(mask[0] & 0x0f);
      const std::size_t size = (packet[0] & 3u) + 1;
      std::uint64_t number = 0;
      for (std::size_t i = 0; i < size; ++i) {
        packet[number_at + i] ^= mask[i + 1];
        number = number << 8 | packet[number_at + i];
      }
      const auto head = ByteView(packet).first(number_at + size);
      const auto sealed = ByteView(packet).subspan(number_at + size);
      Bytes frames(sealed.size() - PacketCipher::kTagSize);
      WEFT_ASSERT(k.open.cipher->open(frames, sealed, nonce_of(k.open.iv, number), head));
      read_frames(level, frames);
    }
    datagram = datagram.subspan(number_at + length);
  }
}

void RawClient::read_frames(Level, ByteView frames) {
  while (!frames.empty()) {
    const auto type = take_varint(frames);
    if (type == 0x00 || type == 0x01) continue;  // PADDING, PING
    if (type == 0x02 || type == 0x03) {          // ACK
      take_varint(frames);
      take_varint(frames);
      const auto ranges = take_varint(frames);
      take_varint(frames);
      for (std::uint64_t i = 0; i < 2 * ranges; ++i) take_varint(frames);
      for (int i = 0; type == 0x03 && i < 3; ++i) take_varint(frames);
      continue;
    }
    WEFT_ASSERT(type == 0x06);  // b sends nothing else here
    const auto offset = take_varint(frames);
    const auto size = take_varint(frames);
    crypto_[offset] = to_bytes(frames.first(size));
    frames = frames.subspan(size);
  }
}

}  // namespace weft::session::testing
