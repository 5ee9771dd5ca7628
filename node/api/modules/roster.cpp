#include "node/api/modules/roster.hpp"

#include "node/api/route.hpp"

namespace weft::api {

Json to_json(const RosterResult& r) { return Json::parse(r.document); }  // our own exporter's

namespace {

void run_roster(RosterExport& part, Call& call) { part.roster(done<RosterResult>(call)); }

}  // namespace

std::vector<Route> roster_routes() {
  return {
      {"GET", "/api/v1/roster", "All entries, and what they say", "weft.roster/1", {}, run_roster}};
}

}  // namespace weft::api
