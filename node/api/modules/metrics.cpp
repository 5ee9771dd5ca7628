#include "node/api/modules/metrics.hpp"

#include <utility>

#include "node/api/route.hpp"

namespace weft::api {

namespace {

// A text, not our JSON: a stream of one piece.
void run_metrics(Metrics& part, Call& call) {
  StreamAnswer answer;
  answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
  answer.begin = [text = part.metrics()](const std::shared_ptr<AnswerStream>& stream) {
    stream->write(text);
    stream->end();
  };
  call.answer({200, {}, {}, {}, std::move(answer)});
}

}  // namespace

std::vector<Route> metrics_routes() {
  return {
      {"GET", "/metrics", "What the node counts, for Prometheus", "text/plain", {}, run_metrics}};
}

}  // namespace weft::api
