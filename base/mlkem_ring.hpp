// Private to base: arithmetic in Z_3329[x]/(x^256 + 1), as ML-KEM (FIPS 203) needs it.
//
// Coefficients are 16-bit signed; products go through Montgomery reduction with R = 2^16. No
// branch, index or division depends on a coefficient (compression multiplies by a reciprocal:
// KyberSlash). Ranges: "reduced" is |c| <= 1665, "canonical" is 0 <= c < 3329.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace weft::mlkem768::ring {

inline constexpr int kQ = 3329;
inline constexpr std::size_t kN = 256;
inline constexpr std::size_t kRank = 3;

using Poly = std::array<std::int16_t, kN>;
using Vector = std::array<Poly, kRank>;

// To the NTT domain and back. Input |c| <= q; output reduced. The inverse also multiplies by R,
// which undoes the R^-1 of inner_product.
void ntt(Poly& p);
void inverse_ntt(Poly& p);
// Sum of the products of a and b in the NTT domain, times R^-1; reduced. Inputs reduced.
Poly inner_product(const Vector& a, const Vector& b);
void multiply_by_r(Poly& p);

void add(Poly& p, const Poly& q);       // result reduced
void subtract(Poly& p, const Poly& q);  // p - q, result reduced
void make_canonical(Poly& p);           // from |c| < 2 q

// FIPS 203 4.7: round(2^d / q c) mod 2^d for a canonical c.
template <int D>
constexpr std::uint32_t compress(std::uint32_t c) {
  constexpr int kShift = 36;
  constexpr std::uint64_t kReciprocal = (1ULL << kShift) / kQ + 1;
  return static_cast<std::uint32_t>(((static_cast<std::uint64_t>(c) << D) + kQ / 2) * kReciprocal >>
                                    kShift) &
         ((1U << D) - 1);
}
template <int D>
constexpr std::uint32_t decompress(std::uint32_t c) {
  return (c * kQ + (1U << (D - 1))) >> D;
}

// ByteEncode/ByteDecode of FIPS 203 4.2.1, with compression below 12 bits. `out` and `in` hold
// 32 D bytes; the polynomial to encode is canonical.
template <int D>
void encode(const Poly& p, MutableByteView out);
template <int D>
void decode(Poly& p, ByteView in);
// D = 12 only: false if a coefficient is not below q. For public keys.
bool is_reduced_encoding(ByteView in);

// SamplePolyCBD with eta = 2, from 128 bytes.
void sample_binomial(Poly& p, ByteView bytes);
// Appends what rejection sampling takes of `bytes` (public), a multiple of three; returns the new
// count.
std::size_t sample_uniform(Poly& p, std::size_t count, ByteView bytes);

}  // namespace weft::mlkem768::ring
