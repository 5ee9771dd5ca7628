// One turn of the driver: what is to be sent and what has happened is drained until nothing is left
// or kBatches went out; then others get their turn, and what arrives meanwhile does not wait behind
// a bulk transfer.
//
//   Idle --run()--> Draining --nothing left--> Idle
//                      | \--kBatches are out, or run() was called from within--> Idle, woken
//
// Invariants
//  1. Events are taken after each batch, and none is left when a turn ends.
//  2. Nothing is drained from within what is being drained: who calls back is served in the next
//     turn.
//  3. Each turn ends in turn_ended(), once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::node {

class TurnWork {
 public:
  virtual bool send_batch() = 0;  // false: there is nothing to send
  virtual bool take_event() = 0;  // false: nothing has happened
  virtual void turn_ended() = 0;
  virtual void wake() = 0;  // run() again, behind everything that is ready now

 protected:
  ~TurnWork() = default;
};

class Turn {
 public:
  static constexpr std::size_t kBatches = 1;  // of up to 64 KiB each

  explicit Turn(TurnWork& work) : work_(work) {}
  void run();

 private:
  enum class State : std::uint8_t { Idle, Draining };

  TurnWork& work_;
  State state_ = State::Idle;
};

}  // namespace weft::node
