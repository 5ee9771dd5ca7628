#include "simulations/report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "simulations/svg_plot.hpp"

namespace weft::sim {
namespace {

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

std::string report_of(const RunResult& result, const std::string& description) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "weft_report";
  EXPECT_TRUE(write_report(result, description, folder.string()));
  std::ifstream file(folder / "report.html");
  std::ostringstream text;
  text << file.rdbuf();
  std::filesystem::remove_all(folder);
  return text.str();
}

TEST(Report, NamesWhatTheFileSaysAsTextAndTheCommandThatRan) {
  RunResult result;
  result.scenario = "<script>alert(1)</script>";
  result.replay = "weft sim run 'a & b.toml' --nodes 5 --seed 1";
  const std::string page = report_of(result, "more than 5 > 3 & \"quoted\"");
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;"), std::string::npos);
  EXPECT_NE(page.find("5 &gt; 3 &amp; &quot;quoted&quot;"), std::string::npos);
  EXPECT_NE(page.find("weft sim run &#39;a &amp; b.toml&#39; --nodes 5"), std::string::npos);
}

TEST(Report, SaysThatNothingWasMeasuredAndInventsNoFigure) {
  RunResult result;
  result.interrupted = true;
  result.warmup_second = 600;
  const std::string page = report_of(result, "");
  EXPECT_NE(page.find("Interrupted after"), std::string::npos);
  EXPECT_NE(page.find("Nothing was measured: the warm-up takes 10.0 minutes"), std::string::npos);
  EXPECT_EQ(page.find("0.00 %"), std::string::npos);  // a success of nothing
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_EQ(page.find("inf"), std::string::npos);
}

TEST(Report, TheHeadTellsThisRunFromAnother) {
  RunResult result;
  result.scenario = "bootstrap";
  result.nodes = 200;
  result.scenario_nodes = 1000;
  result.seed = 77;
  result.date = "2026-01-02 03:04 UTC";
  result.kept = {"lookups: 99.95 % right"};
  std::string page = report_of(result, "1,000 nodes arrive");
  const std::string head = page.substr(page.find("<h1>"), page.find("<p>") - page.find("<h1>"));
  for (const char* word :
       {"PASS", "200 nodes (scenario: 1,000)", "seed 77", "weft 0.1.0", "2026-01-02 03:04 UTC"})
    EXPECT_NE(head.find(word), std::string::npos) << word << " in " << head;
  result.broken = {"gets: 5.00 % right"};
  result.scenario_nodes = 200;
  page = report_of(result, "");
  EXPECT_NE(page.find(">FAIL<"), std::string::npos);
  EXPECT_EQ(page.find(">PASS<"), std::string::npos);
  EXPECT_EQ(page.find("scenario: "), std::string::npos);
}

TEST(Report, LiarsAreDrawnWhereThereAreSome) {
  RunResult result;
  result.virtual_time = 10min;
  result.samples.resize(2);
  result.samples[1].minute = 5;
  EXPECT_EQ(report_of(result, "").find("What is wrong in routing tables"), std::string::npos);
  result.samples[1].table_liar_percent = 12;
  result.samples[1].near_liar_percent = 7;
  const std::string page = report_of(result, "");
  EXPECT_NE(page.find("What is wrong in routing tables"), std::string::npos);
  EXPECT_NE(page.find("liars, of the 20 nearest"), std::string::npos);
}

TEST(Report, AFileInTheWayIsNamed) {
  const auto ready = prepare_directory("/dev/null/x");
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().detail.find("Not a directory"), std::string::npos)
      << ready.error().detail;
}

TEST(Plot, ALogarithmicAxisOfOneDecadeHasNumbersToReadItBy) {
  Plot plot;
  plot.scale = PlotScale::Log;
  plot.y_most = 100;
  plot.lines.push_back(distribution("nodes", {212, 250, 300, 480}));
  const std::string svg = to_svg(plot);
  EXPECT_NE(svg.find(">300<"), std::string::npos);
  EXPECT_NE(svg.find(">400<"), std::string::npos);
}

std::vector<std::string> x_labels(const std::string& svg) {
  std::vector<std::string> out;
  const std::string row = "y='286.0' text-anchor='middle'>";
  for (auto at = svg.find(row); at != std::string::npos; at = svg.find(row, at + 1))
    out.push_back(svg.substr(at + row.size(), svg.find('<', at + row.size()) - at - row.size()));
  return out;
}

TEST(Plot, ALogarithmicAxisNeverLeavesOutAPowerOfTen) {
  Plot plot;
  plot.scale = PlotScale::Log;
  plot.y_most = 100;
  plot.lines.push_back(distribution("nodes", {28, 30, 41, 55, 60, 78, 99, 130, 310}));
  const auto labels = x_labels(to_svg(plot));
  EXPECT_NE(std::ranges::find(labels, "100"), labels.end());
  EXPECT_NE(std::ranges::find(labels, "200"), labels.end());
  EXPECT_NE(std::ranges::find(labels, "50"), labels.end());
}

TEST(Plot, MinutesAndHoursGoByTheClockToTheEnd) {
  Plot plot;
  plot.scale = PlotScale::Minutes;
  plot.x_most = 90;
  plot.lines.push_back({"a", {{0, 1}, {90, 1}}});
  EXPECT_EQ(x_labels(to_svg(plot)),
            (std::vector<std::string>{"0", "15", "30", "45", "60", "75", "90"}));
  plot.x_most = 300;
  EXPECT_EQ(x_labels(to_svg(plot)),
            (std::vector<std::string>{"0", "60", "120", "180", "240", "300"}));
  plot.scale = PlotScale::Hours;
  plot.x_most = 24;
  EXPECT_EQ(x_labels(to_svg(plot)),
            (std::vector<std::string>{"0", "3", "6", "9", "12", "15", "18", "21", "24"}));
}

TEST(Plot, ANumberStandsAboveTheHighestPoint) {
  Plot plot;
  plot.lines.push_back({"online", {{0, 0}, {10, 1250}}});
  EXPECT_NE(to_svg(plot).find(">1500<"), std::string::npos);
  plot.lines = {{"rate", {{0, 0}, {10, 52}}}};
  EXPECT_NE(to_svg(plot).find(">60<"), std::string::npos);
}

TEST(Plot, ALineThatLiesOnAnotherSaysSo) {
  Plot plot;
  plot.lines = {{"online", {{0, 1}, {1, 5}}}, {"servers", {{0, 1}, {1, 5}}}};
  EXPECT_NE(to_svg(plot).find("servers (the same as online)"), std::string::npos);
  plot.lines[1].points[1].second = 4;
  EXPECT_EQ(to_svg(plot).find("the same as"), std::string::npos);
}

TEST(Plot, WordsOfMarksDoNotLieOnEachOther) {
  Plot plot;
  plot.lines.push_back({"a", {{0, 1}, {100, 1}}});
  plot.marks = {{50, "partition"}, {51, "heal"}, {99, "flash_crowd"}};
  const std::string svg = to_svg(plot);
  EXPECT_EQ(count_of(svg, "y='66.0'"), 2U);  // above the plot,
  EXPECT_EQ(count_of(svg, "y='52.0'"), 1U);  // and one row higher
}

TEST(Plot, NumbersAreGroupedAndScaled) {
  EXPECT_EQ(grouped(7), "7");
  EXPECT_EQ(grouped(1234), "1,234");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  Plot plot;
  plot.lines.push_back({"a", {{0, 0}, {1, 2'000'000}}});
  EXPECT_NE(to_svg(plot).find(">2M<"), std::string::npos);
}

}  // namespace
}  // namespace weft::sim
