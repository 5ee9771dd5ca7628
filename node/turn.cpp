#include "node/turn.hpp"

namespace weft::node {

void Turn::run() {
  if (state_ == State::Draining) return work_.wake();
  state_ = State::Draining;
  std::size_t sent = 0;
  for (bool more = true; more && sent < kBatches;) {
    more = work_.send_batch();
    if (more) ++sent;
    while (work_.take_event()) more = true;
  }
  state_ = State::Idle;
  if (sent == kBatches) work_.wake();
  work_.turn_ended();
}

}  // namespace weft::node
