// Compiled with -mavx2 and called only on CPUs that have it. Includes nothing but the permutation.
#include "base/keccak_f.hpp"

namespace weft::keccak::detail {

void permute4_avx2(unsigned long long* state);

void permute4_avx2(unsigned long long* state) {
  using Lanes = unsigned long long __attribute__((vector_size(32), may_alias));
  auto* in = reinterpret_cast<Lanes*>(state);
  Lanes lanes[25];
  for (int i = 0; i < 25; ++i) lanes[i] = in[i];
  for (const auto constant : kKeccak.constant) keccak_round(lanes, constant);
  for (int i = 0; i < 25; ++i) in[i] = lanes[i];
}

}  // namespace weft::keccak::detail
