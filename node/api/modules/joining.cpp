#include "node/api/modules/joining.hpp"

#include <utility>

#include "node/api/checks.hpp"
#include "node/api/route.hpp"

namespace weft::api {

Json to_json(const JoinResult& r) {
  return {
      {"schema", "weft.join/1"},
      {"network", r.network},
      {"name", r.name},
      {"via", {{"id", r.via_id}, {"name", r.via_name}, {"path", r.via_path}, {"kex", r.via_kex}}}};
}

Json to_json(const LeaveResult& r) {
  return {{"schema", "weft.leave/1"}, {"network", r.network}, {"id", r.id},
          {"told", r.told},           {"admins", r.admins},   {"anew", r.anew}};
}

namespace {

void run_leave(Joining& part, Call& call) {
  part.leave({call.timeout(10'000)}, done<LeaveResult>(call));
}
void run_join(Joining& part, Call& call) {
  JoinRequest request{call.text("ticket"), call.timeout(30'000)};
  part.join(std::move(request), done<JoinResult>(call));
}

}  // namespace

std::vector<Route> joining_routes() {
  return {{"POST",
           "/api/v1/leave",
           "Leave the network and go on as a new node",
           "weft.leave/1",
           {timeout_field()},
           run_leave,
           "leave",
           Takes::Long},
          {"POST",
           "/api/v1/join",
           "Join the network of a ticket",
           "weft.join/1",
           {{"ticket", Type::Text, true, "as invite gave it, or a text with it inside", 8192,
             Logged::No},
            timeout_field()},
           run_join,
           "join",
           Takes::Long}};
}

}  // namespace weft::api
