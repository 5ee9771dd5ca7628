// Control frames that wait until one peer takes them. What is told anew replaces what still waits:
// of frames with one subject only the newest matters, and it goes where the older would have gone.
// So states can not pile up for who is slow for a moment; what is left are answers to the peer's
// own questions, and whoever asks without reading is the one to be given up.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>

#include "base/bytes.hpp"
#include "overlay/part.hpp"

namespace weft::overlay {

class Outbox {
 public:
  void push(const Subject& subject, Bytes frame);
  // What is to be sent next: the rest of one frame. Then sent() what was taken.
  [[nodiscard]] ByteView front() const;
  void sent(std::size_t size);
  [[nodiscard]] std::size_t size() const { return size_; }  // bytes
  [[nodiscard]] bool empty() const { return frames_.empty(); }

 private:
  struct Frame {
    Subject subject;
    Bytes bytes;
  };

  std::deque<Frame> frames_;
  std::uint64_t first_ = 0;  // number of the front; the others follow
  std::size_t begun_ = 0;    // bytes of the front that are gone
  std::size_t size_ = 0;
  std::map<Subject, std::uint64_t> waiting_;  // number of the newest frame with this subject
};

}  // namespace weft::overlay
