// A request body from anybody: decode() may refuse it, and what it accepts must encode again.
#include "base/assert.hpp"
#include "dht/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = weft::dht::Request::decode({data, size});
  if (!request) return 0;
  const auto bytes = request->encode();
  const auto again = weft::dht::Request::decode(bytes);
  WEFT_ASSERT(again && again->type == request->type && again->target == request->target);
  WEFT_ASSERT(again->cookie == request->cookie && weft::equal(again->record, request->record));
  WEFT_ASSERT(again->cas == request->cas && again->left == request->left);
  return 0;
}
