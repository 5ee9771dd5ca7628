#include "simulations/scenario.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <toml++/toml.h>

#include "simulations/section.hpp"

namespace weft::sim {

namespace {

Result<void> read_network(Section network, NetworkOptions& out) {
  network.text("latency", out.latency.model);
  network.text("matrix", out.latency.matrix_file);
  network.text("region", out.latency.region);
  network.integer("jitter_percent", out.latency.jitter_percent, 0, 100);
  network.integer("detour_percent", out.latency.detour_percent, 0, 400);
  network.thousandths("loss_percent", out.loss.per_million, 10'000, 0, 50);
  network.duration("loss_burst", out.loss.burst);
  network.boolean("access_queues", out.access_queues);
  network.duration("queue_limit", out.queue_limit);
  if (!out.latency.matrix_file.empty() && !network.has("latency")) out.latency.model = "matrix";
  if (out.latency.model != "embedding" && out.latency.model != "matrix")
    network.complain("latency", "embedding or matrix");
  if ((out.latency.model == "matrix") != network.has("matrix"))
    network.reject("matrix", "goes with latency = \"matrix\": a CSV file of round trips");
  if (!LatencyModel::knows_region(out.latency.region))
    network.complain("region", "world, europe, city or lan");
  return network.finish();
}

Result<void> read_nat(Section nat, NetworkOptions& out) {
  std::uint32_t sum = 0;
  for (const char* kind : {"full_cone", "restricted", "port_restricted", "symmetric", "cgnat"}) {
    std::uint32_t share = 0;
    nat.percent(kind, share);
    if (share > 0) out.nats.push_back({kind, share});
    sum += share;
    if (sum > 100) nat.reject(kind, "is too much: the shares add up to more than 100");
  }
  nat.percent("port_mapping_percent", out.port_mapping_percent);
  nat.integer("home_size", out.home_size, 1, 256);
  nat.duration("timeout", out.nat_timeout, 1s);
  nat.integer("quota", out.nat_quota, 1, 65'535);
  nat.boolean("hairpin", out.nat_hairpin);
  for (const char* key : {"port_mapping_percent", "home_size", "timeout", "quota", "hairpin"})
    if (sum == 0 && nat.has(key)) nat.reject(key, "changes nothing: nobody is behind a NAT");
  return nat.finish();
}

Result<void> read_churn(Section churn, ChurnOptions& out) {
  churn.duration("median_session", out.median_session, 1s);
  churn.thousandths("shape", out.shape, 1000, 0.2, 5);
  churn.percent("stable_percent", out.stable_percent);
  churn.integer("diurnal_percent", out.diurnal_percent, 0, 20);
  for (const char* key : {"shape", "stable_percent", "diurnal_percent"})
    if (out.median_session == 0s && churn.has(key))
      churn.reject(key, "changes nothing without median_session: nobody leaves");
  return churn.finish();
}

Result<void> read_workload(Section workload, WorkloadOptions& out) {
  workload.integer("lookups_per_node_hour", out.lookups_per_node_hour, 0, 36'000);
  workload.percent("existing_percent", out.existing_percent);
  workload.integer("gets_per_node_hour", out.gets_per_node_hour, 0, 36'000);
  workload.integer("records", out.records, 0, 1'000'000);
  workload.percent("mutable_percent", out.mutable_percent);
  workload.duration("warmup", out.warmup);
  return workload.finish();
}

Result<void> read_attack(Section attack, AttackOptions& out) {
  attack.integer("byzantine_percent", out.byzantine_percent, 0, 90);
  attack.integer("sybils", out.sybils, 0, 20'000);
  std::string behavior = "mute";
  attack.text("behavior", behavior);
  if (const auto kind = fault_named(behavior))
    out.behavior = *kind;
  else
    attack.complain("behavior", "mute, lying, cunning or deaf");
  attack.duration("from", out.from);
  std::string victim = "immutable";
  attack.text("victim", victim);
  out.victim_mutable = victim == "mutable";
  if (victim != "mutable" && victim != "immutable")
    attack.complain("victim", "mutable or immutable");
  for (const char* key : {"behavior", "from", "victim"})
    if (out.byzantine_percent == 0 && out.sybils == 0 && attack.has(key))
      attack.reject(key, "changes nothing: give byzantine_percent or sybils");
  return attack.finish();
}

Result<void> read_dht(Section section, dht::Config& out) {
  section.integer("k", out.k, 4, 64);
  section.integer("alpha", out.alpha, 1, 32);
  section.integer("paths", out.paths, 1, 16);
  section.boolean("full_table", out.full_table);
  section.duration("refresh", out.refresh, 1s);
  section.duration("ping_min", out.ping_min, 1s);
  section.duration("ping_max", out.ping_max, 1s);
  section.duration("server_after", out.server_after);
  section.duration("mean_session", out.mean_session, 1s);
  if (out.ping_min > out.ping_max) section.reject("ping_min", "is longer than ping_max");
  return section.finish();
}

Result<void> read_expect(Section section, Expectations& out, Fidelity fidelity) {
  section.thousandths("lookup_success_percent", out.lookup_success, 10, 0, 100);
  section.thousandths("final_lookup_success_percent", out.final_lookup_success, 10, 0, 100);
  section.thousandths("get_success_percent", out.get_success, 10, 0, 100);
  section.integer("bytes_per_node_second", out.bytes_per_node_second, 0, 1'000'000);
  section.boolean("no_lost_record", out.no_lost_record);
  section.thousandths("join_success_percent", out.join_success, 10, 0, 100);
  section.thousandths("open_success_percent", out.open_success, 10, 0, 100);
  const std::vector<const char*> others =
      fidelity == Fidelity::Dht
          ? std::vector<const char*>{"join_success_percent", "open_success_percent"}
          : std::vector<const char*>{"lookup_success_percent", "final_lookup_success_percent",
                                     "get_success_percent", "bytes_per_node_second",
                                     "no_lost_record"};
  for (const char* key : others)
    if (section.has(key))
      section.reject(key, "is not measured with fidelity " + std::string(name_of(fidelity)));
  return section.finish();
}

Result<void> read_event(Section section, std::vector<ScriptedEvent>& out, Fidelity fidelity) {
  using Kind = ScriptedEvent::Kind;
  ScriptedEvent event;
  std::string kind;
  section.text("kind", kind);
  section.duration("at", event.at);
  section.duration("lasts", event.lasts, 1s);
  section.integer("percent", event.percent, 1, kind == name_of(Kind::FlashCrowd) ? 300 : 100);
  section.integer("mebibytes", event.mebibytes, 1, 1'048'576);
  section.integer("pieces", event.pieces, 1, 100'000);
  section.integer("entries", event.entries, 1, 1000);
  bool known = false;
  for (int i = 0; i < static_cast<int>(Kind::kCount); ++i) {
    if (kind != name_of(static_cast<Kind>(i))) continue;
    event.kind = static_cast<Kind>(i);
    known = true;
  }
  if (!known)
    section.complain("kind",
                     "mass_kill, flash_crowd, partition, heal, sleep, roam, remove, transfer or "
                     "sign");
  const std::string name(name_of(event.kind));
  if (fidelity == Fidelity::Dht && event.kind >= Kind::Remove)
    section.reject("kind", "is for whole nodes: fidelity = \"whole\"");
  const auto takes = [&](const char* key, bool wanted, const std::string& question) {
    if (wanted && !section.has(key)) section.reject(key, "is missing: " + question);
    if (!wanted && section.has(key))
      section.reject(key, "means nothing here: it is not for " + name);
  };
  const bool share =
      event.kind != Kind::Heal && event.kind != Kind::Transfer && event.kind != Kind::Sign;
  if (event.kind == Kind::Heal && section.has("percent"))
    section.reject("percent", "means nothing here: heal is for all");
  takes("percent", share, "how many nodes does " + name + " meet?");
  if (event.kind != Kind::Sleep && section.has("lasts"))
    section.reject("lasts", "means nothing here: it goes with sleep");
  takes("lasts", event.kind == Kind::Sleep, "how long do they sleep?");
  takes("mebibytes", event.kind == Kind::Transfer, "how much is moved?");
  if (event.kind != Kind::Transfer) takes("pieces", false, "");
  if (event.kind != Kind::Sign) takes("entries", false, "");
  if (!section.has("at")) section.reject("at", "is missing: when does it happen?");
  out.push_back(event);
  return section.finish();
}

// What each key allows by itself and all of them together do not.
Result<void> check_sense(const Scenario& s) {
  const auto wrong = [](std::string why) { return fail(Errc::Usage, std::move(why)); };
  if (s.name.empty()) return wrong("name must be given");
  if (s.nodes <= s.seeds) return wrong("nodes must be more than seeds");
  if (s.sample < 1s || s.duration < s.sample)
    return wrong("sample must be at least 1s and fit into duration");
  if (s.join_over >= s.duration) return wrong("join_over must be shorter than duration");
  if (s.warmup() >= s.duration)
    return wrong(std::string(s.fidelity == Fidelity::Dht ? "workload" : "whole") +
                 ".warmup must be shorter than duration: nothing would be measured");
  if (s.fidelity == Fidelity::Whole && s.whole.admins > s.seeds)
    return wrong("whole.admins must be at most seeds: admins are always there");
  if (s.fidelity == Fidelity::Dht && s.workload.records == 0 &&
      (s.workload.gets_per_node_hour > 0 || s.attack.sybils > 0))
    return wrong("workload.records must be given: gets and Sybils are after records");
  const auto& expect = s.expect;
  if (s.workload.lookups_per_node_hour == 0 &&
      (expect.lookup_success > 0 || expect.final_lookup_success > 0))
    return wrong("expect: lookups cannot succeed, workload.lookups_per_node_hour is 0");
  if (s.workload.gets_per_node_hour == 0 && expect.get_success > 0)
    return wrong("expect: gets cannot succeed, workload.gets_per_node_hour is 0");
  if (s.workload.records == 0 && expect.no_lost_record)
    return wrong("expect: no record can be lost, workload.records is 0");
  for (const auto& event : s.events)
    if (event.at >= s.duration)
      return wrong("event: " + std::string(name_of(event.kind)) + " comes after the end");
  bool parted = false;
  for (const auto& event : s.events) {
    if (event.kind == ScriptedEvent::Kind::Heal && !parted)
      return wrong("event: heal needs a partition before it");
    parted = event.kind == ScriptedEvent::Kind::Partition ||
             (parted && event.kind != ScriptedEvent::Kind::Heal);
  }
  return {};
}

}  // namespace

std::string_view name_of(ScriptedEvent::Kind kind) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(ScriptedEvent::Kind::kCount)>
      kNames{"mass_kill", "flash_crowd", "partition", "heal", "sleep",
             "roam",      "remove",      "transfer",  "sign"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view name_of(Fidelity fidelity) { return fidelity == Fidelity::Dht ? "dht" : "whole"; }

Result<Scenario> parse_scenario(std::string_view toml_text, std::string_view where) {
  toml::table parsed;
  try {
    parsed = toml::parse(toml_text, where);
  } catch (const toml::parse_error& error) {
    return fail(Errc::Malformed, std::string(where) + ":" +
                                     std::to_string(error.source().begin.line) + ": " +
                                     std::string(error.description()));
  }
  Scenario scenario;
  Section top(&parsed, "");
  top.text("name", scenario.name);
  top.text("description", scenario.description);
  top.integer("nodes", scenario.nodes, 2, 2'000'000);
  top.integer("seed", scenario.seed, 0, std::numeric_limits<std::int64_t>::max());
  top.duration("duration", scenario.duration);
  top.duration("sample", scenario.sample);
  top.duration("join_over", scenario.join_over);
  top.boolean("servers_at_once", scenario.servers_at_once);
  top.integer("seeds", scenario.seeds, 1, 100);
  std::string fidelity(name_of(scenario.fidelity));
  top.text("fidelity", fidelity);
  if (fidelity == name_of(Fidelity::Whole))
    scenario.fidelity = Fidelity::Whole;
  else if (fidelity != name_of(Fidelity::Dht))
    top.complain("fidelity", "dht or whole");
  const bool whole = scenario.fidelity == Fidelity::Whole;
  for (const char* table : {"workload", "attack", "dht"})
    if (whole && top.has(table))
      top.reject(table, "is for the DHT alone: whole nodes have [whole]");
  if (!whole && top.has("whole")) top.reject("whole", "is for whole nodes: fidelity = \"whole\"");
  WEFT_CHECK(read_network(top.section("network"), scenario.network));
  WEFT_CHECK(read_nat(top.section("nat"), scenario.network));
  WEFT_CHECK(read_churn(top.section("churn"), scenario.churn));
  WEFT_CHECK(read_workload(top.section("workload"), scenario.workload));
  WEFT_CHECK(read_attack(top.section("attack"), scenario.attack));
  WEFT_CHECK(read_dht(top.section("dht"), scenario.dht));
  WEFT_CHECK(read_whole(top.section("whole"), scenario.whole));
  WEFT_CHECK(read_expect(top.section("expect"), scenario.expect, scenario.fidelity));
  if (const auto* events = top.array_of_tables("event"))
    for (const auto& event : *events)
      WEFT_CHECK(
          read_event(Section(event.as_table(), "event."), scenario.events, scenario.fidelity));
  WEFT_CHECK(top.finish());
  std::ranges::stable_sort(scenario.events, {}, &ScriptedEvent::at);
  WEFT_CHECK(check_sense(scenario));
  return scenario;
}

Result<Scenario> load_scenario(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(Errc::NotFound, "cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  auto scenario = parse_scenario(text.str(), path);
  if (!scenario && scenario.error().detail.find(path) == std::string::npos)
    return fail(scenario.error().code, path + ": " + scenario.error().detail);
  if (scenario && !scenario->network.latency.matrix_file.empty()) {
    auto& matrix = scenario->network.latency.matrix_file;
    matrix = (std::filesystem::path(path).parent_path() / matrix).string();
  }
  return scenario;
}

}  // namespace weft::sim
