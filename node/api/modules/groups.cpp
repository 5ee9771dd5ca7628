#include "node/api/modules/groups.hpp"

#include <utility>

#include "node/api/checks.hpp"
#include "node/api/json_parts.hpp"
#include "node/api/route.hpp"

namespace weft::api {

Json to_json(const GroupResult& r) {
  Json out{{"schema", "weft.group/1"}};
  out["groups"] = list_json(r.groups, [](const GroupInfo& g) -> Json {
    return {{"name", g.name}, {"members", g.members}};
  });
  return out;
}

namespace {

void run_group(Groups& part, Call& call, GroupRequest::Action action) {
  GroupRequest request{action, {}, {}};
  if (!call.parts.empty()) request.group = call.parts[0];
  if (call.parts.size() > 1) request.node = call.parts[1];
  if (!request.group.empty() && bad_name(call, "a group's name", request.group)) return;
  if (call.parts.size() > 1 && bad_node(call, request.node)) return;
  part.group(std::move(request), done<GroupResult>(call));
}

void run_group_list(Groups& part, Call& call) { run_group(part, call, GroupRequest::Action::List); }
void run_group_add(Groups& part, Call& call) { run_group(part, call, GroupRequest::Action::Add); }
void run_group_remove(Groups& part, Call& call) {
  run_group(part, call, GroupRequest::Action::Remove);
}

}  // namespace

std::vector<Route> groups_routes() {
  return {
      {"GET", "/api/v1/groups", "All groups", "weft.group/1", {}, run_group_list},
      {"GET", "/api/v1/groups/{}", "One group", "weft.group/1", {}, run_group_list},
      {"PUT", "/api/v1/groups/{}/{}", "Add a node", "weft.group/1", {}, run_group_add, "group-add"},
      {"DELETE",
       "/api/v1/groups/{}/{}",
       "Drop a node",
       "weft.group/1",
       {},
       run_group_remove,
       "group-remove"}};
}

}  // namespace weft::api
