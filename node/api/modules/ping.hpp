// Round trips over the session.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct PingRequest {
  std::string node;
  std::uint32_t seq = 1;
  std::chrono::milliseconds timeout{5'000};
};

struct PingResult {  // one round trip; `weft ping` asks once per line
  std::string node, id;
  std::uint32_t seq = 1;
  double rtt_ms = 0;
  std::string path;
  std::string via = {};  // the relay's name, of a path through one
};

class Pings {
 public:
  virtual ~Pings() = default;
  virtual void ping(PingRequest request, Done<PingResult> done) = 0;
};

[[nodiscard]] Json to_json(const PingResult& result);

}  // namespace weft::api
