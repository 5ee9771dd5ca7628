// A snapshot as Prometheus families, and their text (exposition format 0.0.4).
//
// weft_<room>_<member>_total is the name of a counter, weft_<member> that of a gauge; room and
// member are those of the structs in snapshot.hpp. docs/metrics.md is made from here
// (weft help --metrics).
//
// Limits: series do not grow with the network. Of peers, services and doors the first kMaxLabels
// each, by name, have series of their own; weft_left_out counts the rest. So a node with 1,000
// peers serves at most 500 series (a test counts them). Labels hold names, never an address.
#pragma once

#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "node/metrics/snapshot.hpp"

namespace weft::metrics {

inline constexpr std::size_t kMaxLabels = 32;
inline constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

[[nodiscard]] std::vector<prometheus::MetricFamily> families(const Snapshot& snapshot);
// By prometheus-cpp; by text_static.cpp in a program that carries its libraries (decision 0025).
[[nodiscard]] std::string text_of(const std::vector<prometheus::MetricFamily>& families);
// docs/metrics.md.
[[nodiscard]] std::string reference();

}  // namespace weft::metrics
