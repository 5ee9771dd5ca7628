// What every answer of the management API is made of: a result, or what went wrong in words.
//
// Rules for whoever implements the interface of a module (node/api/modules):
//   1. Every call and every Done runs on the event-loop thread. Done may be called before the call
//      returns, or much later; it must be called exactly once.
//   2. Requests arrive checked for shape (names are DNS labels, targets parse, lists are bounded);
//      whether a node or a service exists is the daemon's to say.
//   3. A change is acknowledged only after it is on disk.
//   4. The client may have gone by the time Done is called: that is harmless.
// WHO is text as the user gave it: a node's name, a NodeId ("wf1..."), "group:NAME" or "*".
// Times are UnixTime (seconds, UTC); fields ending in _ms are milliseconds, _s seconds.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace weft::api {

// Exit codes of the command line, and `code` of every answer's envelope.
enum class Code : int {
  Ok = 0,
  Failed = 1,
  Usage = 2,
  NotRunning = 3,
  NotFound = 4,
  Denied = 5,
  NoPath = 6,
  Timeout = 7,
  NotDirect = 8,
  BadConfig = 78,
};

// What went wrong, why, and what to do: `title` is one clause ("no node named oak"), `detail` the
// cause, `fix` a command or an action; the last two may be empty.
struct ApiError {
  Code code = Code::Failed;
  std::string title;
  std::string detail;
  std::string fix;
};

template <class T>
using ApiResult = std::expected<T, ApiError>;
template <class T>
using Done = std::function<void(ApiResult<T>)>;

inline std::unexpected<ApiError> refuse(Code code, std::string title, std::string detail = {},
                                        std::string fix = {}) {
  return std::unexpected<ApiError>(
      ApiError{code, std::move(title), std::move(detail), std::move(fix)});
}
// The exit code that an Errc of the layers below becomes, and an ApiError made of one.
Code code_of(Errc code);
ApiError to_api_error(const Error& error, std::string title);

}  // namespace weft::api
