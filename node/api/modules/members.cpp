#include "node/api/modules/members.hpp"

#include <utility>

#include "node/api/checks.hpp"
#include "node/api/json_parts.hpp"
#include "node/api/route.hpp"

namespace weft::api {

Json to_json(const MembersResult& r) {
  Json out{{"schema", "weft.members/1"}};
  out["members"] = list_json(r.members, [](const MemberInfo& m) -> Json {
    return {{"id", m.id},
            {"name", m.name},
            {"state", m.state},
            {"connected", m.connected},
            {"incarnation", m.incarnation},
            {"rtt_ms", rounded(m.rtt_ms)},
            {"since", m.since == 0 ? Json(nullptr) : Json(rfc3339(m.since))},
            {"self", m.self},
            {"joined", m.joined == 0 ? Json(nullptr) : Json(rfc3339(m.joined))},
            {"role", m.role},
            {"may", m.may}};
  });
  if (r.partial) out["partial"] = true;
  return out;
}

Json to_json(const MemberResult& r) {
  return {{"schema", "weft.member/1"},
          {"id", r.id},
          {"name", r.name},
          {"role", r.role},
          {"may", r.may}};
}

Json to_json(const RemoveResult& r) {
  return {{"schema", "weft.remove/1"}, {"id", r.id}, {"name", r.name}};
}

namespace {

void run_rights(Members& part, Call& call, MemberRequest::Action action) {
  MemberRequest request{action, call.parts[0], call.list("may"), {}};
  if (bad_node(call, request.node) || bad_rights(call, request.rights)) return;
  part.member(std::move(request), done<MemberResult>(call));
}

void run_members(Members& part, Call& call) { part.members(done<MembersResult>(call)); }
void run_remove(Members& part, Call& call) {
  if (bad_node(call, call.parts[0])) return;
  part.remove({call.parts[0]}, done<RemoveResult>(call));
}
void run_grant(Members& part, Call& call) { run_rights(part, call, MemberRequest::Action::Grant); }
void run_revoke(Members& part, Call& call) {
  run_rights(part, call, MemberRequest::Action::Revoke);
}
void run_rename(Members& part, Call& call) {
  MemberRequest request{MemberRequest::Action::Rename, call.parts[0], {}, call.text("name")};
  if (bad_node(call, request.node) || bad_node(call, request.name)) return;
  part.member(std::move(request), done<MemberResult>(call));
}

}  // namespace

std::vector<Route> members_routes() {
  return {{"GET", "/api/v1/members", "Who is in the network", "weft.members/1", {}, run_members},
          {"DELETE",
           "/api/v1/members/{}",
           "Take a node out",
           "weft.remove/1",
           {},
           run_remove,
           "remove"},
          {"POST",
           "/api/v1/members/{}/grant",
           "Give rights to a node",
           "weft.member/1",
           {{"may", Type::List, true, "expose, relay, admin"}},
           run_grant,
           "grant"},
          {"POST",
           "/api/v1/members/{}/revoke",
           "Take rights from a node",
           "weft.member/1",
           {{"may", Type::List, true, "expose, relay, admin"}},
           run_revoke,
           "revoke"},
          {"POST",
           "/api/v1/members/{}/rename",
           "Give a node another name",
           "weft.member/1",
           {{"name", Type::Text, true, "the new name"}},
           run_rename,
           "rename"}};
}

}  // namespace weft::api
