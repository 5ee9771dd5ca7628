// Assertions that stay on in production: a broken invariant of our own stops the process before it
// can corrupt state or leak a key. Hostile input is never a reason to assert: drop it and count it.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace weft {

[[noreturn]] inline void assert_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "weft: broken invariant: %s (%s:%d)\n", what, file, line);
  std::abort();
}

}  // namespace weft

#define WEFT_ASSERT(cond) ((cond) ? void() : ::weft::assert_failed(#cond, __FILE__, __LINE__))

// The costly kind: only in debug builds and in the simulator's checkers.
#ifdef WEFT_DEBUG
#define WEFT_DCHECK(cond) WEFT_ASSERT(cond)
#else
#define WEFT_DCHECK(cond) static_cast<void>(0)
#endif
