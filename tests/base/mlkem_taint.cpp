// Constant time, checked by valgrind: secrets are marked undefined, and memcheck reports any branch
// or address that depends on them. Run as `valgrind --error-exitcode=1 mlkem_taint`; with the
// argument "control" it breaks the rule on purpose and must be caught.
//
// Covers encapsulation (the message) and decapsulation (secret vector, rejection seed). Key
// generation is left out: the public matrix seed comes from the same hash as the secret one.
#include <valgrind/memcheck.h>

#include <cstdio>
#include <cstring>

#include "base/mlkem.hpp"
#include "base/seeded_rng.hpp"

namespace {

template <class Memory>
void make_secret(Memory& memory, std::size_t from, std::size_t size) {
  (void)VALGRIND_MAKE_MEM_UNDEFINED(memory.data() + from, size);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace weft;
  SeededRng rng(1);
  const auto& kem = mlkem768::in_tree();
  auto pair = kem.from_seed(rng.bytes<64>());
  auto m = rng.bytes<32>();
  auto garbage = rng.bytes<mlkem768::kCiphertextSize>();
  const auto honest = kem.encapsulate_with(pair.encapsulation_key, m).value();

  make_secret(m, 0, m.size());
  const auto sent = kem.encapsulate_with(pair.encapsulation_key, m);
  make_secret(pair.decapsulation_key, 0, 1152);
  make_secret(pair.decapsulation_key, 2400 - 32, 32);
  const auto received = kem.decapsulate(pair.decapsulation_key, honest.ciphertext);
  const auto rejected = kem.decapsulate(pair.decapsulation_key, garbage);

  if (argc > 1 && std::strcmp(argv[1], "control") == 0 && (received[0] & 1) != 0)
    std::puts("this branch depends on a secret");
  (void)VALGRIND_CHECK_MEM_IS_DEFINED(&garbage, sizeof garbage);
  // What leaves is public from here on.
  auto last = sent->secret;
  (void)VALGRIND_MAKE_MEM_DEFINED(last.data(), last.size());
  auto first = received;
  (void)VALGRIND_MAKE_MEM_DEFINED(first.data(), first.size());
  auto other = rejected;
  (void)VALGRIND_MAKE_MEM_DEFINED(other.data(), other.size());
  return first == honest.secret && last == honest.secret && other != first ? 0 : 2;
}
