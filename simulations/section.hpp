// One table of a scenario, read strictly: a key that nobody asked for, a wrong type and a value out
// of range are errors that name the line and the key. A workload reads its table with it.
#pragma once

#include <cmath>
#include <cstdio>
#include <set>
#include <string>

#include <toml++/toml.h>

#include "base/error.hpp"
#include "base/nearest_word.hpp"
#include "base/time.hpp"

namespace weft::sim {

// Reads one table, remembers which keys it was asked for, and complains about all others.
class Section {
 public:
  Section(const toml::table* table, std::string path) : table_(table), path_(std::move(path)) {}

  template <class Int>
  void integer(const char* key, Int& out, std::int64_t least, std::int64_t most) {
    if (const auto* node = find(key)) {
      const auto value = node->template value_exact<std::int64_t>();
      if (!value || *value < least || *value > most)
        return complain(
            key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
      out = static_cast<Int>(*value);
    }
  }
  void percent(const char* key, std::uint32_t& out) { integer(key, out, 0, 100); }
  // 99.9 becomes 999: thousandths of one.
  void thousandths(const char* key, std::uint32_t& out, double scale, double least, double most) {
    if (const auto* node = find(key)) {
      const auto value = node->value<double>();
      if (!value || !(*value >= least && *value <= most))  // not even nan
        return complain(key, "a number from " + shortest(least) + " to " + shortest(most));
      out = static_cast<std::uint32_t>(std::lround(*value * scale));
    }
  }
  void boolean(const char* key, bool& out) {
    if (const auto* node = find(key)) {
      const auto value = node->value_exact<bool>();
      if (!value) return complain(key, "true or false");
      out = *value;
    }
  }
  void text(const char* key, std::string& out) {
    if (const auto* node = find(key)) {
      const auto value = node->value_exact<std::string>();
      if (!value) return complain(key, "a text in quotes");
      out = *value;
    }
  }
  void duration(const char* key, Duration& out, Duration least = 0s) {
    const auto* node = find(key);
    if (node == nullptr) return;
    const auto given = node->value_exact<std::string>();
    if (!given)
      return complain(key, "a time in quotes like \"500ms\", \"30s\", \"5m\", \"2h\", \"1d\"");
    const std::string& text_value = *given;
    std::size_t digits = 0;
    while (digits < text_value.size() && text_value[digits] >= '0' && text_value[digits] <= '9')
      ++digits;
    const std::string unit = text_value.substr(digits);
    const std::int64_t count = digits == 0 || digits > 9 ? -1 : std::stoll(text_value);
    Duration step{0};
    if (unit == "ms") step = 1ms;
    if (unit == "s") step = 1s;
    if (unit == "m") step = 1min;
    if (unit == "h") step = 1h;
    if (unit == "d") step = 24h;
    if (count < 0 || step.count() == 0)
      return complain(key, "a time like 500ms, 30s, 5m, 2h or 1d");
    if (count > 366 * 24h / step) return complain(key, "at most 366d");
    if (step * count < least) return complain(key, "at least " + std::to_string(least / 1s) + "s");
    out = step * count;
  }
  [[nodiscard]] bool has(const char* key) const {
    return table_ != nullptr && table_->contains(key);
  }
  [[nodiscard]] Section section(const char* key) {
    const auto* node = find(key);
    if (node != nullptr && !node->is_table()) complain(key, "a table");
    return Section(node == nullptr ? nullptr : node->as_table(), path_ + key + ".");
  }
  const toml::array* array_of_tables(const char* key) {
    const auto* node = find(key);
    if (node == nullptr) return nullptr;
    if (!node->is_array_of_tables()) complain(key, "written as [[" + std::string(key) + "]]");
    return node->as_array();
  }
  void complain(const std::string& key, const std::string& what) { reject(key, "must be " + what); }
  // What is wrong with the value of `key`, or that there is none.
  void reject(const std::string& key, const std::string& why) {
    if (!error_.empty()) return;
    const toml::node* node = table_ == nullptr ? nullptr : table_->get(key);
    if (node == nullptr) node = table_;
    if (node != nullptr && node->source().begin.line > 0)
      error_ = "line " + std::to_string(node->source().begin.line) + ": ";
    error_ += path_ + key + " " + why;
  }
  // The first complaint of this section, or an unknown key.
  [[nodiscard]] Result<void> finish() const {
    if (!error_.empty()) return fail(Errc::Usage, error_);
    if (table_ == nullptr) return {};
    for (const auto& [key, value] : *table_) {
      const std::string name(key.str());
      if (known_.contains(name)) continue;
      const auto near = nearest_word(name, known_);
      return fail(Errc::Usage,
                  "line " + std::to_string(value.source().begin.line) + ": unknown key " + path_ +
                      name + (near.empty() ? "; " + all_keys() : ": did you mean " + near + "?"));
    }
    return {};
  }

 private:
  static std::string shortest(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    return text;
  }
  const toml::node* find(const char* key) {
    known_.insert(key);
    return table_ == nullptr ? nullptr : table_->get(key);
  }
  [[nodiscard]] std::string all_keys() const {
    std::string out;
    for (const auto& known : known_) out += (out.empty() ? "there are " : ", ") + known;
    return out;
  }
  const toml::table* table_;
  std::string path_;
  std::set<std::string> known_;
  std::string error_;
};

}  // namespace weft::sim
