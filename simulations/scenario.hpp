// What a run is: a TOML file a user can edit, read strictly. An unknown key, a wrong type or a
// share over 100 is an error that names the key; nothing is guessed. docs/simulation.md lists all.
// Fractions are thousandths here, so that no floating point reaches the event path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dht/config.hpp"
#include "simulations/dht/faults.hpp"
#include "simulations/network.hpp"
#include "simulations/whole/options.hpp"

namespace weft::sim {

struct ChurnOptions {
  Duration median_session = 0s;  // 0: nobody leaves
  std::uint32_t shape = 500;     // Weibull, thousandths
  std::uint32_t stable_percent = 15;
  std::uint32_t diurnal_percent = 0;  // swing of the population around its mean, over 24 h
};

struct WorkloadOptions {
  std::uint32_t lookups_per_node_hour = 6;
  std::uint32_t existing_percent = 50;  // of lookups: for a node that is there, else a random id
  std::uint32_t gets_per_node_hour = 0;
  std::uint32_t records = 0;
  std::uint32_t mutable_percent = 20;
  Duration warmup = 10min;  // nothing is measured before
};

struct AttackOptions {
  std::uint32_t byzantine_percent = 0;  // of the nodes; seeds are honest
  std::uint32_t sybils = 0;             // extra nodes with ids mined next to one record's key,
  bool victim_mutable = false;          // which is signed and mutable, or named by its hash
  FaultKind behavior = FaultKind::Mute;
  Duration from = 0s;  // they behave until then
};

// What the nodes are: the DHT alone, or the whole node with sessions and their cryptography.
enum class Fidelity : std::uint8_t { Dht, Whole };
std::string_view name_of(Fidelity fidelity);

struct ScriptedEvent {
  enum class Kind : std::uint8_t {
    MassKill,
    FlashCrowd,
    Partition,
    Heal,
    Sleep,
    Roam,
    Remove,  // of whole nodes only, as all that follow
    Transfer,
    Sign,
    kCount
  };
  Kind kind = Kind::MassKill;
  Duration at{};
  std::uint32_t percent = 0;
  Duration lasts = 0s;
  std::uint32_t mebibytes = 0;
  std::uint32_t pieces = 1;
  std::uint32_t entries = 1;
};
std::string_view name_of(ScriptedEvent::Kind kind);

// A run that misses one of these ends with exit code 1. In thousandths of all attempts.
struct Expectations {
  std::uint32_t lookup_success = 0;
  std::uint32_t get_success = 0;
  std::uint32_t final_lookup_success = 0;  // over the last quarter of the run
  std::uint32_t bytes_per_node_second = 0;
  bool no_lost_record = false;
  std::uint32_t join_success = 0;
  std::uint32_t open_success = 0;
};

struct Scenario {
  std::string name;
  std::string description;
  Fidelity fidelity = Fidelity::Dht;
  std::uint32_t nodes = 1000;
  std::uint64_t seed = 1;
  Duration duration = 60min;
  Duration sample = 30s;
  Duration join_over = 5min;    // the first nodes arrive evenly over this time
  bool servers_at_once = true;  // the first public nodes serve at once; later ones earn it
  std::uint32_t seeds = 5;      // nodes everybody knows; public, stable, honest
  NetworkOptions network;
  ChurnOptions churn;
  WorkloadOptions workload;
  WholeOptions whole;
  AttackOptions attack;
  dht::Config dht;
  std::vector<ScriptedEvent> events;  // by time
  Expectations expect;

  [[nodiscard]] Duration warmup() const {
    return fidelity == Fidelity::Dht ? workload.warmup : whole.warmup;
  }
};

[[nodiscard]] Result<Scenario> parse_scenario(std::string_view toml, std::string_view where);
[[nodiscard]] Result<Scenario> load_scenario(const std::string& path);

}  // namespace weft::sim
