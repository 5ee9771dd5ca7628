// Packets and words of membership made of anything: no crash, bounded, and what was read is written
// and read as the same again.
#include <algorithm>

#include "base/assert.hpp"
#include "overlay/membership/packet.hpp"

namespace {

using namespace weft;
using namespace weft::membership;

void look_at_word(ByteView bytes) {
  const auto word = decode_word(bytes);
  if (!word) return;
  if (const auto* claim = std::get_if<Claim>(&*word)) {
    WEFT_ASSERT(claim->incarnation > 0 && claim->incarnation <= kHighestIncarnation);
    WEFT_ASSERT(claim->addresses.size() <= kMaxAddresses && bytes.size() <= kMaxClaim);
    WEFT_ASSERT(std::ranges::equal(claim->raw, bytes));
    const crypto::Ed25519KeyPair none;
    std::ignore = genuine(*claim, {}, {}, RealNotary(none));
  } else {
    const auto& accusation = std::get<Accusation>(*word);
    WEFT_ASSERT(std::ranges::equal(accusation.raw, bytes) && bytes.size() <= kMaxAccusation);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  look_at_word(bytes);
  const auto packet = Packet::decode(bytes);
  if (!packet) return 0;
  WEFT_ASSERT(packet->words.size() + packet->ranges.size() + packet->items.size() +
                  packet->ids.size() + packet->claims.size() <=
              kMaxElements);
  for (const auto& word : packet->words) look_at_word(word);
  for (const auto& claim : packet->claims) look_at_word(claim.word);
  for (const auto& one : packet->ranges) WEFT_ASSERT(one.range.contains(one.range.first()));
  const Bytes written = packet->encode();
  const auto again = Packet::decode(written);
  WEFT_ASSERT(again.has_value() && again->encode() == written);
  return 0;
}
