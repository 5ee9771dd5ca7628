#include "simulations/link.hpp"

#include <algorithm>

#include "simulations/fixed_math.hpp"

namespace weft::sim {

namespace {
std::int64_t line_time(std::size_t bytes, std::uint32_t kbit) {  // 1 kbit/s = 1 bit per ms
  return static_cast<std::int64_t>((bytes + kWireOverhead) * 8 * 1'000'000 / kbit);
}
}  // namespace

std::optional<Instant> Link::send(Instant now, std::size_t bytes, Duration limit) {
  const std::int64_t start = std::max(now.time_since_epoch().count(), up_free_);
  if (start - now.time_since_epoch().count() > limit.count()) return std::nullopt;
  up_free_ = start + line_time(bytes, kAccessClasses[class_].up_kbit);
  return Instant{Duration{up_free_}};
}

Duration Link::receive_time(std::size_t bytes) const {
  return Duration{line_time(bytes, kAccessClasses[class_].down_kbit)};
}

std::optional<Instant> Link::receive(Instant now, std::size_t bytes, Duration limit) {
  const std::int64_t at = now.time_since_epoch().count();
  const std::int64_t start = std::max(at - receive_time(bytes).count(), down_free_);
  const std::int64_t done = start + receive_time(bytes).count();
  if (done - at > limit.count()) return std::nullopt;
  down_free_ = done;
  return Instant{Duration{std::max(done, at)}};
}

bool Link::loses(Instant now, const LossOptions& loss, std::uint64_t draw) {
  if (loss.per_million == 0) return false;
  // Each of the two lines of a packet is bad for `per_million` of the time and then eats half.
  const std::int64_t at = now.time_since_epoch().count();
  const std::int64_t share = std::int64_t{loss.per_million} << 10;  // of 2^10 million
  const auto luck = static_cast<std::int64_t>((draw & 0xffffffff) * (1'000'000ULL << 10) >> 32);
  std::int64_t bad = share;
  // A line that was good is not worse now than in the long run: mostly that decides it.
  if (weather_at_ >= 0 && (bad_ || luck < share)) {
    // p(t) = share + (state - share) * e^(-t / tau), with tau = burst * (1 - share)
    const std::int64_t tau =
        std::max<std::int64_t>(1, loss.burst.count() / 1'000'000 * (1'000'000 - loss.per_million));
    const std::int64_t state = bad_ ? 1'000'000 << 10 : 0;
    // After 24 tau nothing is left that Q30 could hold.
    if (const std::int64_t elapsed = at - weather_at_; elapsed < tau * 24) {
      const auto exponent = static_cast<std::int64_t>(  // Q32: t / (tau ln 2)
          static_cast<__int128>(elapsed) * 6'196'328'019 / tau);
      const auto decay = static_cast<std::int64_t>(scale_exp2(1 << 30, -exponent));
      bad += (state - share) * decay >> 30;
    }
  }
  weather_at_ = at;
  bad_ = luck < bad;
  return bad_ && (draw >> 63) != 0;
}

}  // namespace weft::sim
