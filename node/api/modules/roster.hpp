// The signed roster as it is held: all entries, and what they add up to.
#pragma once

#include <string>

#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct RosterResult {
  std::string document;  // all entries held and what they add up to: JSON, weft.roster/1
};

class RosterExport {
 public:
  virtual ~RosterExport() = default;
  virtual void roster(Done<RosterResult> done) = 0;
};

[[nodiscard]] Json to_json(const RosterResult& result);

}  // namespace weft::api
