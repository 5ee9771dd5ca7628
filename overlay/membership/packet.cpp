#include "overlay/membership/packet.hpp"

#include <algorithm>

#include "base/wire.hpp"

namespace weft::membership {

namespace {

constexpr std::size_t kHeadElements = 5;
constexpr std::size_t kMaxHead = 16;  // elements of a packet; later versions may add some
constexpr std::size_t kMaxList = 8;   // elements of an element
constexpr std::size_t kDigest = 32;
constexpr std::size_t kShortDigest = 8;

std::size_t count_of(const Packet& p) {
  switch (p.type) {
    case PacketType::PingRequest:
      return 1 + p.words.size();
    case PacketType::Compare:
      return p.ranges.size();
    case PacketType::Items:
      return 1 + p.items.size();
    case PacketType::Ask:
      return p.ids.size();
    case PacketType::Claims:
      return p.claims.size();
    default:
      return p.words.size();
  }
}

void write(wire::Writer& out, const Range& range) {
  Bytes prefix;
  append_be(prefix, range.prefix);
  prefix.resize((range.depth + 1u) / 2u);
  out.uint(range.depth).bin(prefix);
}

Bytes id_bytes(std::uint64_t id) {
  Bytes out;
  append_be(out, id);
  return out;
}

Result<void> skip_rest(wire::Reader& in, std::size_t have, std::size_t known) {
  for (std::size_t i = known; i < have; ++i) WEFT_CHECK(in.skip());
  return {};
}

Result<std::size_t> open(wire::Reader& in, std::size_t wanted) {
  WEFT_TRY(const auto elements, in.array(kMaxList));
  if (elements < wanted) return fail(Errc::Malformed, "membership: element too short");
  return elements;
}

Result<Range> read_range(wire::Reader& in) {
  WEFT_TRY(const auto depth, in.uint());
  if (depth > kMaxDepth) return fail(Errc::TooLarge, "membership: range too deep");
  WEFT_TRY(const auto prefix, in.bin(kMaxDepth / 2));
  Range out;
  out.depth = static_cast<std::uint8_t>(depth);
  if (prefix.size() != (depth + 1) / 2) return fail(Errc::Malformed, "membership: prefix");
  Bytes whole = to_bytes(prefix);
  whole.resize(4);
  out.prefix = read_be<std::uint32_t>(whole);
  if (depth < kMaxDepth && (out.prefix << (4 * depth)) != 0)
    return fail(Errc::NonCanonical, "membership: prefix");
  return out;
}

Result<std::uint64_t> read_id(wire::Reader& in) {
  WEFT_TRY(const auto id, in.fixed<8>());
  return read_be<std::uint64_t>(id);
}

Result<void> read_words(wire::Reader& in, std::size_t count, Packet& out) {
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(const auto word, in.bin(kMaxClaim));
    out.words.push_back(to_bytes(word));
  }
  return {};
}

Result<void> read_compare(wire::Reader& in, std::size_t count, Packet& out) {
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(const auto elements, open(in, 4));
    RangeDigest one;
    WEFT_TRY(one.range, read_range(in));
    WEFT_TRY(const auto digest, in.bin(kDigest));
    if (digest.size() != kDigest && digest.size() != kShortDigest)
      return fail(Errc::Malformed, "membership: digest");
    one.digest = to_bytes(digest);
    WEFT_TRY(one.count, in.uint());
    WEFT_CHECK(skip_rest(in, elements, 4));
    out.ranges.push_back(std::move(one));
  }
  return {};
}

Result<void> read_items(wire::Reader& in, std::size_t count, Packet& out) {
  if (count == 0) return fail(Errc::Malformed, "membership: items of nothing");
  WEFT_TRY(const auto head, open(in, 2));
  WEFT_TRY(out.range, read_range(in));
  WEFT_CHECK(skip_rest(in, head, 2));
  for (std::size_t i = 1; i < count; ++i) {
    WEFT_TRY(const auto elements, open(in, 3));
    Item item;
    WEFT_TRY(item.id, read_id(in));
    WEFT_TRY(item.incarnation, in.uint());
    WEFT_TRY(const auto kind, in.uint());
    if (item.incarnation > kHighestIncarnation || kind < 1 || kind > 2)
      return fail(Errc::Malformed, "membership: item");
    item.kind = static_cast<ClaimKind>(kind);
    WEFT_CHECK(skip_rest(in, elements, 3));
    out.items.push_back(item);
  }
  return {};
}

