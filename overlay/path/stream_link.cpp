#include "overlay/path/stream_link.hpp"

#include <algorithm>
#include <utility>

namespace weft::path {

namespace {

constexpr std::uint8_t kPing = 1;
constexpr std::uint8_t kPong = 2;

}  // namespace

Result<std::optional<ByteView>> first_frame(ByteView bytes) {
  if (bytes.size() < kFrameLength) return std::nullopt;
  const std::size_t size = read_be<std::uint16_t>(bytes);
  if (size == 0 || size > kStreamMtu) return fail(Errc::Malformed, "a frame of 1 to 1,400 bytes");
  if (bytes.size() < kFrameLength + size) return std::nullopt;
  return bytes.subspan(kFrameLength, size);
}

bool StreamLink::take(Instant now, ByteView frame) {
  if (spoiled_) return false;
  if (frame.empty() || frame.size() > kStreamMtu) {
    spoil();
    return false;
  }
  heard_ = now;
  asked_.reset();
  if (frame.size() >= kLeastDatagram) {
    ++counters_.datagrams_in;
    moved_ = now;
    return true;
  }
  if (frame[0] == kPing && used_) pong_due_ = true;
  return false;
}

bool StreamLink::send(Instant now, ByteView run, std::size_t segment) {
  const bool empty = queue_.empty();
  bool all = true;
  while (!run.empty()) {
    const ByteView one = segment == 0 ? run : run.first(std::min(segment, run.size()));
    run = run.subspan(one.size());
    if (one.size() > kStreamMtu || one.size() < kLeastDatagram) {
      ++counters_.too_long;
    } else if (!empty && queued_ + one.size() > kQueueLimit) {
      ++counters_.no_room;
      all = false;
    } else {
      queue_.push_back({now, to_bytes(one)});
      moved_ = now;
      queued_ += one.size();
    }
  }
  return all;
}

std::size_t StreamLink::put(MutableByteView out, ByteView frame) const {
  std::size_t at = 0;
  if (with_length_) {
    out[at++] = static_cast<std::uint8_t>(frame.size() >> 8);
    out[at++] = static_cast<std::uint8_t>(frame.size() & 0xff);
  }
  std::ranges::copy(frame, out.begin() + static_cast<std::ptrdiff_t>(at));
  return at + frame.size();
}

std::size_t StreamLink::next(Instant now, MutableByteView out) {
  std::size_t used = 0;
  const auto word = [&](bool& due, std::uint8_t what) {
    const ByteView frame(&what, 1);
    if (!due || (used > 0 && !with_length_) || out.size() - used < size_of(frame)) return;
    due = false;
    used += put(out.subspan(used), frame);
  };
  word(pong_due_, kPong);
  word(ping_due_, kPing);
  while (!queue_.empty()) {
    const Waiting& first = queue_.front();
    const bool old = now - first.since > kTooOld;
    if (!old && ((used > 0 && !with_length_) || out.size() - used < size_of(first.datagram))) break;
    if (old) {
      ++counters_.too_old;
    } else {
      used += put(out.subspan(used), first.datagram);
      ++counters_.datagrams_out;
    }
    queued_ -= first.datagram.size();
    queue_.pop_front();
  }
  return used;
}

bool StreamLink::look(Instant now, bool used) {
  used_ = used && now - moved_ < kIdle;
  if (used_) used_at_ = now;
  if (now - used_at_ >= kUnused) return false;
  if (asked_ && now - *asked_ >= kPongWithin) return false;
  if (used_ && !asked_ && now - heard_ >= kPingEvery) {
    asked_ = now;
    ping_due_ = true;
  }
  return true;
}

// Whether a session uses it is known only when looked at, so somebody must look.
Instant StreamLink::deadline() const {
  if (!used_) return used_at_ + kUnused;
  if (asked_) return *asked_ + kPongWithin;
  return heard_ + kPingEvery;
}

}  // namespace weft::path
