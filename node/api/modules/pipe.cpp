#include "node/api/modules/pipe.hpp"

#include <algorithm>
#include <utility>

#include "node/api/checks.hpp"
#include "node/api/route.hpp"

namespace weft::api {

namespace {

void run_pipe(Pipes& part, Call& call) {
  const auto ref = service_ref(call, call.parts[0]);
  if (!ref) return;
  if (!call.upgrade)
    return send_error(call.answer,
                      {Code::Usage, "a pipe needs an upgrade",
                       "send Connection: Upgrade and Upgrade: weft-pipe", ""},
                      426);
  PipeRequest request{ref->service, ref->node};
  call.budget = std::max(kQuick, request.timeout + std::chrono::milliseconds(5'000));
  part.pipe(std::move(request), [answer = call.answer](ApiResult<PipeResult> result) {
    if (result)
      answer({101, {}, {}, std::move(result->adopt)});
    else
      send_error(answer, result.error());
  });
}

}  // namespace

std::vector<Route> pipe_routes() {
  return {{"GET",
           "/api/v1/pipe/{}",
           "Bytes to SERVICE[@NODE], by Upgrade: weft-pipe",
           "",
           {},
           run_pipe,
           "",
           Takes::Long}};
}

}  // namespace weft::api
