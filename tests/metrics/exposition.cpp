#include "tests/metrics/exposition.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <regex>

namespace weft::metrics {

namespace {

const std::regex kHelp(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\\n]|\\\\|\\n)+))");
const std::regex kType(R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram))");
const std::regex kSample(
    R"(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*")"
    R"((?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*")*\})? (\+Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?))");

// promtool's lint: what names should look like.
std::optional<std::string> lint(const std::string& name, const Exposition::Family& family) {
  if (family.help.empty()) return name + " has no help";
  const bool total = name.ends_with("_total");
  if ((family.type == "counter") != total) return name + ": _total is for counters alone";
  static const std::set<std::string> kAbbreviated{"s",  "ms", "us", "ns", "sec", "b",   "kb",
                                                  "mb", "gb", "m",  "h",  "d",   "min", "hr"};
  static const std::set<std::string> kNotBase{"milliseconds", "microseconds", "minutes",
                                              "hours",        "bits",         "kilobytes",
                                              "megabytes",    "percent"};
  static const std::set<std::string> kTypes{"counter", "gauge", "histogram", "summary"};
  for (std::size_t from = 0; from <= name.size();) {
    const auto to = std::min(name.find('_', from), name.size());
    const auto word = name.substr(from, to - from);
    if (kAbbreviated.contains(word) || kNotBase.contains(word) || kTypes.contains(word))
      return name + " has the word " + word;
    from = to + 1;
  }
  if (std::ranges::any_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }))
    return name + " is not in snake_case";
  return std::nullopt;
}

// {le="1e-04"} and {le="0.0001"} are the same.
std::string labels_of(const std::string& labels) {
  const auto at = labels.find("le=\"");
  if (at == std::string::npos || labels.contains("+Inf")) return labels;
  const auto end = labels.find('"', at + 4);
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), "%g", std::strtod(labels.c_str() + at + 4, nullptr));
  return labels.substr(0, at + 4) + number.data() + labels.substr(end);
}

std::string family_of(const Exposition& out, const std::string& name) {
  for (const auto* suffix : {"_bucket", "_sum", "_count"}) {
    if (!name.ends_with(suffix)) continue;
    const auto base = name.substr(0, name.size() - std::string_view(suffix).size());
    const auto family = out.families.find(base);
    if (family != out.families.end() && family->second.type == "histogram") return base;
  }
  return name;
}

void check_histogram(const std::string& name, const Exposition::Family& family,
                     std::vector<std::string>& faults) {
  const auto at = [&](const std::string& key) {
    const auto sample = family.samples.find(key);
    return sample == family.samples.end() ? -1.0 : sample->second;
  };
  if (at(name + "_bucket{le=\"+Inf\"}") != at(name + "_count") || at(name + "_count") < 0)
    faults.push_back(name + ": +Inf is not the count");
  std::map<double, double> buckets;
  for (const auto& [key, value] : family.samples)
    if (const auto le = key.find("le=\""); le != std::string::npos)
      buckets[std::strtod(key.c_str() + le + 4, nullptr)] = value;
  double before = 0;
  for (const auto& [bound, value] : buckets) {
    if (value < before) faults.push_back(name + " goes down");
    before = value;
  }
}

}  // namespace

Exposition read_exposition(std::string_view text) {
  Exposition out;
  if (!text.ends_with('\n')) out.faults.emplace_back("no line feed at the end");
  std::string open;  // the family whose lines come
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    std::smatch match;
    if (std::regex_match(line, match, kHelp)) {
      open = match[1];
      if (!out.families.try_emplace(open, Exposition::Family{match[2], {}, {}}).second)
        out.faults.push_back(open + " is there twice");
    } else if (std::regex_match(line, match, kType)) {
      if (match[1] != open || !out.families[open].type.empty())
        out.faults.push_back("TYPE out of place: " + line);
      out.families[open].type = match[2];
    } else if (std::regex_match(line, match, kSample)) {
      if (family_of(out, match[1]) != open) out.faults.push_back("not in its family: " + line);
      const std::string value = match[3];
      const double number = value == "+Inf" ? HUGE_VAL : std::strtod(value.c_str(), nullptr);
      if (!out.families[open]
               .samples.emplace(std::string(match[1]) + labels_of(match[2]), number)
               .second)
        out.faults.push_back("twice: " + line);
    } else {
      out.faults.push_back("not a line of the format: " + line);
    }
  }
  for (const auto& [name, family] : out.families) {
    if (auto fault = lint(name, family)) out.faults.push_back(*fault);
    if (family.type == "histogram") check_histogram(name, family, out.faults);
  }
  return out;
}

}  // namespace weft::metrics
