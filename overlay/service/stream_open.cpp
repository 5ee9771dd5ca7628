#include "overlay/service/stream_open.hpp"

#include <array>

#include "base/assert.hpp"
#include "base/label.hpp"
#include "base/wire.hpp"

namespace weft::service {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::string_view kGroup = "group:";
constexpr std::size_t kMaxElements = 16;  // what later versions may grow to
constexpr std::array<std::string_view, 7> kStatuses{
    "ok",    "denied",    "no such service", "target refused", "target unreachable",
    "limit", "not direct"};

Bytes with_length(const Bytes& body) {
  WEFT_ASSERT(body.size() <= kMaxStreamOpen);
  Bytes out;
  append_be(out, static_cast<std::uint16_t>(body.size()));
  append(out, body);
  return out;
}

// The framed body, once all of it is here.
Result<std::optional<ByteView>> body_of(ByteView received) {
  if (received.size() < 2) return std::nullopt;
  const std::size_t length = read_be<std::uint16_t>(received);
  if (length == 0) return fail(Errc::Malformed, "empty stream opening");
  if (length > kMaxStreamOpen) return fail(Errc::TooLarge, "stream opening");
  if (received.size() < 2 + length) return std::nullopt;
  return received.subspan(2, length);
}

Result<std::size_t> begin(wire::Reader& in) {
  WEFT_TRY(const auto count, in.array(kMaxElements));
  if (count < 3) return fail(Errc::Malformed, "stream opening");
  WEFT_TRY(const auto version, in.uint());
  if (version != kVersion) return fail(Errc::Unsupported, "stream opening version");
  return count;
}

Result<void> skip_rest(wire::Reader& in, std::size_t count, std::size_t taken = 3) {
  for (std::size_t i = taken; i < count; ++i) WEFT_CHECK(in.skip());
  return in.finish();
}

// It becomes part of a command that people paste: nothing else passes.
bool is_who(std::string_view text) {
  if (text == "*") return true;
  if (text.starts_with(kGroup)) text.remove_prefix(kGroup.size());
  return is_label(text);
}

// At most `limit` bytes, never through the middle of a UTF-8 character.
std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return text.substr(0, limit);
}

}  // namespace

std::string_view name_of(OpenStatus status) { return kStatuses[static_cast<std::size_t>(status)]; }

Bytes StreamRequest::encode() const {
  WEFT_ASSERT(service.size() <= kMaxLabel);
  wire::Writer out;
  out.array(3).uint(kVersion).uint(static_cast<std::uint64_t>(kind)).str(service);
  return with_length(out.bytes());
}

Bytes StreamResponse::encode() const {
  wire::Writer out;
  out.array(who.empty() ? 3 : 4).uint(kVersion).uint(static_cast<std::uint64_t>(status));
  out.str(cut(detail, kMaxDetail));
  if (!who.empty()) out.str(who);
  return with_length(out.bytes());
}

Result<std::optional<Parsed<StreamRequest>>> parse_request(ByteView received) {
  WEFT_TRY(const auto body, body_of(received));
  if (!body) return std::nullopt;
  auto in = wire::Reader::lenient(*body);
  WEFT_TRY(const auto count, begin(in));
  WEFT_TRY(const auto kind, in.uint());
  WEFT_TRY(const auto service, in.str(kMaxLabel));
  WEFT_CHECK(skip_rest(in, count));
  StreamRequest request{static_cast<StreamKind>(kind), std::string(service)};
  const bool named = request.kind == StreamKind::Service;
  if (!is_label(service) && (named || !service.empty()))
    return fail(Errc::Malformed, "stream opening's service name");
  return Parsed<StreamRequest>{std::move(request), 2 + body->size()};
}

Result<std::optional<Parsed<StreamResponse>>> parse_response(ByteView received) {
  WEFT_TRY(const auto body, body_of(received));
  if (!body) return std::nullopt;
  auto in = wire::Reader::lenient(*body);
  WEFT_TRY(const auto count, begin(in));
  WEFT_TRY(auto status, in.uint());
  WEFT_TRY(const auto detail, in.str(kMaxDetail));
  const bool has_who = count > 3 && in.peek() == wire::Kind::Str;
  std::string_view who;
  if (has_who) {
    WEFT_TRY(who, in.str(kMaxStreamOpen));
  }
  WEFT_CHECK(skip_rest(in, count, has_who ? 4 : 3));
  if (status >= kStatuses.size()) status = static_cast<std::uint64_t>(OpenStatus::Denied);
  StreamResponse response{static_cast<OpenStatus>(status), std::string(detail)};
  if (is_who(who)) response.who = who;
  return Parsed<StreamResponse>{std::move(response), 2 + body->size()};
}

}  // namespace weft::service
