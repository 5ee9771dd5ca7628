// Any bytes as a configuration file: an error with a reason, or a Config whose printed form reads
// back to itself.
#include <cstddef>
#include <cstdint>

#include "base/assert.hpp"
#include "node/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::node;
  if (size > 16 * 1024) return 0;
  Config config;
  const auto result = apply_toml(config, {reinterpret_cast<const char*>(data), size}, "fuzz.toml");
  if (!result) {
    WEFT_ASSERT(!result.error().what.empty());
    return 0;
  }
  Config again;
  WEFT_ASSERT(apply_toml(again, to_toml(config, false), "again.toml").has_value());
  WEFT_ASSERT(to_toml(again, false) == to_toml(config, false));
  return 0;
}
