// The exposition format 0.0.4 without prometheus-cpp, which Debian has as a shared library only:
// for the program that needs nothing but libc (decision 0025). Counters, gauges and histograms. A
// test holds it against prometheus-cpp's.
#pragma once

#include <string>
#include <vector>

#include <prometheus/metric_family.h>

namespace weft::metrics {

[[nodiscard]] std::string plain_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace weft::metrics
