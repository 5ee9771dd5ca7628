// A byte pipe to a service over the API's own socket.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/bytes.hpp"
#include "node/api/result.hpp"

namespace weft::api {

// A byte pipe to a service over the API's own socket. The daemon opens the stream first (so that
// "not found" and "denied" are still HTTP answers) and then gets the client's socket.
struct PipeRequest {
  std::string service;
  std::string node;  // empty: any
  std::chrono::milliseconds timeout{10'000};
};

struct PipeResult {
  std::string node, path;
  // Called exactly once. `fd`: a connected, non-blocking Unix stream socket that the callee owns
  // from then on and closes; `early`: bytes the client sent already. fd -1: the client went away,
  // drop the stream.
  std::function<void(int fd, Bytes early)> adopt;
};

class Pipes {
 public:
  virtual ~Pipes() = default;
  virtual void pipe(PipeRequest request, Done<PipeResult> done) = 0;
};

}  // namespace weft::api
