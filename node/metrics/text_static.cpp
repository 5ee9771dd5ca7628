#include "node/metrics/families.hpp"
#include "node/metrics/plain_text.hpp"

namespace weft::metrics {

std::string text_of(const std::vector<prometheus::MetricFamily>& families) {
  return plain_text(families);
}

}  // namespace weft::metrics
