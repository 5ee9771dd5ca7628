#include "simulations/whole/stream_program.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "simulations/model_random.hpp"

namespace weft::sim {

namespace {

std::uint8_t byte_at(std::uint64_t key, std::uint64_t place) {
  return static_cast<std::uint8_t>(mix64(key ^ place / 8) >> (place % 8 * 8));
}

// The next run of a stream's bytes, eight at a time where they lie so.
template <class Each>
bool walk(std::uint64_t key, std::uint64_t from, std::size_t size, const Each& each) {
  std::size_t at = 0;
  for (; at < size && (from + at) % 8 != 0; ++at)
    if (!each(at, byte_at(key, from + at))) return false;
  for (; at + 8 <= size; at += 8) {
    std::uint64_t word = mix64(key ^ (from + at) / 8);
    for (std::size_t i = 0; i < 8; ++i, word >>= 8)
      if (!each(at + i, static_cast<std::uint8_t>(word))) return false;
  }
  for (; at < size; ++at)
    if (!each(at, byte_at(key, from + at))) return false;
  return true;
}

std::uint64_t key_of(const Transfer& transfer, bool up) {
  return mix64(transfer.number * 2 + (up ? 1 : 0));
}

}  // namespace

StreamProgram StreamProgram::client(const Transfer& transfer) {
  StreamProgram program;
  program.client_ = program.known_ = true;
  program.transfer_ = transfer;
  append_be(program.header_, transfer.number);
  append_be(program.header_, transfer.up);
  append_be(program.header_, transfer.down);
  return program;
}

StreamProgram StreamProgram::server() { return {}; }

void StreamProgram::pump(Instant now, session::SessionLayer& sessions,
                         const overlay::StreamKey& key) {
  if (end_) return;
  receive(now, sessions, key);
  if (!end_) send(now, sessions, key);
  if (!end_ && finished_ && ended_) end_ = TransferEnd::Done;
}

void StreamProgram::receive(Instant now, session::SessionLayer& sessions,
                            const overlay::StreamKey& key) {
  for (;;) {
    const ByteView view = sessions.readable(key.session, key.stream);
    if (view.empty()) break;
    const std::size_t size = view.size();
    take(view);
    sessions.consume(now, key.session, key.stream, size);
    if (end_) return;
  }
  if (ended_ || !sessions.read_finished(key.session, key.stream)) return;
  ended_ = true;
  const std::uint64_t expected = client_ ? transfer_.down : transfer_.up;
  if (!known_ || received_ < expected) end_ = TransferEnd::Short;
}

void StreamProgram::take(ByteView bytes) {
  if (!known_) {
    const auto part = bytes.first(std::min(kHeader - header_.size(), bytes.size()));
    append(header_, part);
    bytes = bytes.subspan(part.size());
    if (header_.size() < kHeader) return;
    const ByteView header(header_);
    transfer_ = {read_be<std::uint64_t>(header), read_be<std::uint64_t>(header.subspan(8)),
                 read_be<std::uint64_t>(header.subspan(16))};
    known_ = true;
  }
  const std::uint64_t expected = client_ ? transfer_.down : transfer_.up;
  if (bytes.size() > expected - received_) {
    end_ = TransferEnd::Long;
    return;
  }
  const bool right = walk(key_of(transfer_, !client_), received_, bytes.size(),
                          [&](std::size_t at, std::uint8_t byte) { return bytes[at] == byte; });
  received_ += bytes.size();
  if (!right) end_ = TransferEnd::Broken;
}

void StreamProgram::send(Instant now, session::SessionLayer& sessions,
                         const overlay::StreamKey& key) {
  if (!known_ || finished_) return;
  const std::uint64_t before = client_ ? kHeader : 0;
  const std::uint64_t total = before + (client_ ? transfer_.up : transfer_.down);
  while (sent_ < total) {
    const MutableByteView space = sessions.send_space(key.session, key.stream);
    if (space.empty()) return;
    const std::size_t size =
        static_cast<std::size_t>(std::min<std::uint64_t>(space.size(), total - sent_));
    std::size_t at = 0;
    for (; at < size && sent_ + at < before; ++at) space[at] = header_[sent_ + at];
    const std::uint64_t from = sent_ + at - before;
    walk(key_of(transfer_, client_), from < slip_ ? 0 : from - slip_, size - at,
         [&](std::size_t i, std::uint8_t byte) {
           space[at + i] = byte;
           return true;
         });
    sessions.commit(now, key.session, key.stream, size);
    sent_ += size;
  }
  sessions.finish(now, key.session, key.stream);
  finished_ = true;
}

}  // namespace weft::sim
