// A WebSocket as a carrier: see wss.hpp, which makes it.
#pragma once

#include <functional>
#include <memory>

#include "node/carriers/stream_carrier.hpp"
#include "node/io/event_loop.hpp"

namespace weft::carriers {

struct WssSocket;

class WssCarrier final : public StreamCarrier {
 public:
  WssCarrier(io::EventLoop& loop, std::shared_ptr<WssSocket> socket, const Endpoint& remote,
             DatagramSink& sink, std::function<void()> ended);
  ~WssCarrier() override;

  bool send(const Transmit& transmit, ByteView bytes) override;
  [[nodiscard]] bool blocked() const override;
  [[nodiscard]] bool look(Instant now, bool used) override;
  [[nodiscard]] Instant deadline() const override;
  [[nodiscard]] const path::StreamCounters& counters() const override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace weft::carriers
