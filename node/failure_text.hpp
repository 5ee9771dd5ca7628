// A failure of the store or of a start, as people read it: what happened, why, how to fix it. The
// store's errors carry all of it in one text that ends in ". Fix: ...".
#pragma once

#include <string>
#include <string_view>

namespace weft::node {

struct FailureText {
  std::string why;
  std::string fix;  // empty: none is known
};

// `program`: what to type for "weft" in the fix, with --home where it belongs, so that it works
// when pasted.
[[nodiscard]] FailureText take_apart(std::string_view detail, std::string_view program);

}  // namespace weft::node
