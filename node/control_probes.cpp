#include "node/control_probes.hpp"

#include <utility>

#include "node/control_answers.hpp"
#include "node/io/clock.hpp"

namespace weft::node {

void ProbesControl::ping(api::PingRequest request, api::Done<api::PingResult> done) {
  const auto node = overlay_.find_node(request.node);
  commands_.track(
      overlay_.ping(io::monotonic_time(), request.node, request.timeout),
      [this, done, request, node](const Result<overlay::Outcome>& result) {
        if (!result)
          return done(refused(
              result, "no answer from " + request.node,
              result.error().code == Errc::NotFound ? "see weft members" : "see weft status"));
        const auto& outcome = std::get<overlay::PingOutcome>(*result);
        const bool self = node && *node == overlay_.id();
        done(api::PingResult{request.node, node ? to_text(*node) : "", request.seq,
                             milliseconds(outcome.rtt),
                             self ? "local" : path_of(overlay_, outcome.path),
                             self ? "" : via_of(overlay_, outcome.path)});
      });
}

void ProbesControl::dht(api::DhtRequest request, api::Done<api::DhtResult> done) {
  if (host == nullptr) return done(api::refuse(api::Code::Failed, "this node runs no DHT"));
  host->run(std::move(request), std::move(done));
}

void ProbesControl::dht_stats(api::Done<api::DhtStats> done) {
  done(host == nullptr ? api::DhtStats{} : host->stats());
}

}  // namespace weft::node
