// What a TCP connection may say as a carrier of datagrams: cut as it comes, in one piece and byte
// by byte, the frames are the same, and what this node would say of them is cut back to the same.
#include <algorithm>
#include <tuple>
#include <vector>

#include "base/assert.hpp"
#include "overlay/path/stream_link.hpp"

namespace {

using namespace weft;

// The datagrams in `input`, handed over in pieces of `piece` bytes.
std::vector<Bytes> datagrams_of(ByteView input, std::size_t piece) {
  path::StreamLink link(Instant{}, true);
  std::ignore = link.look(Instant{}, true);
  std::vector<Bytes> out;
  Bytes waiting;
  while (!input.empty() && !link.spoiled()) {
    const ByteView some = input.first(std::min(piece, input.size()));
    input = input.subspan(some.size());
    append(waiting, some);
    for (;;) {
      const auto frame = path::first_frame(waiting);
      if (!frame) link.spoil();
      if (!frame || !*frame) break;
      if (link.take(Instant{}, **frame)) out.push_back(to_bytes(**frame));
      waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(
                                                           path::kFrameLength + (*frame)->size()));
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto whole = datagrams_of(input, size + 1);
  WEFT_ASSERT(datagrams_of(input, 1) == whole && datagrams_of(input, 7) == whole);
  path::StreamLink link(Instant{}, true);
  Bytes wire;
  Bytes buffer(2048);
  for (const Bytes& datagram : whole) {
    WEFT_ASSERT(datagram.size() >= path::kLeastDatagram && datagram.size() <= path::kStreamMtu);
    WEFT_ASSERT(link.send(Instant{}, datagram, 0));
    append(wire, ByteView(buffer).first(link.next(Instant{}, buffer)));
  }
  WEFT_ASSERT(!link.waits() && datagrams_of(wire, 1000) == whole);
  return 0;
}
