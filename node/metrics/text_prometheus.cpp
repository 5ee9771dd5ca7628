#include <sstream>

#include <prometheus/text_serializer.h>

#include "node/metrics/families.hpp"

namespace weft::metrics {

std::string text_of(const std::vector<prometheus::MetricFamily>& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace weft::metrics
