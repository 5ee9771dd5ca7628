// What a member says about access: what parses is written as one of ours and parses again.
#include <cstdlib>

#include "overlay/streams/ask_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  using namespace weft::overlay;
  const ByteView bytes(data, size);
  if (const auto ask = parse_ask(bytes)) {
    const auto frame = encode(*ask);
    const auto again = parse_ask(ByteView(frame).subspan(2));
    if (!again || *again != *ask || ask->note.size() > kMaxNote) std::abort();
  }
  if (const auto answer = parse_ask_answer(bytes)) {
    const auto frame = encode(*answer);
    const auto again = parse_ask_answer(ByteView(frame).subspan(2));
    if (!again || *again != *answer) std::abort();
  }
  return 0;
}
