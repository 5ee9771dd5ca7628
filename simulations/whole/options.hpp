// What whole nodes are asked to do: the table [whole] of a scenario, and the script's events that
// are theirs. docs/simulation.md lists the keys.
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "base/time.hpp"

namespace weft::sim {

// Breaks one law on purpose, so that a test sees its checker fire. No scenario can set it.
enum class Sabotage : std::uint8_t {
  None,
  ForgetfulDisk,    // says that tickets are stored and keeps none
  StaysParted,      // the partition does not heal
  ServesRemoved,    // who is said to be removed is not
  ServesStrangers,  // every service lets everybody in
  DoublesByte,      // programs send one byte twice
  CountsSessions,   // no session is allowed
  LosesMessage,     // one message in eight never comes, is what is said
  DoublesMessage,   // subscribers say each twice
  SeesGhosts,       // who is there is said to have gone
};

struct WholeOptions {
  std::uint32_t admins = 1;           // the first nodes; seeds all of them
  std::uint32_t expose_percent = 30;  // of the nodes, those that expose one service
  std::uint32_t readers = 8;          // members that each service lets in
  std::uint32_t opens_per_node_hour = 6;
  std::uint32_t strangers_percent = 10;  // of the opens, by who is not let in
  std::uint64_t request_bytes = 1000;
  std::uint64_t answer_bytes = 16'000;
  std::uint32_t subscribers_percent = 100;  // of the nodes: take all messages
  std::uint32_t publishes_per_node_hour = 6;
  std::uint32_t message_bytes = 200;
  Duration settle = 60s;    // after a change of the roster, until all must have it
  Duration warmup = 10min;  // no opens before
  Sabotage sabotage = Sabotage::None;
};

class Section;
Result<void> read_whole(Section table, WholeOptions& out);

}  // namespace weft::sim
