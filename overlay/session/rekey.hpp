// Fresh keys on a live session (decision 11): the IKhfs handshake run again as two messages on the
// control stream, its output mixed into a key generation both ends agree on.
//
//   1 ask     = 0x01 | Noise IKhfs message 1, empty payload                   dialler to responder
//   2 answer  = 0x02 | Noise IKhfs message 2, payload = generation u64        responder to dialler
//   prologue  = "weft rekey v1" | channel binding of the session
//
// Invariants
//  1. Only the dialler asks, and only it drives key updates by time: the responder installs the
//     output before it answers, the dialler when the answer arrives, so both have it before either
//     prepares that generation (at least kLead later than what the responder had prepared).
//  2. The static keys are those the session came up with: nobody else can take part.
//  3. An output is applied to exactly one generation, then wiped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "overlay/session/key_schedule.hpp"
#include "overlay/session/noise.hpp"

namespace weft::session {

class Rekey {
 public:
  static constexpr std::uint64_t kLead = 3;

  Rekey(const crypto::X25519KeyPair& own, const crypto::Key32& peer, const crypto::Hash& binding)
      : own_(own), peer_(peer), binding_(binding) {}
  ~Rekey();
  Rekey(const Rekey&) = delete;
  Rekey& operator=(const Rekey&) = delete;

  noise::Outcome<Bytes> ask(Rng& rng);
  // Responder: `prepared` is the newest generation it has made.
  noise::Outcome<Bytes> answer(ByteView message, std::uint64_t prepared, Rng& rng);
  // Dialler. A generation already prepared here is a State fault: the session cannot go on.
  noise::Outcome<void> take_answer(ByteView message, std::uint64_t prepared);

  [[nodiscard]] bool asked() const { return noise_ != nullptr; }
  // The generation that waits for its fresh secrets, if one does.
  [[nodiscard]] std::optional<std::uint64_t> pending() const { return generation_; }
  [[nodiscard]] const DirectionSecrets& fresh() const { return fresh_; }
  void applied();

 private:
  std::unique_ptr<noise::Handshake> start(bool initiator, Rng& rng) const;
  void keep(noise::Handshake& noise, std::uint64_t generation);

  crypto::X25519KeyPair own_;
  crypto::Key32 peer_;
  crypto::Hash binding_;
  std::unique_ptr<noise::Handshake> noise_;  // asked, no answer yet
  std::optional<std::uint64_t> generation_;
  DirectionSecrets fresh_;
};

}  // namespace weft::session
