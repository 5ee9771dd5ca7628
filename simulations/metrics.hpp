// What a run measured: one row per finished operation, one row per sample, and their summary.
// Plain data; report.cpp turns it into files. Percentiles are exact (sorted, nearest rank).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace weft::sim {

enum class Operation : std::uint8_t {
  Lookup,
  Get,
  Put,
  Bootstrap,
  Join,
  Open,
  Piece,
  Publish,   // until three members hold it
  Delivery,  // until one subscriber has it
  Detect,    // from the end of a process until one other member holds it for dead
  kCount
};
std::string_view name_of(Operation operation);

struct Measured {
  std::uint32_t at_second = 0;
  std::uint32_t micros = 0;  // virtual time it took
  std::uint16_t hops = 0;
  std::uint16_t requests = 0;
  std::uint16_t failures = 0;  // requests without an answer
  Operation operation = Operation::Lookup;
  bool ok = false;
  std::uint8_t recall = 0;  // of the true k closest, percent; lookups only
  bool victim = false;      // a get for the record the Sybils are after
};

struct Sample {
  double minute = 0;
  std::uint64_t online = 0;
  std::uint64_t datagrams = 0;  // sent since the last sample
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;  // dropped by the network
  double bytes_per_node_second = 0;
  std::vector<double> own;  // of the workload, in the order of RunResult::columns
  // Of the DHT's workload.
  std::uint64_t servers = 0;
  std::uint32_t lookups = 0, lookups_ok = 0;
  std::uint32_t gets = 0, gets_ok = 0;
  std::uint32_t p50_ms = 0, p99_ms = 0;  // of lookups
  std::uint32_t table_mean = 0;          // contacts per node, of a sample of nodes
  double table_dead_percent = 0;         // of those, not online
  double table_liar_percent = 0;         // misbehaving ones in the tables of honest nodes
  double near_liar_percent = 0;          // the same, of each node's 20 nearest
  std::uint32_t records_lost = 0;        // no holder online
  double holders_mean = 0;               // per record
};

struct Percentiles {
  std::uint64_t count = 0;
  std::uint64_t ok = 0;
  double p50_ms = 0, p90_ms = 0, p99_ms = 0;
  double hops_mean = 0, requests_mean = 0, wasted_mean = 0, recall_mean = 0;
  [[nodiscard]] double success_percent() const {
    return count == 0 ? 0 : 100.0 * static_cast<double>(ok) / static_cast<double>(count);
  }
};
// Over rows of one operation at or after `from_second`; of the record under attack alone, or all.
Percentiles summarise(const std::vector<Measured>& rows, Operation operation,
                      std::uint32_t from_second, bool victim_only = false);

struct Column {
  std::string name;
  int digits = 0;  // behind the point
};

struct RunResult {
  std::string scenario;
  std::string fidelity = "dht";  // what the nodes were: see docs/simulation.md
  std::uint32_t nodes = 0;
  std::uint32_t scenario_nodes = 0;  // what the scenario says; its description may speak of them
  std::uint64_t seed = 0;
  Duration virtual_time{};
  bool interrupted = false;
  std::uint64_t events = 0;
  std::uint64_t delivered = 0;
  std::string digest;
  double one_rtt_ms = 0;
  std::uint32_t warmup_second = 0;
  std::uint64_t abandoned = 0;  // refused, under way at the end, or of nodes that went away
  std::vector<Measured> measured;
  std::vector<Sample> samples;
  std::vector<Column> columns;                       // of a workload other than the DHT's
  std::vector<std::string> notes;                    // for who reads the report
  std::vector<std::uint32_t> node_bytes_per_second;  // over each node's time online, sorted
  std::vector<std::pair<std::string, std::uint64_t>> drops;
  std::vector<std::pair<double, std::string>> marks;  // minute, what the script did
  std::uint64_t node_memory_bytes = 0;                // mean of the cores at the end
  std::uint64_t overhead_bytes = 0;                   // everything else, all nodes
  std::vector<std::string> broken;                    // expectations missed
  std::vector<std::string> kept;                      // and met
  // The edge fills these: they are not virtual.
  std::string replay;  // the command that shows it again
  std::string date;    // when it ran, UTC
  double wall_seconds = 0;
  std::uint64_t rss_bytes = 0;
};

// Puts it among what was met or missed, unless `least` (thousandths) is 0 and nobody asked.
void demand(RunResult& result, const std::string& what, const Percentiles& measured,
            std::uint32_t least);

}  // namespace weft::sim
