// How others get to this node where no wire leads straight to it: what its NAT does, who relays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "node/doctor/finding.hpp"

namespace weft::doctor {

// Of one family. `mapping`, `filtering`, `ports`: words of nat/behaviour.hpp.
struct Nat {
  std::string family;  // "IPv4"
  std::string mapping, filtering, ports;
  bool none = false;         // others see our own address
  bool known = false;        // enough members told
  bool predictable = false;  // one outside address whatever the destination
  std::size_t observers = 0;
  std::vector<std::string> outside;
};
[[nodiscard]] Finding nat(const std::vector<Nat>& families);

struct Relay {
  bool on = false;                  // by settings
  bool reached = false;             // others reach this node directly, so it can
  std::uint64_t used = 0, cap = 0;  // bytes of this month; cap 0: no limit
  std::size_t circuits = 0;         // carried for others
  std::size_t own_circuits = 0;     // of this node, through others
};
[[nodiscard]] Finding relay(const Relay& relay);

}  // namespace weft::doctor
