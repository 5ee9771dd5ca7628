// Into a network, and out of it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct JoinRequest {
  std::string ticket;
  std::chrono::milliseconds timeout{30'000};
};

struct JoinResult {
  std::string network, name;
  std::string via_id, via_name, via_path;
  std::string via_kex;  // may be empty
};

// The node leaves a network. When that was its only one it goes on as a new node, with another
// identity; else only the sessions, doors and records of that network end.
struct LeaveRequest {
  std::chrono::milliseconds timeout{10'000};
};

struct LeaveResult {
  std::string network, id;  // that were
  bool told = false;        // the network knows; else an admin must `remove` the id
  std::vector<std::string> admins;
  bool anew = true;  // it was the only network: the node goes on with another identity
};

class Joining {
 public:
  virtual ~Joining() = default;
  virtual void join(JoinRequest request, Done<JoinResult> done) = 0;
  virtual void leave(LeaveRequest request, Done<LeaveResult> done) = 0;
};

[[nodiscard]] Json to_json(const JoinResult& result);
[[nodiscard]] Json to_json(const LeaveResult& result);

}  // namespace weft::api
