// The using side of services: what others offer to this node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct ServiceInfo {
  std::string name, node, protocol;
  bool healthy = false;  // its node is connected, and its last connection was not refused
  std::string path;
  std::optional<double> rtt_ms;
  std::string state = {};  // of its node: "connected", "away"
  UnixTime away_since = 0;
  std::string health = "unknown";  // ok, refused, no answer, unknown
  std::optional<std::int64_t> health_age_s{};
  std::string via = {};  // the relay's name, of a path through one
};

struct ServicesResult {
  std::vector<ServiceInfo> services;
  bool partial = false;
};

class Services {
 public:
  virtual ~Services() = default;
  virtual void services(Done<ServicesResult> done) = 0;
};

[[nodiscard]] Json to_json(const ServicesResult& result);

}  // namespace weft::api
