#include "overlay/broker/batch.hpp"

#include <string_view>

#include "base/wire.hpp"
#include "overlay/broker/topic.hpp"

namespace weft::broker {

namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kRetain = 1;  // of the flags
constexpr std::string_view kContext("weft broker v1\0", 15);

void pack(wire::Writer& out, const Message& message) {
  const std::size_t fields = !message.headers.empty() ? 4 : !message.reply.empty() ? 3 : 2;
  out.array(fields).str(message.topic).bin(message.payload);
  if (fields > 2) out.str(message.reply);
  if (fields > 3) out.bin(message.headers);
}

void pack_body(wire::Writer& out, const Batch& batch) {
  out.uint(kVersion).bin(batch.key).uint(batch.epoch).uint(batch.first).uint(batch.stamp);
  out.uint(batch.retain ? kRetain : 0).array(batch.messages.size());
  for (const auto& message : batch.messages) pack(out, message);
}

Bytes to_sign(const Batch& batch, const NetworkId& network) {
  Bytes out = to_bytes(bytes_of(kContext));
  append(out, network.view());
  wire::Writer body;
  body.array(7);
  pack_body(body, batch);
  append(out, body.bytes());
  return out;
}

Result<Message> read_message(wire::Reader& in) {
  WEFT_TRY(const auto fields, in.array(4));
  if (fields < 2) return fail(Errc::Malformed, "a message without a payload");
  Message out;
  WEFT_TRY(const auto topic, in.str(kMaxTopic));
  WEFT_TRY(const auto payload, in.bin(kMaxPayload));
  out.topic = topic;
  out.payload = to_bytes(payload);
  if (fields > 2) {
    WEFT_TRY(const auto reply, in.str(kMaxTopic));
    out.reply = reply;
  }
  if (fields > 3) {
    WEFT_TRY(const auto headers, in.bin(kMaxPayload));
    out.headers = to_bytes(headers);
  }
  const bool short_form =
      (fields == 4) != out.headers.empty() && (fields == 4 || (fields == 3) != out.reply.empty());
  if (!short_form) return fail(Errc::NonCanonical, "a message with an empty end");
  if (!is_topic(out.topic) || (!out.reply.empty() && !is_topic(out.reply)))
    return fail(Errc::Malformed, "no topic");
  return out;
}

}  // namespace

Bytes Batch::encode() const {
  wire::Writer out;
  out.array(8);
  pack_body(out, *this);
  out.bin(signature);
  return out.take();
}

Result<Batch> Batch::decode(ByteView bytes) {
  if (bytes.size() > kMaxBatch) return fail(Errc::TooLarge, "a batch of messages");
  auto in = wire::Reader::canonical(bytes);
  WEFT_TRY(const auto fields, in.array(8));
  WEFT_TRY(const auto version, in.uint());
  if (fields != 8 || version != kVersion) return fail(Errc::Unsupported, "a batch of messages");
  Batch out;
  WEFT_TRY(out.key, in.fixed<32>());
  WEFT_TRY(out.epoch, in.uint());
  WEFT_TRY(out.first, in.uint());
  WEFT_TRY(out.stamp, in.uint());
  WEFT_TRY(const auto flags, in.uint());
  WEFT_TRY(const auto count, in.array(kMaxMessages));
  if (out.epoch > kMaxNumber || out.first == 0 || out.first > kMaxNumber || flags > kRetain ||
      count == 0 || (flags == kRetain && count > 1))
    return fail(Errc::Malformed, "a batch of messages");
  out.retain = flags == kRetain;
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(auto message, read_message(in));
    out.messages.push_back(std::move(message));
  }
  WEFT_TRY(out.signature, in.fixed<64>());
  WEFT_CHECK(in.finish());
  out.publisher = node_id_of(out.key);
  out.raw = to_bytes(bytes);
  return out;
}

bool Batch::verify(const NetworkId& network) const {
  return crypto::ed25519_verify(key, to_sign(*this, network), signature);
}

void Batch::sign(const Identity& identity, const NetworkId& network) {
  key = identity.public_key();
  publisher = identity.id;
  signature = crypto::ed25519_sign(identity.key, to_sign(*this, network));
  raw = encode();
}

}  // namespace weft::broker
