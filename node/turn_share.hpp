// How much one source may move in one turn of the loop before the others get theirs.
//
// Large shares cost least for each byte; small ones keep short those who wait. A transfer that has
// the node to itself gets large ones, and beside somebody who sends little and waits for answers
// (a terminal, a game, a request) everybody gets small ones for a while.
#pragma once

#include <cstddef>

namespace weft::node {

class TurnShare {
 public:
  static constexpr std::size_t kLarge = 64 * 1024;
  static constexpr std::size_t kSmall = 32 * 1024;  // a third less waiting, a fifth less throughput

  // A local program said little, on a connection that carries little.
  void note_dialogue() { turns_left_ = kMemory; }
  void turn_ended() {
    if (turns_left_ > 0) --turns_left_;
  }
  [[nodiscard]] std::size_t bytes() const { return turns_left_ > 0 ? kSmall : kLarge; }

 private:
  static constexpr std::size_t kMemory = 512;  // turns; a tenth of a second of a busy loop

  std::size_t turns_left_ = 0;
};

}  // namespace weft::node
