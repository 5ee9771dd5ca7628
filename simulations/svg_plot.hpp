// Small charts as SVG text: lines over time, and cumulative distributions. One look for all; light
// and dark follow the reader's setting through CSS classes of the page that embeds them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weft::sim {

struct PlotLine {
  std::string label;
  std::vector<std::pair<double, double>> points;
  bool steps = false;  // hold each value until the next point
};

// What the x axis counts: its steps are round for that.
enum class PlotScale : std::uint8_t { Number, Log, Minutes, Hours };

struct Plot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<PlotLine> lines;
  std::vector<std::pair<double, std::string>> marks;  // vertical lines with a word
  PlotScale scale = PlotScale::Number;
  bool y_from_zero = true;
  double y_most = 0;               // 0: from the data
  double x_least = 0, x_most = 0;  // both 0: from the data
};

// Text in HTML or SVG, also inside an attribute in quotes.
[[nodiscard]] std::string escaped(const std::string& text);
// 1234567 becomes 1,234,567.
[[nodiscard]] std::string grouped(std::uint64_t value);
[[nodiscard]] std::string to_svg(const Plot& plot);
// The style a stand-alone SVG or a page needs once.
[[nodiscard]] std::string plot_style();
// Values become a line from 0 to 100 percent, thinned to at most 400 points.
[[nodiscard]] PlotLine distribution(std::string label, std::vector<double> values);

}  // namespace weft::sim
