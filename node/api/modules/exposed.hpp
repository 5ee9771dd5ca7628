// The giving side of services: what this node exposes and who may use it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct ExposedInfo {
  std::string name, target, protocol;  // protocol: "tcp" for now
  std::vector<std::string> allow, deny;
  std::uint64_t connections = 0;
  std::vector<std::string> may_use = {};       // members that really may now; 64 at most
  std::string health = "unknown";              // ok, refused, no answer, unknown
  std::optional<std::int64_t> health_age_s{};  // since the connection that told it
  bool direct_only = false;                    // nothing of it goes through a relay
};

struct ExposeRequest {
  std::string target;  // canonical: "HOST:PORT" or "unix:/absolute/path" (service::Target)
  std::string name;    // a DNS label; made from the target when the user gave none
  std::string protocol = "tcp";
  std::vector<std::string> allow;  // WHO
  bool direct_only = false;        // nothing of it goes through a relay
};

struct ExposeResult {
  std::string name, target, protocol;
  std::vector<std::string> allow;
  std::string health = "unknown";  // the target was tried once
  std::string health_detail = {};  // why it did not answer
  bool direct_only = false;
};

struct UnexposeRequest {
  std::string name;
};

struct AccessRequest {  // allow, deny, reset
  std::string service;
  std::vector<std::string> who;  // reset: empty for all rules
};

struct AccessResult {  // unexpose, allow, deny, reset: the rules as they are now
  std::string service;
  std::vector<std::string> allow, deny;
  std::uint64_t closed = 0;                // open connections that this change ended
  std::vector<std::string> may_use = {};   // members that really may now; 64 at most
  std::vector<std::string> warnings = {};  // what has no effect, and what gives it one
};

class Exposed {
 public:
  virtual ~Exposed() = default;
  virtual void expose(ExposeRequest request, Done<ExposeResult> done) = 0;
  virtual void unexpose(UnexposeRequest request, Done<AccessResult> done) = 0;
  virtual void allow(AccessRequest request, Done<AccessResult> done) = 0;
  virtual void deny(AccessRequest request, Done<AccessResult> done) = 0;
  virtual void reset(AccessRequest request, Done<AccessResult> done) = 0;
};

[[nodiscard]] Json to_json(const ExposedInfo& result);
[[nodiscard]] Json to_json(const ExposeResult& result);
[[nodiscard]] Json to_json(const AccessResult& result);

}  // namespace weft::api
