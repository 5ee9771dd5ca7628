#include "overlay/links/outbox.hpp"

#include "base/assert.hpp"

namespace weft::overlay {

void Outbox::push(const Subject& subject, Bytes frame) {
  if (frame.empty()) return;
  if (subject.kind != 0) {
    const auto [at, fresh] = waiting_.try_emplace(subject, first_ + frames_.size());
    const bool begun = !fresh && at->second == first_ && begun_ > 0;
    if (!fresh && !begun) {
      Bytes& older = frames_[at->second - first_].bytes;
      size_ = size_ - older.size() + frame.size();
      older = std::move(frame);
      return;
    }
    at->second = first_ + frames_.size();
  }
  size_ += frame.size();
  frames_.push_back({subject, std::move(frame)});
}

ByteView Outbox::front() const {
  if (frames_.empty()) return {};
  return ByteView(frames_.front().bytes).subspan(begun_);
}

void Outbox::sent(std::size_t size) {
  WEFT_ASSERT(size <= front().size());
  begun_ += size;
  size_ -= size;
  if (frames_.empty() || begun_ < frames_.front().bytes.size()) return;
  const auto at = waiting_.find(frames_.front().subject);
  if (at != waiting_.end() && at->second == first_) waiting_.erase(at);
  frames_.pop_front();
  ++first_;
  begun_ = 0;
}

}  // namespace weft::overlay
