#include "overlay/post/null_sealer.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weft::post {

namespace {

// 0x04 | version | flags | reserved 8: receiver id 4, sender handle 4 | key
// field | nonce 24
constexpr std::uint8_t kHello = 1;
constexpr std::uint8_t kReply = 2;
constexpr std::size_t kHeader = 11;

std::size_t key_field(bool hello) { return hello ? 32 : sizeof(sealed::KeyId); }

void write_be32(std::uint8_t* out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

std::uint64_t load_be64(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  return value;
}

}  // namespace

dht::ContactHandle NullSealer::sender_of(ByteView datagram) {
  if (datagram.size() < kHeader || datagram[0] != sealed::kFirstByte)
    return dht::ContactHandle::None;
  return dht::ContactHandle{read_be<std::uint32_t>(datagram.subspan(7))};
}

bool NullSealer::is_reply(ByteView datagram) {
  return datagram.size() >= kHeader && (datagram[2] & kReply) != 0;
}

std::size_t NullSealer::overhead(bool reply, bool hello) const {
  return sealed::overhead(reply, hello ? kCertificateSize : 0);
}

std::size_t NullSealer::seal(const Contact& to, const ToSeal& message, MutableByteView out) {
  const bool reply = message.answers.has_value();
  const std::size_t natural = overhead(reply, message.hello) + message.body.size();
  const std::size_t size = std::max(natural, message.pad_to);
  if (size > out.size() || size > sealed::kMaxDatagram) return 0;
  std::uint8_t* p = out.data();
  std::memset(p, 0, size);
  p[0] = sealed::kFirstByte;
  p[1] = sealed::kVersion;
  p[2] = static_cast<std::uint8_t>((message.hello ? kHello : 0) | (reply ? kReply : 0));
  std::memcpy(p + 3, to.id.bytes.data(), 4);
  write_be32(p + 7, static_cast<std::uint32_t>(self_));
  std::uint8_t* nonce = p + kHeader + key_field(message.hello);
  std::memcpy(nonce, message.nonce.data(), message.nonce.size());
  std::uint8_t* box = nonce + message.nonce.size();
  if (reply) {
    std::memcpy(box, message.answers->data(), message.answers->size());
    box += message.answers->size();
  }
  if (message.hello) box += 2 + kCertificateSize;
  *box++ = static_cast<std::uint8_t>(message.body.size() >> 8);
  *box++ = static_cast<std::uint8_t>(message.body.size());
  if (!message.body.empty()) std::memcpy(box, message.body.data(), message.body.size());
  return size;
}

std::optional<Unsealed> NullSealer::open(Instant, ByteView datagram) {
  if (datagram.size() < kHeader || datagram[0] != sealed::kFirstByte ||
      datagram[1] != sealed::kVersion)
    return std::nullopt;
  const bool hello = (datagram[2] & kHello) != 0;
  const bool reply = (datagram[2] & kReply) != 0;
  if (datagram.size() < overhead(reply, hello)) return std::nullopt;
  const NodeId& own = book_.id(self_);
  if (!std::equal(own.bytes.begin(), own.bytes.begin() + 4, datagram.begin() + 3))
    return std::nullopt;
  const auto sender = read_be<std::uint32_t>(datagram.subspan(7));
  if (!book_.contains(dht::ContactHandle{sender})) return std::nullopt;
  const Contact& contact = book_.at(dht::ContactHandle{sender});
  Unsealed result;
  result.sender = contact.id;
  result.hello = hello;
  result.proven = true;
  result.identity = contact.identity;
  result.static_key = contact.static_key;
  std::size_t at = kHeader + key_field(hello);
  std::copy_n(datagram.begin() + static_cast<std::ptrdiff_t>(at), 24, result.nonce.begin());
  at += 24;
  if (reply) {
    result.answers.emplace();
    std::copy_n(datagram.begin() + static_cast<std::ptrdiff_t>(at), 24, result.answers->begin());
    at += 24;
  }
  if (hello) at += 2 + kCertificateSize;
  const std::size_t size = read_be<std::uint16_t>(datagram.subspan(at));
  at += 2;
  if (size + sealed::kTagSize > datagram.size() - at) return std::nullopt;
  result.body = datagram.subspan(at, size);
  return result;
}

std::uint64_t NullSealer::mac(const ByteArray<16>& key, ByteView message) const {
  std::uint64_t value = read_be<std::uint64_t>(key);
  std::size_t at = 0;
  for (; at + 8 <= message.size(); at += 8) {
    value = (value ^ load_be64(message.data() + at)) * 0x9e3779b97f4a7c15ULL;
    value ^= value >> 29;
  }
  for (; at < message.size(); ++at) value = (value ^ message[at]) * 0x100000001b3ULL;
  value ^= value >> 31;
  return value * 0x9e3779b97f4a7c15ULL;
}

}  // namespace weft::post
