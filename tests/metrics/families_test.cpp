#include "node/metrics/families.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "node/metrics/plain_text.hpp"
#include "tests/metrics/exposition.hpp"

namespace weft::metrics {
namespace {

Snapshot busy(std::size_t peers) {
  Snapshot out;
  out.version = "0.1.0";
  out.session.gate_wrong = 3;
  out.session.opening.packets_replayed = 4;
  out.udp.rx_bytes = 12'345'678'901'234;
  out.gauges.sessions = peers;
  for (const auto took : {50us, 100us, 101us, 7000us}) out.store_commit.observe(took);
  out.store_commit.observe(10s);
  for (std::size_t i = 0; i < peers; ++i) {
    const std::string name = "peer" + std::to_string(1000 + i);
    out.peers.push_back({name, i % 2 == 0 ? "connected" : "away", i % 2 == 0 ? 1500u : 0u});
    out.services.push_back({"service" + std::to_string(1000 + i), i});
    out.doors.push_back({"web@" + name, 1, {i, 2 * i}});
  }
  return out;
}

TEST(Metrics, TheTextIsWhatPromtoolAccepts) {
  const auto read = read_exposition(text_of(families(busy(3))));
  EXPECT_TRUE(read.faults.empty()) << read.faults.front();
  const auto& got = read.families;
  EXPECT_EQ(got.at("weft_session_gate_wrong_total").samples.at("weft_session_gate_wrong_total"), 3);
  EXPECT_EQ(got.at("weft_session_packets_replayed_total").type, "counter");
  EXPECT_EQ(got.at("weft_udp_rx_bytes_total").samples.at("weft_udp_rx_bytes_total"),
            12'345'678'901'234);
  EXPECT_EQ(got.at("weft_peers").samples.at("weft_peers{state=\"connected\"}"), 2);
  EXPECT_EQ(got.at("weft_peer_rtt_seconds").samples.at("weft_peer_rtt_seconds{peer=\"peer1000\"}"),
            0.0015);
  EXPECT_EQ(got.at("weft_door_rx_bytes_total")
                .samples.at("weft_door_rx_bytes_total{door=\"web@peer1002\"}"),
            4);
  const auto& commits = got.at("weft_store_commit_seconds").samples;
  EXPECT_EQ(commits.at("weft_store_commit_seconds_count"), 5);
  EXPECT_EQ(commits.at("weft_store_commit_seconds_bucket{le=\"0.0001\"}"), 2);
  EXPECT_EQ(commits.at("weft_store_commit_seconds_bucket{le=\"0.0002\"}"), 3);
  EXPECT_EQ(commits.at("weft_store_commit_seconds_bucket{le=\"+Inf\"}"), 5);
}

TEST(Metrics, NetworksThatAreNotTheDefaultAreNamed) {
  auto snapshot = busy(1);
  auto other = busy(1);
  for (auto& peer : other.peers) peer.network = "work";
  for (auto& service : other.services) service.network = "work";
  for (auto& door : other.doors) door.network = "work";
  snapshot.peers.push_back(other.peers[0]);
  snapshot.services.push_back(other.services[0]);
  snapshot.doors.push_back(other.doors[0]);
  const auto read = read_exposition(text_of(families(snapshot)));
  EXPECT_TRUE(read.faults.empty()) << read.faults.front();
  for (const std::string network : {"", ",network=\"work\""}) {
    const auto series = [&](const std::string& metric, const std::string& label) {
      const auto name = metric + "{" + label + network + "}";
      return read.families.at(metric).samples.contains(name);
    };
    EXPECT_TRUE(series("weft_peer_rtt_seconds", R"(peer="peer1000")"));
    EXPECT_TRUE(series("weft_service_connections", R"(service="service1000")"));
    EXPECT_TRUE(series("weft_door_connections", R"(door="web@peer1000")"));
  }
}

TEST(Metrics, AThousandPeersAreAtMostFiveHundredSeries) {
  const auto few = read_exposition(text_of(families(busy(3))));
  const auto many = read_exposition(text_of(families(busy(1000))));
  EXPECT_TRUE(many.faults.empty()) << many.faults.front();
  EXPECT_LE(many.series(), 500u);
  EXPECT_GT(many.series(), few.series());
  EXPECT_EQ(few.families.at("weft_left_out").samples.at("weft_left_out"), 0);
  EXPECT_EQ(many.families.at("weft_left_out").samples.at("weft_left_out"),
            500 + 1000 + 1000 - 3 * static_cast<int>(kMaxLabels));
  EXPECT_EQ(many.families.at("weft_peers").samples.at("weft_peers{state=\"connected\"}"), 500);
}

TEST(Metrics, NamesThatAreNoLabelsAreEscaped) {
  Snapshot snapshot;
  snapshot.services.push_back({"a\"b\\c\nd", 1});
  for (const auto& text : {text_of(families(snapshot)), plain_text(families(snapshot))}) {
    const auto read = read_exposition(text);
    EXPECT_TRUE(read.faults.empty()) << read.faults.front();
    EXPECT_EQ(read.families.at("weft_service_connections").samples.begin()->first,
              R"(weft_service_connections{service="a\"b\\c\nd"})");
  }
}

TEST(Metrics, TheTextOfTheCarriedProgramIsThatOfPrometheusCpp) {
  const auto theirs = read_exposition(text_of(families(busy(40))));
  const auto ours = read_exposition(plain_text(families(busy(40))));
  EXPECT_TRUE(ours.faults.empty()) << ours.faults.front();
  ASSERT_EQ(ours.families.size(), theirs.families.size());
  for (const auto& [name, family] : theirs.families) {
    const auto& own = ours.families.at(name);
    EXPECT_EQ(own.help, family.help);
    EXPECT_EQ(own.type, family.type);
    EXPECT_EQ(own.samples, family.samples) << name;
  }
}

TEST(Metrics, ThePageIsWhatTheTablesSay) {
  std::ifstream file(std::string(WEFT_SOURCE_DIR) + "/docs/metrics.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_EQ(page.str(), reference()) << "make it anew: weft help --metrics > docs/metrics.md";
}

TEST(Metrics, TheReaderOfThisTestIsStrict) {
  const auto faults = [](std::string_view text) { return read_exposition(text).faults.size(); };
  EXPECT_EQ(faults("# HELP a b\n# TYPE a gauge\na 1\n"), 0u);
  EXPECT_GT(faults("# HELP a b\n# TYPE a gauge\na 1"), 0u);
  EXPECT_GT(faults("# HELP a b\n# TYPE a counter\na 1\n"), 0u);
  EXPECT_GT(faults("# HELP a b\n# TYPE a gauge\na 1\na 2\n"), 0u);
  EXPECT_GT(faults("# HELP a b\n# TYPE a gauge\nc 1\n"), 0u);
  EXPECT_GT(faults("# HELP a b\n# TYPE a gauge\na{b=c} 1\n"), 0u);
  EXPECT_GT(faults("# HELP a_ms b\n# TYPE a_ms gauge\na_ms 1\n"), 0u);
  EXPECT_GT(faults("# TYPE a gauge\na 1\n"), 0u);
}

TEST(Metrics, PromtoolAgreesWhereItIsInstalled) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "no promtool here; TheTextIsWhatPromtoolAccepts reads as strictly";
  FILE* promtool = ::popen("promtool check metrics 2>&1", "w");
  ASSERT_NE(promtool, nullptr);
  const auto text = text_of(families(busy(1000)));
  ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), promtool), text.size());
  EXPECT_EQ(::pclose(promtool), 0);
}

}  // namespace
}  // namespace weft::metrics
