// Waits until something is so.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct WaitRequest {
  enum class What { Ready, Node, Service, Direct, Path } what = What::Ready;
  std::string subject;  // node or SERVICE[@NODE]; empty with Ready
  std::chrono::milliseconds timeout{30'000};
  std::shared_ptr<const bool> wanted = nullptr;  // false once the client has gone; may be null
};

struct WaitResult {
  std::string condition;
  std::int64_t waited_ms = 0;
};

class Waiting {
 public:
  virtual ~Waiting() = default;
  // A wait whose client is gone is given up soon, not at its deadline.
  virtual void wait(WaitRequest request, Done<WaitResult> done) = 0;
};

[[nodiscard]] Json to_json(const WaitResult& result);

}  // namespace weft::api
