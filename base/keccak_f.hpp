// Private to base: Keccak-f[1600] for any lane type with ^, &, ~, <<, >>. No standard library here
// and internal linkage throughout: one of its users is compiled for AVX2, and no function of that
// translation unit may be picked by the linker for the rest of the program.
#pragma once

namespace {

using KeccakWord = unsigned long long;

struct KeccakTables {
  int rotation[25] = {};
  int target[25] = {};  // where pi moves lane i
  KeccakWord constant[24] = {};
};

// FIPS 202: rho offsets (3.2.2), pi (3.2.3), iota constants (3.2.5).
constexpr KeccakTables make_keccak_tables() {
  KeccakTables out;
  for (int x = 0, y = 0, i = 0; i < 25; ++i, x = i % 5, y = i / 5)
    out.target[i] = y + 5 * ((2 * x + 3 * y) % 5);
  for (int t = 0, x = 1, y = 0; t < 24; ++t) {
    out.rotation[x + 5 * y] = (t + 1) * (t + 2) / 2 % 64;
    const int next_y = (2 * x + 3 * y) % 5;
    x = y;
    y = next_y;
  }
  unsigned lfsr = 1;
  for (auto& constant : out.constant)
    for (int j = 0; j < 7; ++j) {
      if ((lfsr & 1) != 0) constant |= 1ULL << ((1 << j) - 1);
      lfsr = (lfsr << 1) ^ ((lfsr >> 7) * 0x171);
    }
  return out;
}

constexpr KeccakTables kKeccak = make_keccak_tables();

template <int I>
struct KeccakIndex {
  static constexpr int value = I;
};

template <int I, int N, class F>
[[gnu::always_inline]] inline void keccak_unroll(F& f) {
  if constexpr (I < N) {
    f(KeccakIndex<I>{});
    keccak_unroll<I + 1, N>(f);
  }
}

template <class Lane>
[[gnu::always_inline]] inline void keccak_round(Lane* a, KeccakWord constant) {
  Lane c[5];
  Lane b[25];
  auto column = [&](auto i) __attribute__((always_inline)) {
    constexpr int x = decltype(i)::value;
    c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
  };
  keccak_unroll<0, 5>(column);
  auto theta_rho_pi = [&](auto i) __attribute__((always_inline)) {
    constexpr int at = decltype(i)::value;
    constexpr int x = at % 5;
    constexpr int r = kKeccak.rotation[at];
    const Lane& right = c[(x + 1) % 5];
    const Lane lane = a[at] ^ c[(x + 4) % 5] ^ (right << 1) ^ (right >> 63);
    if constexpr (r == 0)
      b[kKeccak.target[at]] = lane;
    else
      b[kKeccak.target[at]] = (lane << r) ^ (lane >> (64 - r));
  };
  keccak_unroll<0, 25>(theta_rho_pi);
  auto chi = [&](auto i) __attribute__((always_inline)) {
    constexpr int at = decltype(i)::value;
    constexpr int row = at / 5 * 5;
    a[at] = b[at] ^ (~b[row + (at + 1) % 5] & b[row + (at + 2) % 5]);
  };
  keccak_unroll<0, 25>(chi);
  a[0] = a[0] ^ constant;
}

template <class Lane>
[[gnu::always_inline]] inline void keccak_permute(Lane* a) {
  for (const auto constant : kKeccak.constant) keccak_round(a, constant);
}

}  // namespace
