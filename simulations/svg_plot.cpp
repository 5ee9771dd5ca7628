#include "simulations/svg_plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <initializer_list>

namespace weft::sim {

namespace {

constexpr double kWidth = 620, kHeight = 334;
constexpr double kLeft = 64, kRight = 20, kTop = 74, kBottom = 66;
constexpr double kLetter = 8.5;  // at most so wide, on a narrow screen too

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string tick_text(double value) {
  char text[32];
  if (value >= 1'000'000)
    std::snprintf(text, sizeof text, "%gM", value / 1'000'000);
  else if (value >= 10'000)
    std::snprintf(text, sizeof text, "%gk", value / 1000);
  else
    std::snprintf(text, sizeof text, "%g", value);
  return text;
}

// 1, 2 or 5 times a power of ten: about five steps over the range.
double nice_step(double range) {
  const double raw = range / 5;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power) return factor * power;
  return 10 * power;
}

struct Axes {
  double x0 = 0, x1 = 1, y0 = 0, y1 = 1;
  PlotScale scale = PlotScale::Number;
  [[nodiscard]] double x(double value) const {
    const double share = scale == PlotScale::Log ? (std::log10(value) - std::log10(x0)) /
                                                       (std::log10(x1) - std::log10(x0))
                                                 : (value - x0) / (x1 - x0);
    return kLeft + std::clamp(share, 0.0, 1.0) * (kWidth - kLeft - kRight);
  }
  [[nodiscard]] double y(double value) const {
    const double share = std::clamp((value - y0) / (y1 - y0), 0.0, 1.0);
    return kHeight - kBottom - share * (kHeight - kTop - kBottom);
  }
};

Axes axes_for(const Plot& plot) {
  Axes axes;
  axes.scale = plot.scale;
  bool first = true;
  for (const auto& line : plot.lines) {
    for (const auto& [x, y] : line.points) {
      if (first) axes = {x, x, y, y, plot.scale};
      first = false;
      axes.x0 = std::min(axes.x0, x);
      axes.x1 = std::max(axes.x1, x);
      axes.y0 = std::min(axes.y0, y);
      axes.y1 = std::max(axes.y1, y);
    }
  }
  if (plot.x_most > plot.x_least) {
    axes.x0 = plot.x_least;
    axes.x1 = plot.x_most;
  }
  const bool log = plot.scale == PlotScale::Log;
  if (log) axes.x0 = std::max(axes.x0, 0.1);
  if (plot.y_from_zero) axes.y0 = 0;
  if (plot.y_most > 0) axes.y1 = plot.y_most;
  if (!plot.y_from_zero) {  // down to a number that is written, and never a point alone
    if (axes.y1 - axes.y0 < 1) axes.y0 = axes.y1 - 1;
    const double step = nice_step(axes.y1 - axes.y0);
    axes.y0 = std::floor(axes.y0 / step) * step;
  }
  if (plot.y_most <= 0 && axes.y1 > axes.y0) {  // up to a number that is written, above the data
    const double step = nice_step(axes.y1 - axes.y0);
    axes.y1 = std::ceil(axes.y1 / step) * step;
  }
  if (axes.x1 <= axes.x0) axes.x1 = axes.x0 + (log ? axes.x0 : 1);
  if (axes.y1 <= axes.y0) axes.y1 = axes.y0 + 1;
  return axes;
}

void text_at(std::string& out, double x, double y, const char* kind, const std::string& text,
             const char* extra = "") {
  out += "<text class='" + std::string(kind) + "' x='" + number(x) + "' y='" + number(y) + "' " +
         extra + ">" + escaped(text) + "</text>";
}

// Minutes and hours go by what a clock shows: the finest step of which at most eight fit in.
double step_of(const Axes& axes) {
  const double range = axes.x1 - axes.x0;
  const auto finest = [range](std::initializer_list<double> steps) {
    for (const double step : steps)
      if (range / step <= 8.001) return step;
    return nice_step(range);
  };
  if (axes.scale == PlotScale::Minutes) return finest({1, 2, 5, 10, 15, 30, 60, 120});
  if (axes.scale == PlotScale::Hours) return finest({1, 2, 3, 6, 12, 24, 48, 168});
  return nice_step(range);
}

// Powers of ten first, then twos and fives, then the rest of the digits, each where it has room.
std::vector<double> log_ticks(const Axes& axes) {
  std::vector<double> ticks;
  const auto room = [&](double x) {
    return std::ranges::none_of(
        ticks, [&](double other) { return std::abs(axes.x(x) - axes.x(other)) < 5 * kLetter; });
  };
  const bool narrow = axes.x1 / axes.x0 < 30;
  for (const auto& digits : {std::vector{1}, {5, 2}, {3, 7, 4, 6, 8, 9}}) {
    if (digits.size() > 2 && !narrow) break;
    for (double power = std::pow(10, std::floor(std::log10(axes.x0))); power <= axes.x1;
         power *= 10)
      for (const int digit : digits)
        if (const double x = digit * power; x >= axes.x0 && x <= axes.x1 && room(x))
          ticks.push_back(x);
  }
  std::ranges::sort(ticks);
  return ticks;
}

std::vector<double> x_ticks(const Axes& axes) {
  if (axes.scale == PlotScale::Log) return log_ticks(axes);
  std::vector<double> ticks;
  const double step = step_of(axes);
  for (double x = std::ceil(axes.x0 / step) * step; x <= axes.x1 + step / 1000; x += step)
    ticks.push_back(std::round(x / step) * step);
  return ticks;
}

void draw_grid(std::string& out, const Plot& plot, const Axes& axes) {
  const double step = nice_step(axes.y1 - axes.y0);
  for (double y = std::ceil(axes.y0 / step) * step; y <= axes.y1 + step / 1000; y += step) {
    const auto at = number(axes.y(y));
    out += "<line class='grid' x1='" + number(kLeft) + "' x2='" + number(kWidth - kRight) +
           "' y1='" + at + "' y2='" + at + "'/>";
    text_at(out, kLeft - 8, axes.y(y) + 4, "tick", tick_text(std::round(y / step) * step),
            "text-anchor='end'");
  }
  for (const double x : x_ticks(axes))
    text_at(out, axes.x(x), kHeight - kBottom + 18, "tick", tick_text(x), "text-anchor='middle'");
  text_at(out, (kLeft + kWidth - kRight) / 2, kHeight - kBottom + 36, "axis", plot.x_label,
          "text-anchor='middle'");
  text_at(out, kLeft - 48, 33, "axis", plot.y_label);
  out += "<line class='base' x1='" + number(kLeft) + "' x2='" + number(kWidth - kRight) + "' y1='" +
         number(kHeight - kBottom) + "' y2='" + number(kHeight - kBottom) + "'/>";
}

// Above the plot, where no line runs; who would touch the word before takes the row above it.
void draw_marks(std::string& out, const Plot& plot, const Axes& axes) {
  double busy_until[2] = {0, 0};
  for (const auto& [x, word] : plot.marks) {
    if (x < axes.x0 || x > axes.x1) continue;
    const double width = kLetter * static_cast<double>(word.size());
    const double left = std::min(axes.x(x) - 3, kWidth - width);
    const std::size_t row = left < busy_until[0] && left >= busy_until[1] ? 1 : 0;
    busy_until[row] = left + width;
    const auto at = number(axes.x(x));
    out += "<line class='mark' x1='" + at + "' x2='" + at + "' y1='" + number(kTop - 4) + "' y2='" +
           number(kHeight - kBottom) + "'/>";
    text_at(out, left, kTop - 8 - 14 * static_cast<double>(row), "tick", word);
  }
}

// The line's label; with the line it lies upon, where it is the same all along.
std::string legend_of(const Plot& plot, std::size_t line) {
  for (std::size_t i = 0; i < line; ++i)
    if (!plot.lines[line].points.empty() && plot.lines[i].points == plot.lines[line].points)
      return plot.lines[line].label + " (the same as " + plot.lines[i].label + ")";
  return plot.lines[line].label;
}

void draw_legend(std::string& out, const Plot& plot) {
  if (plot.lines.size() < 2) return;
  double at = kLeft;
  for (std::size_t i = 0; i < plot.lines.size(); ++i) {
    const auto y = number(kHeight - 16);
    out += "<line class='s" + std::to_string(i % 4) + "' x1='" + number(at) + "' x2='" +
           number(at + 22) + "' y1='" + y + "' y2='" + y + "'/>";
    const auto label = legend_of(plot, i);
    text_at(out, at + 28, kHeight - 12, "tick", label);
    at += 50 + kLetter * static_cast<double>(label.size());
  }
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '\'')
      out += "&#39;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

std::string plot_style() {
  return R"(
.plot text{font:12px system-ui,sans-serif;fill:var(--ink)}
.plot .title{font-size:14px;font-weight:600}
.plot .tick{fill:var(--soft);font-size:11px}.plot .axis{fill:var(--soft)}
.plot .grid{stroke:var(--line);stroke-width:1}.plot .base{stroke:var(--soft);stroke-width:1}
.plot .mark{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 3}
.plot polyline{fill:none;stroke-linejoin:round}.plot .s0,.plot .s1,.plot .s2,.plot .s3{stroke-width:2}
.plot .s0{stroke:var(--a);stroke-width:3.5}.plot .s1{stroke:var(--b);stroke-dasharray:7 5}
.plot .s2{stroke:var(--c);stroke-dasharray:2 2}.plot .s3{stroke:var(--d);stroke-dasharray:9 3 2 3}
@media (max-width:560px){.plot text,.plot .tick{font-size:15px}.plot .title{font-size:17px}}
:root{--ink:#1c2430;--soft:#5d6878;--line:#e3e7ec;--page:#fff;--card:#f6f8fa;--a:#1f6feb;--b:#d9730d;--c:#2a8c4a;--d:#9b4dca}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#98a3b3;--line:#2d3540;--page:#14181d;--card:#1c2229;--a:#6cb0ff;--b:#f0a04b;--c:#62c484;--d:#c792ea}}
)";
}

std::string to_svg(const Plot& plot) {
  const Axes axes = axes_for(plot);
  std::string out =
      "<svg class='plot' xmlns='http://www.w3.org/2000/svg' viewBox='0 0 620 334' "
      "role='img' aria-label='" +
      escaped(plot.title) + "'>";
  text_at(out, kLeft - 48, 16, "title", plot.title);
  draw_grid(out, plot, axes);
  draw_marks(out, plot, axes);
  for (std::size_t i = 0; i < plot.lines.size(); ++i) {
    out += "<polyline class='s" + std::to_string(i % 4) + "' points='";
    double last_y = 0;
    bool first = true;
    for (const auto& [x, y] : plot.lines[i].points) {
      if (plot.lines[i].steps && !first)
        out += number(axes.x(x)) + "," + number(axes.y(last_y)) + " ";
      out += number(axes.x(x)) + "," + number(axes.y(y)) + " ";
      last_y = y;
      first = false;
    }
    out += "'/>";
  }
  const bool empty =
      std::ranges::all_of(plot.lines, [](const PlotLine& line) { return line.points.empty(); });
  if (empty)
    text_at(out, (kLeft + kWidth - kRight) / 2, (kTop + kHeight - kBottom) / 2, "axis",
            "nothing was measured", "text-anchor='middle'");
  draw_legend(out, plot);
  return out + "</svg>";
}

PlotLine distribution(std::string label, std::vector<double> values) {
  PlotLine line{std::move(label), {}, false};
  std::ranges::sort(values);
  constexpr std::size_t kPoints = 400;
  for (std::size_t i = 0; i <= kPoints && !values.empty(); ++i) {
    const std::size_t at = i * (values.size() - 1) / kPoints;
    line.points.emplace_back(
        values[at], 100.0 * static_cast<double>(at + 1) / static_cast<double>(values.size()));
  }
  return line;
}

}  // namespace weft::sim
