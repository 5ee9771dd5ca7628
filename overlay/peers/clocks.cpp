#include "overlay/peers/clocks.hpp"

namespace weft::overlay {

std::string clocks_apart(UnixTime ours, std::uint64_t theirs) {
  constexpr std::uint64_t kFarFuture = std::uint64_t{1} << 40;
  if (theirs == 0 || theirs > kFarFuture) return {};
  const UnixTime by = ours - static_cast<UnixTime>(theirs);
  return by > kClockSkew || by < -kClockSkew ? off_by(by) : std::string();
}

std::string off_by(std::int64_t seconds) {
  const auto far = seconds < 0 ? -seconds : seconds;
  std::string size = std::to_string(far / 60) + " min";
  if (far >= 2 * 3600) size = std::to_string(far / 3600) + " h";
  if (far >= 2 * 86400) size = std::to_string(far / 86400) + " days";
  return size + (seconds > 0 ? " ahead" : " behind");
}

}  // namespace weft::overlay
