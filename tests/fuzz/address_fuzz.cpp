// An address of anybody: what is read writes and reads back the same; nothing crashes.
#include "base/address.hpp"
#include "base/assert.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  for (const bool canonical : {true, false}) {
    const ByteView input(data, size);
    auto in = canonical ? wire::Reader::canonical(input) : wire::Reader::lenient(input);
    const auto addresses = read_addresses(in, 8);
    if (!addresses) continue;
    wire::Writer out;
    write_addresses(out, *addresses, 8);
    auto again = wire::Reader::canonical(out.bytes());
    const auto back = read_addresses(again, 8);
    WEFT_ASSERT(back && *back == *addresses && again.finish());
    for (const Address& address : *addresses) WEFT_ASSERT(!to_text(address).empty());
  }
  return 0;
}