Result<void> read_claims(wire::Reader& in, std::size_t count, Packet& out) {
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(const auto elements, open(in, 2));
    ToldClaim one;
    WEFT_TRY(one.state, in.uint());
    WEFT_TRY(const auto word, in.bin(kMaxClaim));
    one.word = to_bytes(word);
    WEFT_CHECK(skip_rest(in, elements, 2));
    out.claims.push_back(std::move(one));
  }
  return {};
}

Result<void> read_elements(wire::Reader& in, std::size_t count, Packet& out) {
  switch (out.type) {
    case PacketType::PingRequest: {
      if (count == 0) return fail(Errc::Malformed, "membership: a request without its target");
      WEFT_TRY(out.target.bytes, in.fixed<32>());
      return read_words(in, count - 1, out);
    }
    case PacketType::Compare:
      return read_compare(in, count, out);
    case PacketType::Items:
      return read_items(in, count, out);
    case PacketType::Ask:
      for (std::size_t i = 0; i < count; ++i) {
        WEFT_TRY(const auto id, read_id(in));
        out.ids.push_back(id);
      }
      return {};
    case PacketType::Claims:
      return read_claims(in, count, out);
    default:
      return read_words(in, count, out);
  }
}

}  // namespace

bool Range::contains(const NodeId& node) const {
  if (depth == 0) return true;
  const auto top = static_cast<std::uint32_t>(node.word(0) >> 32);
  return (top ^ prefix) >> (32 - 4 * depth) == 0;
}
NodeId Range::first() const {
  NodeId out;
  for (std::size_t i = 0; i < 4; ++i)
    out.bytes[i] = static_cast<std::uint8_t>(prefix >> (24 - 8 * i));
  return out;
}
Range Range::child(unsigned nibble) const {
  return {static_cast<std::uint8_t>(depth + 1), prefix | static_cast<std::uint32_t>(nibble)
                                                             << (28 - 4 * depth)};
}

Bytes Packet::encode() const {
  wire::Writer out;
  out.array(kHeadElements).uint(static_cast<std::uint64_t>(type)).uint(sequence);
  out.uint(mark.sequence).uint(mark.tag).array(count_of(*this));
  if (type == PacketType::PingRequest) out.bin(target.view());
  for (const auto& word : words) out.bin(word);
  for (const auto& one : ranges) {
    out.array(4);
    write(out, one.range);
    out.bin(one.digest).uint(one.count);
  }
  if (type == PacketType::Items) {
    out.array(2);
    write(out, range);
  }
  for (const auto& item : items)
    out.array(3)
        .bin(id_bytes(item.id))
        .uint(item.incarnation)
        .uint(static_cast<std::uint64_t>(item.kind));
  for (const auto id : ids) out.bin(id_bytes(id));
  for (const auto& one : claims) out.array(2).uint(one.state).bin(one.word);
  return out.take();
}

Result<Packet> Packet::decode(ByteView bytes) {
  if (bytes.size() > kMaxPacket) return fail(Errc::TooLarge, "membership: packet too long");
  auto in = wire::Reader::lenient(bytes);
  WEFT_TRY(const auto elements, in.array(kMaxHead));
  if (elements < kHeadElements) return fail(Errc::Malformed, "membership: packet too short");
  Packet out;
  WEFT_TRY(const auto type, in.uint());
  if (type < 1 || type > static_cast<std::uint64_t>(PacketType::Claims))
    return fail(Errc::Unsupported, "membership: packet of another type");
  out.type = static_cast<PacketType>(type);
  WEFT_TRY(const auto sequence, in.uint());
  WEFT_TRY(out.mark.sequence, in.uint());
  WEFT_TRY(const auto tag, in.uint());
  if (sequence > 0xffffffff || tag > 0xffffffff)
    return fail(Errc::Malformed, "membership: number too large");
  out.sequence = static_cast<std::uint32_t>(sequence);
  out.mark.tag = static_cast<std::uint32_t>(tag);
  WEFT_TRY(const auto count, in.array(kMaxElements));
  WEFT_CHECK(read_elements(in, count, out));
  return out;
}

}  // namespace weft::membership
