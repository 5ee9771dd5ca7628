// Datagrams from anyone to a SessionLayer. Input: u16 length | datagram, repeated. One live session
// stands by: whatever comes, it must still be up and nothing else may be.
#include <algorithm>

#include "base/assert.hpp"
#include "tests/harness/pair.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using weft::ByteView;
  using weft::harness::Pair;
  Pair pair(1);
  const auto id = pair.a.layer.dial(pair.now, pair.target());
  WEFT_ASSERT(id.has_value());
  pair.run(std::chrono::milliseconds(200));
  ByteView rest(data, size);
  while (rest.size() > 2) {
    const std::size_t take =
        std::min<std::size_t>(weft::read_be<std::uint16_t>(rest), rest.size() - 2);
    const auto packet = rest.subspan(2, take);
    pair.b.layer.handle_datagram(
        pair.now, {weft::PathId::Udp, {}, pair.a.endpoint, weft::Ecn::NotEct, packet});
    pair.a.layer.handle_datagram(
        pair.now, {weft::PathId::Udp, {}, pair.b.endpoint, weft::Ecn::NotEct, packet});
    rest = rest.subspan(2 + take);
  }
  pair.run(std::chrono::milliseconds(50));
  WEFT_ASSERT(pair.a.layer.info(*id)->up);
  WEFT_ASSERT(pair.b.layer.counters().handshakes_ok == 1);
  return 0;
}
