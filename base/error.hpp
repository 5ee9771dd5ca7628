// Result<T> and the error codes some caller acts on. A code exists only if a caller does something
// different for it; what happened in detail goes into `detail`, which reaches logs and users.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

enum class Errc {
  Malformed,      // bytes that do not parse
  NonCanonical,   // parse, but are not the one allowed encoding
  TooLarge,       // over a stated limit
  Unsupported,    // version or kind we do not speak
  BadSignature,   // a signature does not verify
  BadKey,         // low-order point, unreduced KEM key, wrong length
  AuthFailed,     // AEAD or MAC does not verify
  Expired,        // valid once, not now
  NotYetValid,    // its time has not come
  WrongNetwork,   // bound to another network
  Denied,         // rules or roster say no
  NotFound,       // no such node, service, mapping, file
  AlreadyExists,  // the name or id is taken
  Conflict,       // cannot be combined with what is there (fork, second use)
  Limit,          // a bound of ours is reached; retry later
  Timeout,        // no answer in time
  NoPath,         // the peer cannot be reached now
  Closed,         // the session or stream is gone
  Busy,           // in use: address, lock
  Storage,        // disk said no
  Usage,          // the caller's arguments are off
};

std::string_view name_of(Errc code);

struct Error {
  Errc code;
  std::string detail;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Errc code, std::string detail = {}) {
  return std::unexpected<Error>(Error{code, std::move(detail)});
}

}  // namespace weft

#define WEFT_CONCAT_INNER(a, b) a##b
#define WEFT_CONCAT(a, b) WEFT_CONCAT_INNER(a, b)
#define WEFT_TRY_INNER(result, declaration, expression)               \
  auto result = (expression);                                         \
  if (!result) return std::unexpected<::weft::Error>(result.error()); \
  declaration = std::move(*result)

// WEFT_TRY(auto ping, decode(bytes)); returns the error to our caller or binds the value.
#define WEFT_TRY(declaration, ...) \
  WEFT_TRY_INNER(WEFT_CONCAT(weft_result_, __LINE__), declaration, (__VA_ARGS__))

// WEFT_CHECK(verify(bytes)); for a Result<void>.
#define WEFT_CHECK(...)                                            \
  do {                                                             \
    if (auto weft_checked = (__VA_ARGS__); !weft_checked)          \
      return std::unexpected<::weft::Error>(weft_checked.error()); \
  } while (false)
