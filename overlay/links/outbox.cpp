#include "overlay/links/outbox.hpp"

#include "base/assert.hpp"

namespace weft::overlay {

bool Outbox::push(Room room, const Subject& subject, Bytes frame) {
  if (frame.empty()) return true;
  std::size_t& size = sizes_[index(room)];
  const Key key{room, subject};
  if (subject.kind != 0) {
    const auto at = waiting_.find(key);
    if (at != waiting_.end() && !(at->second == first_ && begun_ > 0)) {
      Bytes& older = frames_[at->second - first_].bytes;
      size = size - older.size() + frame.size();
      older = std::move(frame);
      return true;
    }
  }
  if (size + frame.size() > kMaxQueue) return false;
  if (subject.kind != 0) waiting_[key] = first_ + frames_.size();
  size += frame.size();
  frames_.push_back({key, std::move(frame)});
  return true;
}

ByteView Outbox::front() const {
  if (frames_.empty()) return {};
  return ByteView(frames_.front().bytes).subspan(begun_);
}

void Outbox::sent(std::size_t size) {
  WEFT_ASSERT(size <= front().size());
  if (frames_.empty()) return;
  begun_ += size;
  sizes_[index(frames_.front().key.first)] -= size;
  if (begun_ < frames_.front().bytes.size()) return;
  const auto at = waiting_.find(frames_.front().key);
  if (at != waiting_.end() && at->second == first_) waiting_.erase(at);
  frames_.pop_front();
  ++first_;
  begun_ = 0;
}

}  // namespace weft::overlay
