// What a member can do that an honest one does not: each is called every 20 ms while it lasts.
#pragma once

#include <span>
#include <string_view>

#include "tests/hostile/puppet.hpp"

namespace weft::overlay::testing {

struct Misdeed {
  std::string_view name;
  void (*act)(Instant now, Puppet& puppet);
};

std::span<const Misdeed> misdeeds();
const Misdeed& misdeed_named(std::string_view name);

}  // namespace weft::overlay::testing
