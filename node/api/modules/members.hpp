// Who is in the network, and what each may do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct MemberInfo {
  // alive, suspect, dead, left; away: not heard of since this node started
  std::string id, name, state;
  bool connected = false;  // by a session
  std::uint64_t incarnation = 0;
  std::optional<double> rtt_ms;
  UnixTime since = 0;  // of the state
  bool self = false;
  UnixTime joined = 0;
  std::string role;              // admin, member
  std::vector<std::string> may;  // expose, relay, admin
};

struct MembersResult {
  std::vector<MemberInfo> members;
  bool partial = false;
};

struct MemberRequest {
  enum class Action { Grant, Revoke, Rename } action = Action::Grant;
  std::string node;
  std::vector<std::string> rights;  // Grant, Revoke
  std::string name;                 // Rename
};

struct MemberResult {
  std::string id, name, role;
  std::vector<std::string> may;
};

struct RemoveRequest {
  std::string node;
};

struct RemoveResult {
  std::string id, name;
};

class Members {
 public:
  virtual ~Members() = default;
  virtual void members(Done<MembersResult> done) = 0;
  virtual void member(MemberRequest request, Done<MemberResult> done) = 0;
  virtual void remove(RemoveRequest request, Done<RemoveResult> done) = 0;
};

[[nodiscard]] Json to_json(const MembersResult& result);
[[nodiscard]] Json to_json(const MemberResult& result);
[[nodiscard]] Json to_json(const RemoveResult& result);

}  // namespace weft::api
