// The body of one control message on anything: no crash, no list beyond its limit, and what is
// taken reads back as itself.
#include "base/assert.hpp"
#include "overlay/control_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::overlay;
  const weft::ByteView input(data, std::min(size, kMaxControlMessage));
  const auto message = decode_control(input);
  if (!message || std::holds_alternative<Unknown>(*message)) return 0;
  if (const auto* list = std::get_if<PeerList>(&*message))
    WEFT_ASSERT(list->peers.size() <= kMaxPeersPerMessage);
  if (const auto* entries = std::get_if<RosterEntries>(&*message))
    WEFT_ASSERT(entries->entries.size() <= kMaxEntriesPerMessage);
  const weft::Bytes frame = encode(*message);
  const auto again = decode_control(weft::ByteView(frame).subspan(2));
  WEFT_ASSERT(again.has_value() && encode(*again) == frame);
  return 0;
}
