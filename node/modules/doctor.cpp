// GET /api/v1/doctor: what the daemon finds when it looks at itself. `weft doctor` adds what it
// sees of the machine.
#include "node/api/checks.hpp"
#include "node/control_doctor.hpp"

namespace weft::node {
namespace {

void run_doctor(DoctorControl& doctor, api::Call& call) {
  api::Json checks = api::Json::array();
  for (const auto& finding : doctor.examine())
    checks.push_back({{"name", finding.name},
                      {"result", name_of(finding.verdict)},
                      {"detail", finding.detail},
                      {"fix", finding.fix}});
  send_data(call.answer, {{"schema", "weft.doctor/1"}, {"checks", checks}});
}

}  // namespace

std::vector<api::Route> doctor_routes() {
  return {{"GET",
           "/api/v1/doctor",
           "What works here and what does not, each with its fix",
           "weft.doctor/1",
           {},
           run_doctor}};
}

}  // namespace weft::node
