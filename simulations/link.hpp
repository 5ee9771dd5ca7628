// A node's access line: what it can send and receive per second, how long its queues may grow, and
// a Gilbert-Elliott line that is good or bad for a while. The state of the line is advanced
// exactly for whatever time has passed, so idle lines cost nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace weft::sim {

struct AccessClass {
  std::uint32_t down_kbit;
  std::uint32_t up_kbit;
  std::uint32_t percent;
};
// 10/1, 50/10, 100/40 and 1000/1000 Mbit/s.
inline constexpr std::array<AccessClass, 4> kAccessClasses{
    {{10'000, 1'000, 15}, {50'000, 10'000, 35}, {100'000, 40'000, 35}, {1'000'000, 1'000'000, 15}}};
inline constexpr std::size_t kWireOverhead = 28;  // IPv4 and UDP headers

struct LossOptions {
  std::uint32_t per_million = 0;  // end to end, in the long run
  Duration burst = 100ms;         // how long a bad spell lasts on average
};

class Link {
 public:
  explicit Link(std::uint8_t access_class = 3) : class_(access_class) {}

  // When the last bit has left; nullopt: the queue holds more than `limit` of waiting.
  std::optional<Instant> send(Instant now, std::size_t bytes, Duration limit);
  // The time it takes the line to receive so many bytes.
  [[nodiscard]] Duration receive_time(std::size_t bytes) const;
  // A packet whose last bit would arrive now on an idle line: when it really does.
  std::optional<Instant> receive(Instant now, std::size_t bytes, Duration limit);
  // True if the line eats this packet. `draw` is 64 random bits.
  bool loses(Instant now, const LossOptions& loss, std::uint64_t draw);

  [[nodiscard]] std::uint8_t access_class() const { return class_; }

 private:
  std::int64_t up_free_ = 0;
  std::int64_t down_free_ = 0;
  std::int64_t weather_at_ = -1;
  bool bad_ = false;
  std::uint8_t class_;
};

}  // namespace weft::sim
