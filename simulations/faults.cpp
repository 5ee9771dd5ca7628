#include "simulations/faults.hpp"

namespace weft::sim {

namespace {
constexpr std::size_t kFlags = 2;
constexpr std::uint8_t kReplyFlag = 2;
// A reply to a ping carries no contact (82 bytes) and no record; anything longer is an answer.
constexpr std::size_t kLongestPong = 170;
}  // namespace

std::optional<FaultKind> fault_named(std::string_view name) {
  if (name == "mute") return FaultKind::Mute;
  if (name == "deaf") return FaultKind::Deaf;
  return std::nullopt;
}

bool is_reply(ByteView sealed) {
  return sealed.size() > kFlags && (sealed[kFlags] & kReplyFlag) != 0;
}

bool Fault::swallows(Instant now, ByteView sealed) const {
  if (!active(now) || !is_reply(sealed)) return false;
  return kind == FaultKind::Deaf || sealed.size() > kLongestPong;
}

}  // namespace weft::sim
