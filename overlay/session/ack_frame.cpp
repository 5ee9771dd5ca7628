#include "overlay/session/ack_frame.hpp"

#include <optional>

namespace weft::session {

namespace {

constexpr std::uint8_t kAck = 0x02;
constexpr std::uint8_t kAckEcn = 0x03;

// RFC 9000 16; takes the number off the front.
std::optional<std::uint64_t> varint(ByteView& bytes) {
  if (bytes.empty()) return std::nullopt;
  const std::size_t size = std::size_t{1} << (bytes[0] >> 6);
  if (bytes.size() < size) return std::nullopt;
  std::uint64_t value = bytes[0] & 0x3fu;
  for (std::size_t i = 1; i < size; ++i) value = value << 8 | bytes[i];
  bytes = bytes.subspan(size);
  return value;
}

}  // namespace

AckRanges leading_ack(ByteView plaintext) {
  if (plaintext.empty() || (plaintext[0] != kAck && plaintext[0] != kAckEcn)) return {};
  ByteView rest = plaintext.subspan(1);
  const auto largest = varint(rest);
  const auto delay = varint(rest);
  const auto more = varint(rest);
  const auto first = varint(rest);
  if (!largest || !delay || !more || !first || *first > *largest) return {};
  AckRanges out;
  out.ranges[out.count++] = {*largest - *first, *largest};
  std::uint64_t smallest = *largest - *first;
  for (std::uint64_t i = 0; i < *more && out.count < AckRanges::kMost; ++i) {
    const auto gap = varint(rest);
    const auto length = varint(rest);
    if (!gap || !length || smallest < *gap + 2 || smallest - *gap - 2 < *length) return {};
    const std::uint64_t last = smallest - *gap - 2;
    smallest = last - *length;
    out.ranges[out.count++] = {smallest, last};
  }
  return out;
}

}  // namespace weft::session
