#include "overlay/session/stream.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::session {

MutableByteView ChunkQueue::tail_space() {
  if (chunks_.empty() || chunks_.back().end == chunks_.back().capacity) {
    Chunk chunk;
    chunk.capacity = next_size_;
    chunk.data = std::make_unique_for_overwrite<std::uint8_t[]>(next_size_);
    chunks_.push_back(std::move(chunk));
    next_size_ = std::min(next_size_ * 2, kLargest);
  }
  Chunk& tail = chunks_.back();
  return {tail.data.get() + tail.end, tail.capacity - tail.end};
}

void ChunkQueue::fill(std::size_t count) {
  Chunk& tail = chunks_.back();
  WEFT_ASSERT(count <= tail.capacity - tail.end);
  tail.end += static_cast<std::uint32_t>(count);
  size_ += count;
}

ByteView ChunkQueue::front() const {
  if (chunks_.empty()) return {};
  const Chunk& head = chunks_.front();
  return {head.data.get() + head.begin, head.end - head.begin};
}

std::size_t ChunkQueue::drop_front(std::size_t count) {
  WEFT_ASSERT(count <= size_);
  size_ -= count;
  if (size_ == 0) {
    const std::size_t freed = chunks_.size();
    clear();
    return freed;
  }
  std::size_t freed = 0;
  while (count > 0) {
    Chunk& head = chunks_[freed];
    const auto step =
        static_cast<std::uint32_t>(std::min<std::size_t>(count, head.end - head.begin));
    head.begin += step;
    count -= step;
    if (head.begin == head.end && head.end == head.capacity) ++freed;
  }
  chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(freed));
  return freed;
}

void ChunkQueue::clear() {
  // A busy stream keeps its large chunks; one that filled less than half of the last goes back.
  if (!chunks_.empty() && chunks_.back().end <= chunks_.back().capacity / 2)
    next_size_ = std::max(kFirst, next_size_ / 2);
  chunks_.clear();
  chunks_.shrink_to_fit();
  size_ = 0;
}

void SendBuffer::commit(std::size_t count) {
  fill(count);
  unsent_ += count;
}

std::size_t SendBuffer::gather(ngtcp2_vec* out, std::size_t max, std::size_t* count) const {
  std::size_t total = 0;
  std::size_t used = 0;
  std::uint32_t offset = offset_;
  for (std::size_t i = chunk_; i < chunks_.size() && used < max; ++i) {
    const Chunk& chunk = chunks_[i];
    if (chunk.end > offset) {
      out[used++] = {chunk.data.get() + offset, chunk.end - offset};
      total += chunk.end - offset;
    }
    offset = 0;
  }
  *count = used;
  return total;
}

void SendBuffer::sent(std::size_t count) {
  WEFT_ASSERT(count <= unsent_);
  unsent_ -= count;
  while (count > 0) {
    const Chunk& chunk = chunks_[chunk_];
    const std::size_t step = std::min<std::size_t>(count, chunk.end - offset_);
    offset_ += static_cast<std::uint32_t>(step);
    count -= step;
    if (offset_ == chunk.capacity) {
      ++chunk_;
      offset_ = 0;
    }
  }
}

void SendBuffer::acked(std::size_t count) {
  count = std::min(count, size_ - unsent_);
  if (count == 0) return;
  const std::size_t freed = drop_front(count);
  if (size_ == 0) {
    chunk_ = 0;
    offset_ = 0;
  } else {
    WEFT_ASSERT(freed <= chunk_);
    chunk_ -= freed;
  }
}

void SendBuffer::abandon() { unsent_ = 0; }

void SendBuffer::clear() {
  ChunkQueue::clear();
  unsent_ = 0;
  chunk_ = 0;
  offset_ = 0;
}

void SendQueue::push(Stream& stream) {
  if (stream.queued) return;
  if (!stream.urgent || head_ == nullptr) return push_back(stream);
  stream.queued = true;
  stream.previous = nullptr;
  stream.next = head_;
  head_->previous = &stream;
  head_ = &stream;
}

void SendQueue::push_back(Stream& stream) {
  stream.queued = true;
  stream.next = nullptr;
  stream.previous = tail_;
  (tail_ ? tail_->next : head_) = &stream;
  tail_ = &stream;
}

void SendQueue::remove(Stream& stream) {
  if (!stream.queued) return;
  (stream.previous ? stream.previous->next : head_) = stream.next;
  (stream.next ? stream.next->previous : tail_) = stream.previous;
  stream.next = stream.previous = nullptr;
  stream.queued = false;
}

void SendQueue::rotate() {
  if (head_ == tail_) return;
  Stream& front = *head_;
  remove(front);
  push_back(front);
}

}  // namespace weft::session
