#include "node/api/modules/invites.hpp"

#include <utility>

#include "node/api/checks.hpp"
#include "node/api/json_parts.hpp"
#include "node/api/route.hpp"

namespace weft::api {

Json to_json(const InviteResult& r) {
  return {{"schema", "weft.invite/1"},
          {"name", r.name},
          {"ticket", r.ticket},
          {"expires_at", rfc3339(r.expires_at)},
          {"warning", r.warning}};
}

Json to_json(const InvitesResult& r) {
  return {{"schema", "weft.invites/1"},
          {"invites", list_json(r.invites, [](const InviteInfo& i) -> Json {
             return {{"id", i.id},
                     {"name", i.name},
                     {"expires_at", rfc3339(i.expires_at)},
                     {"may", i.may},
                     {"allow", i.allow}};
           })}};
}

Json to_json(const CancelResult& r) {
  return {{"schema", "weft.invite-cancel/1"}, {"name", r.name}};
}

namespace {

void run_invite(Invites& part, Call& call) {
  InviteRequest request{call.text("name"), call.list("allow")};
  if (bad_node(call, request.name) || any_bad(call, request.allow, bad_service)) return;
  request.ttl = std::chrono::seconds(call.body.value("ttl_s", std::int64_t{15 * 60}));
  if (request.ttl.count() < 1)
    return send_error(call.answer, Code::Usage, "a ticket lives for at least a second");
  if (call.body.contains("may")) request.may = call.list("may");
  if (bad_rights(call, request.may)) return;
  part.invite(std::move(request), done<InviteResult>(call));
}
void run_invites(Invites& part, Call& call) { part.invites(done<InvitesResult>(call)); }
void run_cancel_invite(Invites& part, Call& call) {
  if (bad_node(call, call.parts[0])) return;
  part.cancel_invite({call.parts[0]}, done<CancelResult>(call));
}

}  // namespace

std::vector<Route> invites_routes() {
  return {{"POST",
           "/api/v1/invites",
           "Make a ticket for one new node",
           "weft.invite/1",
           {{"name", Type::Text, true, "name of the new node"},
            {"allow", Type::List, false, "services it may use"},
            {"ttl_s", Type::Number, false, "how long the ticket lives", kMaxTtlS},
            {"may", Type::List, false, "expose, relay, admin"}},
           run_invite,
           "invite"},
          {"GET", "/api/v1/invites", "Tickets that wait", "weft.invites/1", {}, run_invites},
          {"DELETE",
           "/api/v1/invites/{}",
           "Take a ticket back, by name or id",
           "weft.invite-cancel/1",
           {},
           run_cancel_invite,
           "invite-cancel"}};
}

}  // namespace weft::api
