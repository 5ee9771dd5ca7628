// What `weft doctor` asks of a running daemon. A new check is one file checks/NOUN.cpp with
// `std::vector<Check> NOUN_checks()`: the build finds it by its name. Each gathers facts and hands
// them to a pure function that judges them (node/doctor), which its test calls.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/api/host.hpp"
#include "node/doctor/finding.hpp"
#include "node/driver.hpp"
#include "node/gateway.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

class DoorsControl;

// Whom checks may ask. What another room offers is found in `host`, by its type.
struct Subject {
  const api::Host& host;
  const overlay::Overlay& overlay;
  const Driver& driver;
  const DoorsControl& doors;
  std::string log_place;
  std::uint64_t log_lines_dropped = 0;
  std::string no_resolver;  // why there is none
};

struct Check {
  int place;  // in the list that people read: 10 machine, 20 paths, 30 people, 40 services
  doctor::Finding (*run)(const Subject& subject);
};

// Made from the names of the files in checks/.
[[nodiscard]] std::vector<std::vector<Check> (*)()> checks();
// All of them, in their order.
[[nodiscard]] std::vector<doctor::Finding> examine(const Subject& subject);

}  // namespace weft::node
