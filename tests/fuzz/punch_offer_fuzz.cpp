// An offer of a member: what is read writes and reads back the same; no probe goes to this machine.
#include "base/assert.hpp"
#include "base/seeded_rng.hpp"
#include "overlay/punch/pairs.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  const auto offer = punch::decode_offer(ByteView(data, size));
  if (!offer) return 0;
  const auto back = punch::decode_offer(punch::encode(*offer));
  WEFT_ASSERT(back && *back == *offer);
  SeededRng rng(1);
  punch::Pairs pairs(rng);
  pairs.set_own({Endpoint::v4(0xc0a80105, 7)});
  NodeId member;
  member.bytes[0] = 1;
  Instant now{1h};
  pairs.handle_offer(now, member, *offer);
  for (int i = 0; i < 20; ++i, now += 100ms) {
    pairs.handle_timeout(now);
    while (const auto out = pairs.poll_datagram(now)) WEFT_ASSERT(!out->to.is_loopback());
    while (pairs.poll_offer()) {
    }
  }
  return 0;
}
