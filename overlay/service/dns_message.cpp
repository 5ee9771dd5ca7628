#include "overlay/service/dns_message.hpp"

#include <initializer_list>
#include <string_view>

namespace weft::service::dns {

namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kMaxLabelBytes = 63;
constexpr std::size_t kMaxName = 255;    // bytes of a name, its lengths and its end included
constexpr std::size_t kMaxRecords = 16;  // behind the question; a stub client sends one, of EDNS
constexpr std::uint16_t kAnswerBit = 0x8000;
constexpr std::uint16_t kAuthoritative = 0x0400;
constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::uint16_t kToQuestion = 0xc00c;  // a pointer to the name behind the header
constexpr std::uint16_t kUdpSize = 1232;       // what this end takes; RFC 9715

// A cursor that never reads beyond the end.
struct Cursor {
  ByteView rest;
  bool ok = true;

  ByteView take(std::size_t size) {
    if (size > rest.size()) ok = false;
    if (!ok) return {};
    const auto out = rest.first(size);
    rest = rest.subspan(size);
    return out;
  }
  std::uint8_t u8() {
    const auto at = take(1);
    return ok ? at[0] : std::uint8_t{0};
  }
  std::uint16_t u16() {
    const auto at = take(2);
    return ok ? read_be<std::uint16_t>(at) : std::uint16_t{0};
  }
};

std::optional<std::string> take_name(Cursor& in) {
  std::string out;
  for (;;) {
    const std::size_t size = in.u8();
    if (!in.ok || size > kMaxLabelBytes) return std::nullopt;
    if (size == 0) return out;
    if (out.size() + size + 3 > kMaxName) return std::nullopt;
    if (!out.empty()) out += '.';
    for (const auto byte : in.take(size)) {
      const char c = static_cast<char>(byte);
      // A dot in a label would read as two labels.
      if (c == '.') return std::nullopt;
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (!in.ok) return std::nullopt;
  }
}

// Past a name that may end in a pointer, which is not followed.
bool skip_name(Cursor& in) {
  for (;;) {
    const auto size = in.u8();
    if (!in.ok) return false;
    if (size == 0) return true;
    if ((size & 0xc0) == 0xc0) {
      in.u8();
      return in.ok;
    }
    if (size > kMaxLabelBytes) return false;
    in.take(size);
  }
}

// The records behind the question; false: they are none.
bool take_records(Cursor& in, std::size_t count, Query& query) {
  if (count > kMaxRecords) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const bool root = !in.rest.empty() && in.rest[0] == 0;
    if (!skip_name(in)) return false;
    const auto type = in.u16();
    in.u16();  // a class; of OPT how large an answer may be, and all of ours are smaller
    const auto ttl = in.take(4);
    in.take(in.u16());
    if (!in.ok) return false;
    if (type != kTypeOpt) continue;
    if (!root || query.edns) return false;
    query.edns = true;
    query.edns_version = ttl[1];
  }
  return true;
}

void append_u16(Bytes& out, std::uint16_t value) { append_be(out, value); }
void append_u32(Bytes& out, std::uint32_t value) { append_be(out, value); }

void append_name(Bytes& out, std::initializer_list<std::string_view> labels) {
  for (const auto label : labels) {
    out.push_back(static_cast<std::uint8_t>(label.size()));
    append(out, bytes_of(label));
  }
  out.push_back(0);
}

void append_soa(Bytes& out, std::uint32_t ttl_s) {
  Bytes body;
  append_name(body, {"localhost"});
  append_name(body, {"nobody", "invalid"});
  append_u32(body, 1);     // serial
  append_u32(body, 3600);  // refresh, retry, expire: for secondaries, of which there are none
  append_u32(body, 600);
  append_u32(body, 86400);
  append_u32(body, ttl_s);  // for how long a no is good (RFC 2308)
  append_name(out, {"weft"});
  append_u16(out, kTypeSoa);
  append_u16(out, kClassIn);
  append_u32(out, ttl_s);
  append_u16(out, static_cast<std::uint16_t>(body.size()));
  append(out, body);
}

}  // namespace

std::expected<Query, Unreadable> parse(ByteView message) {
  Cursor in{message};
  Query query;
  query.id = in.u16();
  const auto flags = in.u16();
  query.opcode = static_cast<std::uint8_t>((flags >> 11) & 0xf);
  query.recursion_desired = (flags & kRecursionDesired) != 0;
  const auto questions = in.u16();
  const auto answers = in.u16();
  const auto authorities = in.u16();
  const auto additional = in.u16();
  if (!in.ok || (flags & kAnswerBit) != 0) return std::unexpected(Unreadable{});
  const auto broken = [&] { return std::unexpected(Unreadable{false, query}); };
  if (query.opcode != 0) return query;  // what follows has another form
  if (questions != 1 || message.size() > kMaxMessage) return broken();
  const auto name = take_name(in);
  if (!name) return broken();
  query.name = *name;
  query.type = in.u16();
  query.qclass = in.u16();
  if (!in.ok) return broken();
  const auto question = message.subspan(kHeader, message.size() - kHeader - in.rest.size());
  query.question.assign(question.begin(), question.end());
  const std::size_t records = std::size_t{answers} + authorities + additional;
  if (!take_records(in, records, query)) return broken();
  return query;
}

Bytes encode(const Query& query, const Answer& answer, std::uint32_t ttl_s) {
  const auto code = static_cast<std::uint16_t>(answer.code);
  const bool ours = answer.code == Code::Ok || answer.code == Code::NoSuchName;
  std::uint16_t flags = kAnswerBit | static_cast<std::uint16_t>(query.opcode << 11) | (code & 0xf);
  if (ours) flags |= kAuthoritative;
  if (query.recursion_desired) flags |= kRecursionDesired;
  Bytes out;
  append_u16(out, query.id);
  append_u16(out, flags);
  append_u16(out, query.question.empty() ? 0 : 1);
  append_u16(out, answer.address ? 1 : 0);
  append_u16(out, answer.soa ? 1 : 0);
  append_u16(out, query.edns ? 1 : 0);
  append(out, query.question);
  if (answer.address) {
    append_u16(out, kToQuestion);
    append_u16(out, kTypeA);
    append_u16(out, kClassIn);
    append_u32(out, ttl_s);
    append_u16(out, 4);
    append_u32(out, *answer.address);
  }
  if (answer.soa) append_soa(out, ttl_s);
  if (query.edns) {
    out.push_back(0);
    append_u16(out, kTypeOpt);
    append_u16(out, kUdpSize);
    out.push_back(static_cast<std::uint8_t>(code >> 4));
    out.push_back(0);  // the version we speak
    append_u16(out, 0);
    append_u16(out, 0);
  }
  return out;
}

}  // namespace weft::service::dns
