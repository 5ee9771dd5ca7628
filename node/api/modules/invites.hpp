// Tickets: each lets one new node into the network.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct InviteRequest {
  std::string name;
  std::vector<std::string> allow;  // services of this node the newcomer may use
  std::chrono::seconds ttl{15 * 60};
  std::vector<std::string> may{"expose"};  // of expose, relay, admin
};

struct InviteResult {
  std::string name, ticket;
  UnixTime expires_at = 0;
  std::string warning = {};  // why the ticket may be of no use to others; empty: nothing is known
};

struct InviteInfo {  // a ticket that waits for its node
  std::string id, name;
  UnixTime expires_at = 0;
  std::vector<std::string> may, allow;
};

struct InvitesResult {
  std::vector<InviteInfo> invites;
};

struct CancelRequest {
  std::string who;  // the name it is for, or the beginning of its id
};

struct CancelResult {
  std::string name;
};

class Invites {
 public:
  virtual ~Invites() = default;
  virtual void invite(InviteRequest request, Done<InviteResult> done) = 0;
  virtual void invites(Done<InvitesResult> done) = 0;
  virtual void cancel_invite(CancelRequest request, Done<CancelResult> done) = 0;
};

[[nodiscard]] Json to_json(const InviteResult& result);
[[nodiscard]] Json to_json(const InvitesResult& result);
[[nodiscard]] Json to_json(const CancelResult& result);

}  // namespace weft::api
