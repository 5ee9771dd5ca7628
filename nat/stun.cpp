#include "nat/stun.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"
#include "base/crypto.hpp"

namespace weft::nat {

namespace {

constexpr std::uint32_t kCookie = 0x2112A442;
constexpr std::uint32_t kFingerprintMask = 0x5354554e;  // RFC 8489 14.7
constexpr std::size_t kIntegritySize = 20;              // HMAC-SHA1

enum Attribute : std::uint16_t {
  kMappedAddress = 0x0001,
  kChangeRequest = 0x0003,
  kUsername = 0x0006,
  kIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kIntegritySha256 = 0x001c,
  kXorMapped = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kFingerprint = 0x8028,
};
constexpr std::uint16_t kOptional = 0x8000;  // such a type need not be understood

// CRC-32 of ISO 3309, bit by bit: messages have at most 548 bytes, and few of them come.
std::uint32_t crc32(ByteView bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

std::uint16_t type_of(StunClass kind, std::uint16_t method) {
  const unsigned c = static_cast<unsigned>(kind);
  const unsigned m = method;
  return static_cast<std::uint16_t>((m & 0x0f) | (c & 1) << 4 | (m & 0x70) << 1 | (c & 2) << 7 |
                                    (m & 0xf80) << 2);
}

StunClass class_of(std::uint16_t type) {
  return static_cast<StunClass>((type >> 4 & 1) | (type >> 7 & 2));
}

std::uint16_t method_of(std::uint16_t type) {
  return static_cast<std::uint16_t>((type & 0x0f) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
}

// The bytes before the attribute at `end`, with a length field as if it were the last one, of
// `size` bytes: what MESSAGE-INTEGRITY and FINGERPRINT are computed over.
Bytes covered(ByteView datagram, std::size_t end, std::size_t size) {
  Bytes out = to_bytes(datagram.first(end));
  const auto length = static_cast<std::uint16_t>(end - kStunHeader + 4 + size);
  out[2] = static_cast<std::uint8_t>(length >> 8);
  out[3] = static_cast<std::uint8_t>(length);
  return out;
}

// The cookie and the transaction id, which addresses are hidden with.
ByteArray<16> mask_of(const TransactionId& id) {
  ByteArray<16> mask{0x21, 0x12, 0xa4, 0x42};
  std::ranges::copy(id, mask.begin() + 4);
  return mask;
}

Result<Endpoint> read_address(ByteView value, const TransactionId& id) {
  const bool v6 = value.size() >= 2 && value[1] == 2;
  const bool v4 = value.size() >= 2 && value[1] == 1;
  if ((!v4 || value.size() != 8) && (!v6 || value.size() != 20))
    return fail(Errc::Malformed, "STUN: an address of no family");
  const auto mask = mask_of(id);
  Endpoint out;
  out.port = static_cast<std::uint16_t>(read_be<std::uint16_t>(value.subspan(2)) ^ 0x2112);
  ByteArray<16> address{};
  for (std::size_t i = 4; i < value.size(); ++i)
    address[i - 4] = static_cast<std::uint8_t>(value[i] ^ mask[i - 4]);
  if (v6) {
    out.address = address;
    return out;
  }
  return Endpoint::v4(read_be<std::uint32_t>(ByteView(address)), out.port);
}

void append_attribute(Bytes& out, std::uint16_t type, ByteView value) {
  append_be(out, type);
  append_be(out, static_cast<std::uint16_t>(value.size()));
  append(out, value);
  out.resize((out.size() + 3) & ~std::size_t{3});
}

void append_address(Bytes& out, const Endpoint& endpoint, const TransactionId& id) {
  const auto mask = mask_of(id);
  const std::size_t from = endpoint.is_v4() ? 12 : 0;
  Bytes value{0, static_cast<std::uint8_t>(endpoint.is_v4() ? 1 : 2)};
  append_be(value, static_cast<std::uint16_t>(endpoint.port ^ 0x2112));
  for (std::size_t i = from; i < 16; ++i)
    value.push_back(static_cast<std::uint8_t>(endpoint.address[i] ^ mask[i - from]));
  append_attribute(out, kXorMapped, value);
}

void set_length(Bytes& out, std::size_t more) {
  const auto length = static_cast<std::uint16_t>(out.size() - kStunHeader + more);
  out[2] = static_cast<std::uint8_t>(length >> 8);
  out[3] = static_cast<std::uint8_t>(length);
}

struct Reader {
  ByteView datagram;
  StunMessage out{};
  bool sealed = false;  // behind MESSAGE-INTEGRITY

  Result<void> take(std::uint16_t type, std::size_t at, ByteView value);
  Result<void> take_known(std::uint16_t type, ByteView value);
};

std::unexpected<Error> short_value() {
  return fail(Errc::Malformed, "STUN: an attribute is cut short");
}

Result<void> Reader::take(std::uint16_t type, std::size_t at, ByteView value) {
  if (type == kFingerprint) {
    const bool last = at + 8 == datagram.size();
    if (value.size() != 4 || !last) return fail(Errc::Malformed, "STUN: FINGERPRINT is not last");
    const auto right = crc32(covered(datagram, at, 4)) ^ kFingerprintMask;
    if (read_be<std::uint32_t>(value) != right)
      return fail(Errc::Malformed, "STUN: wrong FINGERPRINT");
    out.fingerprint = true;
    return {};
  }
  if (sealed) return {};
  if (type == kIntegrity || type == kIntegritySha256) {
    sealed = true;
    if (type == kIntegrity && value.size() != kIntegritySize) return short_value();
    if (type == kIntegrity) out.integrity = at;
    return {};
  }
  return take_known(type, value);
}

Result<void> Reader::take_known(std::uint16_t type, ByteView value) {
  switch (type) {
    case kUsername:
      if (value.size() > kMaxUsername) return fail(Errc::TooLarge, "STUN: USERNAME");
      if (out.username.empty()) out.username = text_of(value);
      return {};
    case kXorMapped:
      if (!out.mapped) {
        WEFT_TRY(out.mapped, read_address(value, out.id));
      }
      return {};
    case kPriority:
      if (value.size() != 4) return short_value();
      if (!out.priority) out.priority = read_be<std::uint32_t>(value);
      return {};
    case kChangeRequest:
      if (value.size() != 4) return short_value();
      out.change_host = out.change_host || (value[3] & 4) != 0;
      out.change_port = out.change_port || (value[3] & 2) != 0;
      return {};
    case kErrorCode:
      if (value.size() < 4) return short_value();
      if (out.error == 0)
        out.error = static_cast<std::uint16_t>((value[2] & 7) * 100 + value[3] % 100);
      return {};
    case kUnknownAttributes:
      for (std::size_t i = 0; i + 2 <= value.size() && out.unknown.size() < kMaxUnknown; i += 2)
        out.unknown.push_back(read_be<std::uint16_t>(value.subspan(i)));
      return {};
    case kMappedAddress:
    case kUseCandidate:
      return {};
    default:
      if (type < kOptional && out.kind == StunClass::Request && out.unknown.size() < kMaxUnknown)
        out.unknown.push_back(type);
      return {};
  }
}

}  // namespace

bool is_stun(ByteView datagram) {
  return datagram.size() >= kStunHeader && datagram[0] < 4 &&
         read_be<std::uint32_t>(datagram.subspan(4)) == kCookie &&
         read_be<std::uint16_t>(datagram.subspan(2)) + kStunHeader == datagram.size() &&
         datagram.size() % 4 == 0;
}

Result<StunMessage> decode_stun(ByteView datagram) {
  if (!is_stun(datagram)) return fail(Errc::Malformed, "not a STUN message");
  if (datagram.size() > kMaxStun) return fail(Errc::TooLarge, "STUN: longer than any we know");
  Reader reader{datagram};
  const auto type = read_be<std::uint16_t>(datagram);
  reader.out.kind = class_of(type);
  reader.out.method = method_of(type);
  std::ranges::copy(datagram.subspan(8, 12), reader.out.id.begin());
  for (std::size_t at = kStunHeader; at < datagram.size();) {
    // The length is a multiple of 4, so there is room for what comes before a value.
    const auto size = std::size_t{read_be<std::uint16_t>(datagram.subspan(at + 2))};
    if (size > datagram.size() - at - 4) return short_value();
    WEFT_CHECK(reader.take(read_be<std::uint16_t>(datagram.subspan(at)), at,
                           datagram.subspan(at + 4, size)));
    at += 4 + ((size + 3) & ~std::size_t{3});
  }
  return std::move(reader.out);
}

bool authentic(ByteView datagram, const StunMessage& message, ByteView key) {
  if (!message.integrity || key.empty()) return false;
  const std::size_t at = *message.integrity;
  WEFT_ASSERT(at + 4 + kIntegritySize <= datagram.size());
  const auto right = crypto::hmac_sha1(key, covered(datagram, at, kIntegritySize));
  return crypto::equal_constant_time(right, datagram.subspan(at + 4, kIntegritySize));
}

Bytes encode_stun(const StunMessage& message, ByteView key) {
  WEFT_ASSERT(message.username.size() <= kMaxUsername && message.unknown.size() <= kMaxUnknown);
  Bytes out;
  append_be(out, type_of(message.kind, message.method));
  append_be(out, std::uint16_t{0});
  append_be(out, kCookie);
  append(out, message.id);
  if (!message.username.empty()) append_attribute(out, kUsername, bytes_of(message.username));
  if (message.priority) {
    Bytes value;
    append_be(value, *message.priority);
    append_attribute(out, kPriority, value);
  }
  if (message.change_host || message.change_port) {
    const int flags = (message.change_host ? 4 : 0) | (message.change_port ? 2 : 0);
    append_attribute(out, kChangeRequest, ByteArray<4>{0, 0, 0, static_cast<std::uint8_t>(flags)});
  }
  if (message.mapped) append_address(out, *message.mapped, message.id);
  if (message.error != 0)
    append_attribute(out, kErrorCode,
                     ByteArray<4>{0, 0, static_cast<std::uint8_t>(message.error / 100),
                                  static_cast<std::uint8_t>(message.error % 100)});
  if (message.kind == StunClass::Error && !message.unknown.empty()) {
    Bytes value;
    for (const auto type : message.unknown) append_be(value, type);
    append_attribute(out, kUnknownAttributes, value);
  }
  if (!key.empty()) {
    set_length(out, 4 + kIntegritySize);
    append_attribute(out, kIntegrity, crypto::hmac_sha1(key, out));
  }
  set_length(out, message.fingerprint ? 8 : 0);
  if (message.fingerprint) {
    Bytes value;
    append_be(value, crc32(out) ^ kFingerprintMask);
    append_attribute(out, kFingerprint, value);
  }
  return out;
}

}  // namespace weft::nat
