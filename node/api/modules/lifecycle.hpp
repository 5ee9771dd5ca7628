// Is it alive, is it ready, which version, and its end.
#pragma once

#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct ShutdownResult {};

class Lifecycle {
 public:
  virtual ~Lifecycle() = default;
  [[nodiscard]] virtual bool ready() const = 0;  // /readyz
  // Done first, then the daemon begins to end: the answer must still reach the client.
  virtual void shutdown(Done<ShutdownResult> done) = 0;
};

[[nodiscard]] Json to_json(const ShutdownResult& result);

}  // namespace weft::api
