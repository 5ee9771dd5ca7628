// What a node reads of its own files before any MAC has vouched for it: a slot of home.seal, a key
// file, an exported identity. First byte: which.
#include <cstdlib>

#include "node/store/identity_file.hpp"
#include "node/store/key_file.hpp"
#include "node/store/marker.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  using namespace weft::store;
  if (size == 0) return 0;
  const ByteView bytes(data + 1, size - 1);
  if (data[0] % 3 == 0) {
    const auto marker = peek_marker(bytes);
    if (!marker) return 0;
    const auto turn = read_be<std::uint64_t>(bytes.subspan(16));
    const auto again = encode(*marker, turn, Sealer({}));
    if (peek_marker(again) != marker) std::abort();
  } else if (data[0] % 3 == 1) {
    std::ignore = parse_key(bytes);
  } else {
    const auto closed = read_closed(text_of(bytes));
    if (closed && (closed->cost.passes > 16 || closed->cost.mebibytes > 1024)) std::abort();
  }
  return 0;
}
