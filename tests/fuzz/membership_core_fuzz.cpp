// A membership core under a member's fire: the input is cut into packets that one of its three
// members sends, with time going by between them. Signatures count as good, so that forged states
// are reached, too. Nothing crashes, everything stays bounded, and the core goes on ticking.
//
// Each piece: sender and flags u8, seconds u8, length u16, that many bytes.
#include <algorithm>

#include "base/assert.hpp"
#include "base/seeded_rng.hpp"
#include "overlay/membership/swim.hpp"

namespace {

using namespace weft;
using namespace weft::membership;

struct Believes final : Notary {
  crypto::Signature sign(ByteView) const override { return {}; }
  bool verify(const IdentityKey&, ByteView, const crypto::Signature&) const override {
    return true;
  }
};
struct NoSessions final : Sessions {
  std::optional<Seen> with(const NodeId&) const override { return std::nullopt; }
};

NodeId node(unsigned n) {
  NodeId out;
  out.bytes.fill(static_cast<std::uint8_t>(0x11 * n));
  return out;
}

std::size_t drain(Swim& swim) {
  std::size_t sent = 0;
  while (const auto output = swim.poll_output())
    if (const auto* send = std::get_if<Send>(&*output)) {
      WEFT_ASSERT(send->packet.size() <= kMaxPacket);
      WEFT_ASSERT(Packet::decode(send->packet).has_value());
      ++sent;
    }
  return sent;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SeededRng rng(1);
  const Believes notary;
  const NoSessions sessions;
  Instant now{1h};
  Swim swim(now, {node(1), {}, {}, 0, {}}, notary, sessions, rng);
  swim.set_members(now, {{node(1), {}}, {node(2), {}}, {node(3), {}}, {node(4), {}}});
  swim.set_self(now, {0, {UdpAddress{Endpoint::v4(0x0a000001, 1)}}, std::nullopt});
  std::ignore = drain(swim);
  ByteView rest(data, size);
  while (rest.size() > 4) {
    const unsigned from = 1 + rest[0] % 5;  // ourselves and a stranger, too
    const bool by_session = (rest[0] & 0x80) != 0;
    const auto wait = 10ms * rest[1];
    const std::size_t length =
        std::min<std::size_t>(read_be<std::uint16_t>(rest.subspan(2)), rest.size() - 4);
    for (const Instant until = now + wait; swim.poll_timeout() <= until;) {
      now = std::max(now, *swim.poll_timeout());
      swim.handle_timeout(now);
      WEFT_ASSERT(drain(swim) <= 200);
    }
    now = std::max(now, now + wait / 2);
    swim.handle_packet(now, node(from), rest.subspan(4, length), by_session);
    WEFT_ASSERT(drain(swim) <= 1200);
    rest = rest.subspan(4 + length);
  }
  WEFT_ASSERT(swim.table().size() == 3 && swim.table().present() <= 3);
  WEFT_ASSERT(swim.incarnation() <= kHighestIncarnation);
  for (const auto& [id, member] : swim.table().all())
    WEFT_ASSERT(member.accusers.size() <= kMaxAccusers);
  return 0;
}
