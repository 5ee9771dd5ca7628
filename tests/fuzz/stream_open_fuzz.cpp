// The first bytes of a stream on anything: no crash; what is taken reads back as itself; and a
// prefix never says more than the whole.
#include "base/assert.hpp"
#include "overlay/service/stream_open.hpp"

namespace {

template <class Parse>
void check(weft::ByteView input, Parse parse) {
  const auto parsed = parse(input);
  if (!parsed || !*parsed) return;
  const auto& [message, consumed] = **parsed;
  WEFT_ASSERT(consumed >= 2 && consumed <= input.size());
  WEFT_ASSERT(consumed <= 2 + weft::service::kMaxStreamOpen);
  const auto before = parse(input.first(consumed - 1));
  WEFT_ASSERT(before.has_value() && !before->has_value());
  const auto again = parse(message.encode());
  WEFT_ASSERT(again.has_value() && again->has_value() && (*again)->message == message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::service;
  const weft::ByteView input(data, size);
  check(input, parse_request);
  check(input, parse_response);
  return 0;
}
