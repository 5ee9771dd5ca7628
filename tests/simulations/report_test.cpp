#include "simulations/report.hpp"

#include <gtest/gtest.h>

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

TEST(Report, AFileInTheWayIsNamed) {
  const auto ready = prepare_directory("/dev/null/x");
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().detail.find("Not a directory"), std::string::npos)
      << ready.error().detail;
}

TEST(Plot, ALogarithmicAxisOfOneDecadeHasNumbersToReadItBy) {
  Plot plot;
  plot.log_x = true;
  plot.y_most = 100;
  plot.lines.push_back(distribution("nodes", {212, 250, 300, 480}));
  const std::string svg = to_svg(plot);
  EXPECT_NE(svg.find(">300<"), std::string::npos);
  EXPECT_NE(svg.find(">400<"), std::string::npos);
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
