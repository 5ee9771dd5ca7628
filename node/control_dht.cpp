// The management API's questions to the DHT.
#include "node/control_plane.hpp"

namespace weft::node {

void ControlPlane::dht(api::DhtRequest request, api::Done<api::DhtResult> done) {
  if (dht_ == nullptr) return done(api::refuse(api::Code::Failed, "this node runs no DHT"));
  dht_->run(std::move(request), std::move(done));
}

void ControlPlane::dht_stats(api::Done<api::DhtStats> done) {
  done(dht_ == nullptr ? api::DhtStats{} : dht_->stats());
}

}  // namespace weft::node
