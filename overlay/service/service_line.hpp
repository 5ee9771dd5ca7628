// One service as its node describes it to a member that may use it (ServicesAre,
// docs/wire/control.md).
#pragma once

#include <cstdint>
#include <string>

#include "overlay/service/service.hpp"

namespace weft::service {

inline constexpr std::size_t kMaxServicesPerMessage = 512;

// `port`: what the target listens on, so that a door may take the same; 0 for none. `health_age_s`:
// how long ago the connection was that told the health.
struct ServiceLine {
  std::string name;  // both are labels
  std::string protocol;
  std::uint64_t port = 0;
  Health health = Health::Unknown;
  std::uint64_t health_age_s = 0;
};

}  // namespace weft::service
