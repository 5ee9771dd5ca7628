// What the rooms of streams need of the session layer: opening a stream, a few bytes each way, its
// end. Sessions answer in a node; a test answers by hand.
#pragma once

#include <optional>

#include "overlay/event.hpp"

namespace weft::overlay {

class StreamIo {
 public:
  virtual ~StreamIo() = default;
  // Nothing: the session is gone, or the peer lets no more be opened now.
  virtual std::optional<StreamKey> open(Instant now, session::SessionId session) = 0;
  virtual void write(Instant now, const StreamKey& key, ByteView bytes) = 0;
  virtual void finish(Instant now, const StreamKey& key) = 0;
  virtual void reset(Instant now, const StreamKey& key, std::uint64_t code) = 0;
  // The peer may open more in place of this one.
  virtual void accept(const StreamKey& key) = 0;
  [[nodiscard]] virtual ByteView readable(const StreamKey& key) const = 0;
  [[nodiscard]] virtual bool read_finished(const StreamKey& key) const = 0;
  virtual void consume(Instant now, const StreamKey& key, std::size_t size) = 0;
  // Of this stream.
  [[nodiscard]] virtual Result<void> send_message(Instant now, const StreamKey& key,
                                                  ByteView frame) = 0;
};

class SessionStreams final : public StreamIo {
 public:
  explicit SessionStreams(session::SessionLayer& sessions) : sessions_(sessions) {}

  std::optional<StreamKey> open(Instant now, session::SessionId session) override {
    const auto stream = sessions_.open_stream(now, session);
    return stream ? std::optional(StreamKey{session, *stream}) : std::nullopt;
  }
  void write(Instant now, const StreamKey& key, ByteView bytes) override {
    sessions_.write(now, key.session, key.stream, bytes);
  }
  void finish(Instant now, const StreamKey& key) override {
    sessions_.finish(now, key.session, key.stream);
  }
  void reset(Instant now, const StreamKey& key, std::uint64_t code) override {
    sessions_.reset(now, key.session, key.stream, code);
  }
  void accept(const StreamKey& key) override { sessions_.accept(key.session, key.stream); }
  [[nodiscard]] ByteView readable(const StreamKey& key) const override {
    return sessions_.readable(key.session, key.stream);
  }
  [[nodiscard]] bool read_finished(const StreamKey& key) const override {
    return sessions_.read_finished(key.session, key.stream);
  }
  void consume(Instant now, const StreamKey& key, std::size_t size) override {
    sessions_.consume(now, key.session, key.stream, size);
  }
  [[nodiscard]] Result<void> send_message(Instant now, const StreamKey& key,
                                          ByteView frame) override {
    return sessions_.send_message(now, key.session, frame, key.stream);
  }

 private:
  session::SessionLayer& sessions_;
};

}  // namespace weft::overlay
