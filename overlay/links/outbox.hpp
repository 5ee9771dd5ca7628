// Control frames that wait until one peer takes them, of all parts, in the order they were said.
// What is told anew replaces what still waits: of one part's frames with one subject only the
// newest matters, and it goes where the older would have gone. So states can not pile up for who is
// slow for a moment; what is left are answers to the peer's own questions.
//
// Limit: kMaxQueue bytes of each part. A frame that finds its part's queue full is dropped; the
// other parts, and the session, lose nothing.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include "base/bytes.hpp"
#include "overlay/part.hpp"

namespace weft::overlay {

inline constexpr std::size_t kMaxQueue = 1u << 20;

class Outbox {
 public:
  // False: dropped, because this part has kMaxQueue waiting.
  bool push(Room room, const Subject& subject, Bytes frame);
  // What is to be sent next: the rest of one frame. Then sent() what was taken.
  [[nodiscard]] ByteView front() const;
  void sent(std::size_t size);
  [[nodiscard]] std::size_t size(Room room) const { return sizes_[index(room)]; }  // bytes
  [[nodiscard]] bool empty() const { return frames_.empty(); }

 private:
  using Key = std::pair<Room, Subject>;
  struct Frame {
    Key key;
    Bytes bytes;
  };
  static constexpr std::size_t index(Room room) { return static_cast<std::size_t>(room); }

  std::deque<Frame> frames_;
  std::uint64_t first_ = 0;  // number of the front; the others follow
  std::size_t begun_ = 0;    // bytes of the front that are gone
  std::array<std::size_t, kRooms> sizes_{};
  std::map<Key, std::uint64_t> waiting_;  // number of the newest frame with this subject
};

}  // namespace weft::overlay
