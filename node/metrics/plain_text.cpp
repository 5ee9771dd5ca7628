#include "node/metrics/plain_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace weft::metrics {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

void append_number(std::string& out, double value) {
  if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\\' || (quotes && c == '"'))
      (out += '\\') += c;
    else
      out += c;
  }
}

// name{label="value",le="0.1"} value
void append_sample(std::string& out, std::string_view name, const ClientMetric& metric,
                   double value, const double* bound = nullptr) {
  out += name;
  char open = '{';
  for (const auto& label : metric.label) {
    ((out += open) += label.name) += "=\"";
    append_escaped(out, label.value, true);
    out += '"';
    open = ',';
  }
  if (bound != nullptr) {
    (out += open) += "le=\"";
    append_number(out, *bound);
    out += '"';
    open = ',';
  }
  if (open == ',') out += '}';
  out += ' ';
  append_number(out, value);
  out += '\n';
}

void append_histogram(std::string& out, const std::string& name, const ClientMetric& metric) {
  for (const auto& bucket : metric.histogram.bucket)
    append_sample(out, name + "_bucket", metric, static_cast<double>(bucket.cumulative_count),
                  &bucket.upper_bound);
  append_sample(out, name + "_sum", metric, metric.histogram.sample_sum);
  append_sample(out, name + "_count", metric, static_cast<double>(metric.histogram.sample_count));
}

}  // namespace

std::string plain_text(const std::vector<MetricFamily>& families) {
  std::string out;
  for (const auto& family : families) {
    const bool counts = family.type == MetricType::Counter;
    const bool histogram = family.type == MetricType::Histogram;
    ((out += "# HELP ") += family.name) += ' ';
    append_escaped(out, family.help, false);
    (((out += "\n# TYPE ") += family.name) += histogram ? " histogram"
                                              : counts  ? " counter"
                                                        : " gauge") += '\n';
    for (const auto& metric : family.metric) {
      if (histogram)
        append_histogram(out, family.name, metric);
      else
        append_sample(out, family.name, metric, counts ? metric.counter.value : metric.gauge.value);
    }
  }
  return out;
}

}  // namespace weft::metrics
