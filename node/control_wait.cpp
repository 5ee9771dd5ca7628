#include "node/control_wait.hpp"

#include <algorithm>
#include <utility>

#include "node/control_answers.hpp"
#include "node/io/clock.hpp"

namespace weft::node {

WaitControl::WaitControl(io::EventLoop& loop, overlay::Overlay& overlay, events::Recorder& recorder)
    : overlay_(overlay),
      timer_(loop, [this] { check(); }),
      look_(loop, [this] { check(); }),
      subscription_(recorder.subscribe([this](const events::NodeEvent&) {
        if (!waits_.empty()) look_.schedule();
      })) {}

bool WaitControl::holds(const Wait& wait) const {
  const overlay::Overlay::Meaning meaning(overlay_, wait.network);
  const api::WaitRequest& request = wait.request;
  using What = api::WaitRequest::What;
  if (request.what == What::Ready) return true;
  if (request.what == What::Service) {
    const auto ref = service::parse_service_ref(request.subject);
    if (!ref) return false;
    const auto node = overlay_.find_node(ref->node);
    return std::ranges::any_of(overlay_.services(), [&](const overlay::ServiceView& s) {
      return s.healthy && s.name == ref->service &&
             (ref->node.empty() || (node && s.node_id == *node));
    });
  }
  const auto node = overlay_.find_node(request.subject);
  if (!node) return false;
  const auto view = peer_of(overlay_, *node);
  if (!view || !view->session || silent_for(*view)) return false;
  return request.what != What::Direct ||
         path::is_direct(overlay_.paths().at(view->session->path).kind);
}

void WaitControl::wait(api::WaitRequest request, api::Done<api::WaitResult> done) {
  const Instant now = io::monotonic_time();
  waits_.push_back({request, std::move(done), now, now + request.timeout, overlay_.network()});
  check();
}

void WaitControl::check() {
  if (waits_.empty()) return;
  const Instant now = io::monotonic_time();
  std::vector<Wait> ended;
  std::erase_if(waits_, [&](Wait& wait) {
    const bool gone = wait.request.wanted && !*wait.request.wanted;
    if (!gone && !holds(wait) && wait.deadline > now) return false;
    ended.push_back(std::move(wait));
    return true;
  });
  for (auto& wait : ended) {
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(now - wait.since);
    static constexpr const char* kNames[] = {"ready", "node:", "service:", "direct:", "path:"};
    const std::string condition =
        kNames[static_cast<std::size_t>(wait.request.what)] + wait.request.subject;
    if (holds(wait))
      wait.done(api::WaitResult{condition, waited.count()});
    else
      wait.done(api::refuse(api::Code::Timeout, "timed out waiting for " + condition,
                            "waited " + std::to_string(waited.count()) + " ms",
                            "look at weft status, or wait longer with --timeout"));
  }
  if (waits_.empty()) return;
  const auto next = std::ranges::min_element(waits_, {}, &Wait::deadline);
  timer_.arm(next->deadline);
}

}  // namespace weft::node
