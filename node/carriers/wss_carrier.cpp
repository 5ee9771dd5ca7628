#include "node/carriers/wss_carrier.hpp"

#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>

#include "node/carriers/wss_asio.hpp"
#include "node/io/clock.hpp"

namespace weft::carriers {

// Shared with the operations under way, so that the carrier can go at any time: `sink` is null from
// then.
struct WssCarrier::State : std::enable_shared_from_this<WssCarrier::State> {
  State(io::EventLoop& loop, std::shared_ptr<WssSocket> made, const Endpoint& far,
        DatagramSink& reader, std::function<void()> then)
      : wss(std::move(made)),
        remote(far),
        sink(&reader),
        link(io::monotonic_time(), false),
        ended(std::move(then)),
        batch_end(loop, [this] {
          if (sink != nullptr) sink->on_batch_end();
        }) {}

  void read() {
    wss->socket.async_read(
        wss->buffer,
        [self = shared_from_this()](const ErrorCode& error, std::size_t) { self->on_read(error); });
  }

  void on_read(const ErrorCode& error) {
    if (sink == nullptr) return;
    if (error) return end();
    const Instant now = io::monotonic_time();
    const auto data = wss->buffer.data();
    const ByteView frame(static_cast<const std::uint8_t*>(data.data()), data.size());
    if (!wss->socket.got_binary()) link.spoil();
    if (link.take(now, frame)) {
      Datagram datagram;
      datagram.from = remote;
      datagram.payload = frame;
      sink->on_datagram(datagram);
      batch_end.schedule();
    }
    wss->buffer.consume(data.size());
    if (link.spoiled()) return;
    write();  // a ping was answered
    read();
  }

  void write() {
    if (writing || over || sink == nullptr || !link.waits()) return;
    const auto size = link.next(io::monotonic_time(), out);
    if (size == 0) return;
    writing = true;
    wss->socket.async_write(boost::asio::buffer(out.data(), size),
                            [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                              self->writing = false;
                              if (self->sink == nullptr) return;
                              if (error) return self->end();
                              self->write();
                              if (!self->writing && self->was_blocked) {
                                self->was_blocked = false;
                                self->sink->on_writable();
                              }
                            });
  }

  void end() {
    if (std::exchange(over, true)) return;
    ended();
  }

  void close() {
    sink = nullptr;
    ErrorCode ignored;
    wss->socket.next_layer().next_layer().close(ignored);
  }

  std::shared_ptr<WssSocket> wss;
  Endpoint remote;
  DatagramSink* sink;
  path::StreamLink link;
  std::function<void()> ended;
  io::Deferred batch_end;
  std::array<std::uint8_t, path::kStreamMtu> out{};
  bool writing = false;
  bool was_blocked = false;  // and on_writable() is owed
  bool over = false;
};

WssCarrier::WssCarrier(io::EventLoop& loop, std::shared_ptr<WssSocket> socket,
                       const Endpoint& remote, DatagramSink& sink, std::function<void()> ended)
    : state_(std::make_shared<State>(loop, std::move(socket), remote, sink, std::move(ended))) {
  state_->read();
}

WssCarrier::~WssCarrier() { state_->close(); }

bool WssCarrier::send(const Transmit& transmit, ByteView bytes) {
  if (state_->over) return true;  // it will be told as a closed path
  const bool taken =
      state_->link.send(io::monotonic_time(), bytes.first(transmit.size), transmit.segment_size);
  state_->write();
  state_->was_blocked = blocked();
  return taken;
}

bool WssCarrier::blocked() const { return state_->link.waits(); }

bool WssCarrier::look(Instant now, bool used) {
  const bool stays = state_->link.look(now, used) && !state_->over;
  if (stays) state_->write();
  return stays;
}

Instant WssCarrier::deadline() const { return state_->link.deadline(); }
const path::StreamCounters& WssCarrier::counters() const { return state_->link.counters(); }

}  // namespace weft::carriers
