#include "base/mlkem_ring.hpp"

#include "base/assert.hpp"

namespace weft::mlkem768::ring {

namespace {

using I16 = std::int16_t;
using I32 = std::int32_t;

constexpr int kR = (1 << 16) % kQ;

constexpr int power(int base, int exponent) {
  int out = 1;
  for (int i = 0; i < exponent; ++i) out = out * base % kQ;
  return out;
}
constexpr I16 centred(int c) { return static_cast<I16>(c > kQ / 2 ? c - kQ : c); }

// q^-1 mod 2^16 by Newton's iteration, as a signed number.
constexpr I16 inverse_of_q() {
  std::uint32_t x = kQ;
  for (int i = 0; i < 4; ++i) x *= 2 - kQ * x;
  return static_cast<I16>(x);
}
constexpr I16 kInverseOfQ = inverse_of_q();
static_assert(static_cast<std::uint16_t>(kInverseOfQ * kQ) == 1);

constexpr int reverse7(int i) {
  int out = 0;
  for (int bit = 0; bit < 7; ++bit) out |= (i >> bit & 1) << (6 - bit);
  return out;
}

// 17^reverse7(i) R: 17 is the 256th root of unity of FIPS 203 4.3.
constexpr std::array<I16, 128> make_zetas() {
  std::array<I16, 128> out{};
  for (int i = 0; i < 128; ++i)
    out[static_cast<std::size_t>(i)] = centred(power(17, reverse7(i)) * kR % kQ);
  return out;
}
constexpr auto kZetas = make_zetas();
constexpr I16 kR2 = centred(kR * kR % kQ);
constexpr I16 kR2Over128 = centred(kR * kR % kQ * power(128, kQ - 2) % kQ);

// product R^-1 mod q, |result| < q, for |product| < q 2^15. In high halves, so that it vectorises.
inline I16 montgomery(I32 product) {
  const I16 t = static_cast<I16>(static_cast<I16>(product) * kInverseOfQ);
  return static_cast<I16>((product >> 16) - (static_cast<I32>(t) * kQ >> 16));
}

inline I16 multiply(I16 a, I16 b) { return montgomery(static_cast<I32>(a) * b); }

// Barrett: a mod q, |result| <= q / 2 + 1, for any a. 20159 = round(2^26 / q).
inline I16 reduce(I16 a) {
  const I32 high = static_cast<I32>(a) * 20159 >> 16;
  const I32 quotient = (high + (1 << 9)) >> 10;
  return static_cast<I16>(a - quotient * kQ);
}

void reduce(Poly& p) {
  for (auto& c : p) c = reduce(c);
}

// Keeps the compiler from learning that a value is 0 or 1, which tempts it to branch.
inline std::uint32_t opaque(std::uint32_t value) {
  __asm__("" : "+r"(value));
  return value;
}

}  // namespace

void ntt(Poly& p) {
  std::size_t k = 1;
  for (std::size_t length = kN / 2; length >= 2; length /= 2)
    for (std::size_t start = 0; start < kN; start += 2 * length) {
      const I16 zeta = kZetas[k++];
      I16* low = p.data() + start;
      I16* high = low + length;
      for (std::size_t j = 0; j < length; ++j) {
        const I16 t = multiply(zeta, high[j]);
        high[j] = static_cast<I16>(low[j] - t);
        low[j] = static_cast<I16>(low[j] + t);
      }
    }
  reduce(p);  // seven additions of less than q each: below 8 q, no overflow
}

void inverse_ntt(Poly& p) {
  std::size_t k = 127;
  for (std::size_t length = 2; length <= kN / 2; length *= 2)
    for (std::size_t start = 0; start < kN; start += 2 * length) {
      const I16 zeta = kZetas[k--];
      I16* low = p.data() + start;
      I16* high = low + length;
      for (std::size_t j = 0; j < length; ++j) {
        const I16 sum = static_cast<I16>(low[j] + high[j]);
        const I16 difference = static_cast<I16>(high[j] - low[j]);
        low[j] = reduce(sum);
        high[j] = multiply(zeta, difference);
      }
    }
  for (auto& c : p) c = reduce(multiply(c, kR2Over128));
}

// FIPS 203 Algorithm 12, for pairs modulo x^2 - zeta and x^2 + zeta. Products add up in 32 bits
// (six of at most q^2) and are reduced once.
Poly inner_product(const Vector& a, const Vector& b) {
  Poly out;
  for (std::size_t i = 0; i < kN; i += 2) {
    const I16 zeta = i % 4 == 0 ? kZetas[64 + i / 4] : static_cast<I16>(-kZetas[64 + i / 4]);
    I32 even = 0;
    I32 odd = 0;
    for (std::size_t row = 0; row < kRank; ++row) {
      const I32 a0 = a[row][i], a1 = a[row][i + 1], b0 = b[row][i], b1 = b[row][i + 1];
      even += a0 * b0 + a1 * multiply(b[row][i + 1], zeta);
      odd += a0 * b1 + a1 * b0;
    }
    out[i] = reduce(montgomery(even));
    out[i + 1] = reduce(montgomery(odd));
  }
  return out;
}

void multiply_by_r(Poly& p) {
  for (auto& c : p) c = multiply(c, kR2);
}

void add(Poly& p, const Poly& q) {
  for (std::size_t i = 0; i < kN; ++i) p[i] = reduce(static_cast<I16>(p[i] + q[i]));
}

void subtract(Poly& p, const Poly& q) {
  for (std::size_t i = 0; i < kN; ++i) p[i] = reduce(static_cast<I16>(p[i] - q[i]));
}

void make_canonical(Poly& p) {
  for (auto& c : p) {
    const I16 small = reduce(c);
    c = static_cast<I16>(small + (kQ & (small >> 15)));
  }
}

template <int D>
void encode(const Poly& p, MutableByteView out) {
  WEFT_ASSERT(out.size() == 32 * D);
  std::uint64_t bits = 0;
  int held = 0;
  std::size_t at = 0;
  for (const auto c : p) {
    std::uint32_t value = static_cast<std::uint32_t>(c);
    if constexpr (D < 12) value = compress<D>(value);
    bits |= static_cast<std::uint64_t>(value) << held;
    for (held += D; held >= 8; held -= 8, bits >>= 8) out[at++] = static_cast<std::uint8_t>(bits);
  }
}

template <int D>
void decode(Poly& p, ByteView in) {
  WEFT_ASSERT(in.size() == 32 * D);
  std::uint64_t bits = 0;
  int held = 0;
  std::size_t at = 0;
  for (auto& c : p) {
    for (; held < D; held += 8) bits |= static_cast<std::uint64_t>(in[at++]) << held;
    std::uint32_t value = opaque(static_cast<std::uint32_t>(bits & ((1U << D) - 1)));
    if constexpr (D < 12) value = decompress<D>(value);
    c = static_cast<I16>(value);
    bits >>= D;
    held -= D;
  }
}

template void encode<1>(const Poly&, MutableByteView);
template void encode<4>(const Poly&, MutableByteView);
template void encode<10>(const Poly&, MutableByteView);
template void encode<12>(const Poly&, MutableByteView);
template void decode<1>(Poly&, ByteView);
template void decode<4>(Poly&, ByteView);
template void decode<10>(Poly&, ByteView);
template void decode<12>(Poly&, ByteView);

bool is_reduced_encoding(ByteView in) {
  Poly p;
  decode<12>(p, in);
  return std::ranges::all_of(p, [](I16 c) { return c < kQ; });
}

void sample_binomial(Poly& p, ByteView bytes) {
  WEFT_ASSERT(bytes.size() == 128);
  for (std::size_t i = 0; i < 128; ++i) {
    // Each pair of bits becomes its sum; a coefficient is the difference of two neighbours.
    const std::uint32_t sums = (bytes[i] & 0x55U) + (bytes[i] >> 1 & 0x55U);
    p[2 * i] = static_cast<I16>(static_cast<I32>(sums & 3) - static_cast<I32>(sums >> 2 & 3));
    p[2 * i + 1] =
        static_cast<I16>(static_cast<I32>(sums >> 4 & 3) - static_cast<I32>(sums >> 6 & 3));
  }
}

// Writes first and counts after: a branch on "below q" would be mispredicted every fifth time.
std::size_t sample_uniform(Poly& p, std::size_t count, ByteView bytes) {
  for (std::size_t i = 0; i + 3 <= bytes.size() && count < kN; i += 3) {
    const int first = bytes[i] | (bytes[i + 1] & 15) << 8;
    const int second = bytes[i + 1] >> 4 | bytes[i + 2] << 4;
    p[count] = static_cast<I16>(first);
    count += first < kQ ? 1 : 0;
    if (count == kN) break;
    p[count] = static_cast<I16>(second);
    count += second < kQ ? 1 : 0;
  }
  return count;
}

}  // namespace weft::mlkem768::ring
