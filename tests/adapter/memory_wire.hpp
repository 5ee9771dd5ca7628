// Two StreamPorts joined in memory: what one side commits the other reads, through a window of a
// fixed size, with the news delivered on the event loop; and their messages, of which one can make
// some get lost. Stands in for a session in the tests of flows.
#pragma once

#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <memory>

#include "node/adapter/flow.hpp"
#include "node/io/event_loop.hpp"

namespace weft::adapter {

class MemoryWire {
 public:
  MemoryWire(io::EventLoop& loop, std::size_t window)
      : loop_(loop), window_(window), sides_{Side(*this, 0), Side(*this, 1)} {}

  StreamPort& side(std::size_t index) { return sides_[index]; }
  MessagePort& messages(std::size_t index) { return sides_[index]; }
  std::size_t largest_message = 1200;
  std::function<bool()> message_is_lost;  // null: none is
  // Who hears the news of this stream on this side; null: nobody.
  void attach(std::size_t side, StreamKey key, Flow* pump) { pumps_[side][key] = pump; }

  [[nodiscard]] std::uint64_t resets(std::size_t by_side) const { return resets_[by_side]; }
  [[nodiscard]] std::uint64_t dialogues(std::size_t on_side) const { return dialogues_[on_side]; }
  [[nodiscard]] std::uint64_t last_code() const { return last_code_; }
  [[nodiscard]] std::size_t largest_backlog() const { return largest_backlog_; }
  // Bytes of a stream that wait for this side to consume them.
  [[nodiscard]] std::size_t backlog(std::size_t side, StreamKey key) {
    const Lane& lane = lanes_[key].into[side];
    return lane.end - lane.begin;
  }

 private:
  struct Lane {  // one direction of one stream
    Bytes buffer;
    std::size_t begin = 0;
    std::size_t end = 0;
    bool finished = false;
    bool was_full = false;
  };
  struct Stream {
    std::array<Lane, 2> into;  // by receiving side
    bool reset = false;
  };

  class Side final : public StreamPort, public MessagePort {
   public:
    Side(MemoryWire& wire, std::size_t index) : wire_(wire), index_(index) {}
    Side(Side&& other) noexcept : wire_(other.wire_), index_(other.index_) {}

    MutableByteView send_space(StreamKey key) override {
      Stream& stream = wire_.lanes_[key];
      Lane& lane = stream.into[1 - index_];
      if (stream.reset || lane.finished) return {};
      if (lane.buffer.empty()) lane.buffer.resize(wire_.window_);
      if (lane.begin > 0) {
        std::memmove(lane.buffer.data(), lane.buffer.data() + lane.begin, lane.end - lane.begin);
        lane.end -= lane.begin;
        lane.begin = 0;
      }
      lane.was_full = lane.end == lane.buffer.size();
      return MutableByteView(lane.buffer).subspan(lane.end);
    }
    void note_dialogue() override { ++wire_.dialogues_[index_]; }
    void commit(StreamKey key, std::size_t size) override {
      Lane& lane = wire_.lanes_[key].into[1 - index_];
      lane.end += size;
      wire_.largest_backlog_ = std::max(wire_.largest_backlog_, lane.end - lane.begin);
      tell(1 - index_, key, [](Flow& pump) { pump.on_stream_readable(); });
    }
    ByteView readable(StreamKey key) override {
      Stream& stream = wire_.lanes_[key];
      const Lane& lane = stream.into[index_];
      return stream.reset ? ByteView()
                          : ByteView(lane.buffer).subspan(lane.begin, lane.end - lane.begin);
    }
    bool read_finished(StreamKey key) override {
      const Stream& stream = wire_.lanes_[key];
      const Lane& lane = stream.into[index_];
      return !stream.reset && lane.finished && lane.begin == lane.end;
    }
    void consume(StreamKey key, std::size_t size) override {
      Lane& lane = wire_.lanes_[key].into[index_];
      lane.begin += size;
      if (std::exchange(lane.was_full, false))
        tell(1 - index_, key, [](Flow& pump) { pump.on_stream_writable(); });
    }
    void finish(StreamKey key) override {
      wire_.lanes_[key].into[1 - index_].finished = true;
      tell(1 - index_, key, [](Flow& pump) { pump.on_stream_readable(); });
    }
    void reset(StreamKey key, std::uint64_t code) override {
      ++wire_.resets_[index_];
      wire_.last_code_ = code;
      wire_.lanes_[key].reset = true;
      tell(1 - index_, key, [code](Flow& pump) { pump.on_stream_reset(code); });
    }
    Result<void> send_message(StreamKey key, ByteView message) override {
      if (message.size() > wire_.largest_message) return fail(Errc::TooLarge, "message");
      if (wire_.lanes_[key].reset) return fail(Errc::NotFound, "stream");
      if (wire_.message_is_lost && wire_.message_is_lost()) return {};
      tell(1 - index_, key, [bytes = to_bytes(message)](Flow& flow) { flow.on_message(bytes); });
      return {};
    }

   private:
    template <class News>
    void tell(std::size_t side, StreamKey key, News news) {
      wire_.loop_.post([&wire = wire_, side, key, news] {
        if (Flow* pump = wire.pumps_[side][key]) news(*pump);
      });
    }

    MemoryWire& wire_;
    std::size_t index_;
  };

  io::EventLoop& loop_;
  std::size_t window_;
  std::array<Side, 2> sides_;
  std::map<StreamKey, Stream> lanes_;
  std::array<std::map<StreamKey, Flow*>, 2> pumps_;
  std::array<std::uint64_t, 2> resets_{};
  std::array<std::uint64_t, 2> dialogues_{};
  std::uint64_t last_code_ = 0;
  std::size_t largest_backlog_ = 0;
};

}  // namespace weft::adapter
