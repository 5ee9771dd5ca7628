// Integer stand-ins for the few transcendental functions the models need. libm is free to differ
// between versions, compilers and CPUs in the last bit, and one bit is another digest: nothing in
// the event path may call it. Formats: Qn is a fixed-point number with n fractional bits.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace weft::sim {

// Floor of the square root, bit by bit.
constexpr std::uint32_t integer_sqrt_by_bits(std::uint64_t value) {
  std::uint64_t root = 0;
  std::uint64_t bit = std::uint64_t{1} << 62;
  while (bit > value) bit >>= 2;
  for (; bit != 0; bit >>= 2) {
    if (value >= root + bit) {
      value -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return static_cast<std::uint32_t>(root);
}

// Floor of the square root. The hardware's root is only a guess: what is returned is made exact by
// integers, so no rounding mode or processor shows in it.
constexpr std::uint32_t integer_sqrt(std::uint64_t value) {
  if (std::is_constant_evaluated() || value >> 62 != 0) return integer_sqrt_by_bits(value);
  auto root = static_cast<std::uint64_t>(__builtin_sqrt(static_cast<double>(value)));
  while (root * root > value) --root;
  while ((root + 1) * (root + 1) <= value) ++root;
  return static_cast<std::uint32_t>(root);
}

// log2(value) in Q32; 0 for value 0. Error below 2^-26: squaring the mantissa doubles its log.
constexpr std::int64_t log2_q32(std::uint64_t value) {
  if (value == 0) return 0;
  const int whole = 63 - std::countl_zero(value);
  std::uint64_t mantissa = value << (63 - whole);  // Q63 in [1, 2)
  std::int64_t result = static_cast<std::int64_t>(whole) << 32;
  for (int bit = 31; bit >= 4; --bit) {
    const auto square = static_cast<unsigned __int128>(mantissa) * mantissa;  // Q126 in [1, 4)
    const bool at_least_two = (square >> 127) != 0;
    mantissa = static_cast<std::uint64_t>(square >> (at_least_two ? 64 : 63));
    if (at_least_two) result |= std::int64_t{1} << bit;
  }
  return result;
}

namespace detail {
// 2^(2^-i) for i = 1..24 in Q62, made by repeated integer square roots of 2.
constexpr std::uint64_t sqrt_q62(std::uint64_t value) {
  unsigned __int128 target = static_cast<unsigned __int128>(value) << 62;
  std::uint64_t low = 0;
  std::uint64_t high = std::uint64_t{1} << 63;
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (static_cast<unsigned __int128>(middle) * middle <= target ? low : high) = middle;
  }
  return low;
}
constexpr std::array<std::uint64_t, 24> make_roots() {
  std::array<std::uint64_t, 24> roots{};
  std::uint64_t current = std::uint64_t{2} << 62 >> 0;
  for (auto& root : roots) root = current = sqrt_q62(current);
  return roots;
}
inline constexpr auto kRootsOfTwo = make_roots();
}  // namespace detail

// value * 2^exponent, exponent in Q32, saturating at the largest int64. Relative error below 2^-22.
constexpr std::uint64_t scale_exp2(std::uint64_t value, std::int64_t exponent) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::int64_t whole = exponent >> 32;  // rounds towards minus infinity
  const auto part = static_cast<std::uint32_t>(exponent);
  unsigned __int128 factor = static_cast<unsigned __int128>(1) << 62;
  for (unsigned i = 0; i < detail::kRootsOfTwo.size(); ++i)
    if (part >> (31 - i) & 1) factor = (factor * detail::kRootsOfTwo[i]) >> 62;
  if (value == 0 || whole < -126) return 0;
  if (whole > 62) return kMost;
  unsigned __int128 result = static_cast<unsigned __int128>(value) * factor;  // Q62
  const std::int64_t shift = 62 - whole;
  result = shift >= 128 ? 0 : result >> shift;
  return result > kMost ? kMost : static_cast<std::uint64_t>(result);
}

}  // namespace weft::sim
