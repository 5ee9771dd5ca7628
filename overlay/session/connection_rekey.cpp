// Key updates and fresh keys on a live Connection (decision 11).
#include "overlay/session/connection.hpp"

namespace weft::session {

void Connection::start_rekey(Instant now) {
  rekey_at_ = now + state_.limits.rekey_interval;
  if (!rekey_ || rekey_->asked() || rekey_->pending()) return;  // the last one is still under way
  auto message = rekey_->ask(state_.rng);
  if (message) state_.events.push_back(RekeySend{id_, std::move(*message)});
}

void Connection::handle_rekey(Instant now, ByteView message) {
  if (!rekey_ || state_of_ != State::Up) return;
  std::optional<noise::Fault> fault;
  if (initiator_) {
    auto taken = rekey_->take_answer(message, generations_);
    if (!taken) fault = taken.error();
    key_update_at_ = now;  // updates run until the agreed generation is in use
  } else {
    auto reply = rekey_->answer(message, generations_, state_.rng);
    if (reply) {
      state_.events.push_back(RekeySend{id_, std::move(*reply)});
    } else {
      fault = reply.error();
    }
  }
  if (!fault) return;
  // The ends may no longer agree on keys: better a clean end than a silent one.
  ++(*fault == noise::Fault::Auth ? state_.counters.noise_auth : state_.counters.malformed);
  close_type_ = NGTCP2_CCERR_TYPE_TRANSPORT;
  close(now, CloseReason::ProtocolError, NGTCP2_PROTOCOL_VIOLATION, "re-keying failed");
}

void Connection::drive_key_update(Instant now) {
  const bool waiting = rekey_ && rekey_->asked();
  // While a question is out, no update may overtake the answer.
  const int result =
      waiting ? NGTCP2_ERR_INVALID_STATE : ngtcp2_conn_initiate_key_update(quic_, stamp(now));
  if (result == 0) ++key_updates_;
  const bool hurry = result != 0 || (rekey_ && rekey_->pending());
  key_update_at_ = now + (hurry ? Duration(1s) : state_.limits.key_update_interval);
}

}  // namespace weft::session
