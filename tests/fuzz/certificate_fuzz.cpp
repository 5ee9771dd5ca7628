// Certificate::decode on anything: it must not crash, and whatever it takes must encode to the very
// same bytes (one certificate, one encoding).
#include "base/assert.hpp"
#include "base/identity.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::ByteView input(data, size);
  const auto decoded = weft::Certificate::decode(input);
  if (decoded) {
    WEFT_ASSERT(weft::equal(decoded->encode(), input));
    WEFT_ASSERT(decoded->not_after - decoded->not_before <= weft::kCertificateLifetime);
  }
  return 0;
}
