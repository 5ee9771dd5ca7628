#include "node/api/modules/wait.hpp"

#include <utility>

#include "node/api/checks.hpp"
#include "node/api/route.hpp"

namespace weft::api {

Json to_json(const WaitResult& r) {
  return {{"schema", "weft.wait/1"}, {"condition", r.condition}, {"waited_ms", r.waited_ms}};
}

namespace {

void run_wait(Waiting& part, Call& call) {
  const auto condition = call.text("condition");
  const auto colon = condition.find(':');
  const auto kind = condition.substr(0, colon);
  WaitRequest request;
  if (colon != std::string::npos) request.subject = condition.substr(colon + 1);
  using What = WaitRequest::What;
  if (kind == "node")
    request.what = What::Node;
  else if (kind == "service")
    request.what = What::Service;
  else if (kind == "direct")
    request.what = What::Direct;
  else if (kind == "path")
    request.what = What::Path;
  else if (condition != "ready")
    return send_error(call.answer, Code::Usage, "no such condition",
                      "it is ready, node:N, service:S, direct:N or path:N",
                      "for example: weft wait node:oak");
  if (request.what == What::Service && !service_ref(call, request.subject)) return;
  if (request.what != What::Service && request.what != What::Ready &&
      bad_node(call, request.subject))
    return;
  request.timeout = call.timeout(30'000);
  request.wanted = call.wanted;
  part.wait(std::move(request), done<WaitResult>(call));
}

}  // namespace

std::vector<Route> wait_routes() {
  return {{"POST",
           "/api/v1/wait",
           "Wait for a condition",
           "weft.wait/1",
           {{"condition", Type::Text, true, "ready, node:N, service:S, direct:N or path:N"},
            timeout_field()},
           run_wait,
           "",
           Takes::Long}};
}

}  // namespace weft::api
