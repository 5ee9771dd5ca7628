// What the node counts, for Prometheus (docs/metrics.md).
#pragma once

#include <string>

namespace weft::api {

class Metrics {
 public:
  virtual ~Metrics() = default;
  // Exposition format 0.0.4.
  [[nodiscard]] virtual std::string metrics() = 0;
};

}  // namespace weft::api
