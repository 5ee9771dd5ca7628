// The ACK frame at the head of a packet, and a PathWatch fed with whatever it says: ranges lie
// below each other, and no acknowledgement of any bytes breaks the watch.
#include "base/assert.hpp"
#include "overlay/session/path_watch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  using namespace weft::session;
  const auto ranges = leading_ack({data, size});
  WEFT_ASSERT(ranges.count <= AckRanges::kMost);
  for (std::size_t i = 0; i < ranges.count; ++i) {
    WEFT_ASSERT(ranges.ranges[i].first <= ranges.ranges[i].last);
    WEFT_ASSERT(i == 0 || ranges.ranges[i].last + 1 < ranges.ranges[i - 1].first);
  }
  PathWatch watch;
  Instant now{1s};
  for (std::uint64_t n = 0; n < 200; ++n) watch.sent(now, n, n % 2 == 0, n % 3 == 0);
  watch.in_flight(now, true);
  now += 1s;
  watch.acked(now, ranges, 50ms);
  watch.expire(now, 50ms);
  WEFT_ASSERT(watch.limit() >= PathWatch::kBase);
  return 0;
}
