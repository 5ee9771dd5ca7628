// A record and what may lie in its value: accepted bytes are the one canonical encoding.
#include "base/assert.hpp"
#include "dht/record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::ByteView bytes{data, size};
  if (const auto record = weft::dht::Record::decode(bytes)) {
    WEFT_ASSERT(weft::equal(record->encode(), bytes));
    static_cast<void>(record->check({}));
    static_cast<void>(record->key());
    static_cast<void>(weft::dht::NodeInfo::decode(record->value));
  }
  if (const auto info = weft::dht::NodeInfo::decode(bytes))
    WEFT_ASSERT(weft::equal(info->encode(), bytes));
  return 0;
}
