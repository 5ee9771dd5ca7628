#include "overlay/streams/ask_message.hpp"

#include "base/label.hpp"
#include "base/wire.hpp"

namespace weft::overlay {

namespace {

Bytes framed(const Bytes& body) {
  Bytes out;
  append_be(out, static_cast<std::uint16_t>(body.size()));
  append(out, body);
  return out;
}

// Past the type; elements behind the known ones are a later version's.
Result<void> begin(wire::Reader& in, std::uint64_t type, std::size_t known) {
  WEFT_TRY(const auto count, in.array(16));
  if (count < known) return fail(Errc::Malformed, "a question about access is too short");
  WEFT_TRY(const auto told, in.uint());
  if (told != type) return fail(Errc::Malformed, "another message");
  return {};
}

}  // namespace

Bytes encode(const Ask& ask) {
  wire::Writer out;
  out.array(4).uint(kTypeAsk).uint(ask.request).str(ask.service).str(ask.note);
  return framed(out.take());
}

Bytes encode(const AskAnswer& answer) {
  wire::Writer out;
  out.array(3).uint(kTypeAskAnswer).uint(answer.request);
  out.uint(static_cast<std::uint64_t>(answer.status));
  return framed(out.take());
}

Result<Ask> parse_ask(ByteView body) {
  auto in = wire::Reader::lenient(body);
  WEFT_CHECK(begin(in, kTypeAsk, 4));
  Ask out;
  WEFT_TRY(out.request, in.uint());
  WEFT_TRY(const auto service, in.str(kMaxLabel));
  if (!is_label(service)) return fail(Errc::Malformed, "asked for what is no service");
  WEFT_TRY(const auto note, in.str(kMaxNote));
  out.service = std::string(service);
  out.note = std::string(note);
  return out;
}

Result<AskAnswer> parse_ask_answer(ByteView body) {
  auto in = wire::Reader::lenient(body);
  WEFT_CHECK(begin(in, kTypeAskAnswer, 3));
  AskAnswer out;
  WEFT_TRY(out.request, in.uint());
  WEFT_TRY(const auto status, in.uint());
  if (status <= static_cast<std::uint64_t>(AskStatus::Refused))
    out.status = static_cast<AskStatus>(status);
  return out;
}

}  // namespace weft::overlay
