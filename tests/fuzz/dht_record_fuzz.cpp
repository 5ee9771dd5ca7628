// A record and what may lie in its value: accepted bytes of a record are the one canonical
// encoding. A node's own words are read from older versions, too, and addresses of kinds unknown
// here are left out: what was understood is written so that it is understood alike.
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
  if (const auto info = weft::dht::NodeInfo::decode(bytes)) {
    const auto written = info->encode();
    const auto again = weft::dht::NodeInfo::decode(written);
    WEFT_ASSERT(again.has_value());
    WEFT_ASSERT(weft::equal(again->encode(), written));
  }
  return 0;
}
