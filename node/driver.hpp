// Couples the overlay to the machine: its datagrams to the carriers, its deadlines to a timer,
// its rows to the store's writer, its streams to adapters. One per node; everything runs on the
// loop.
//
// Whoever changes the overlay calls wake(): at the end of the turn what it has is drained
// (turn.hpp).
#pragma once

#include <functional>
#include <memory>
#include <unordered_set>

#include "node/adapter/stream_port.hpp"
#include "node/carriers/carriers.hpp"
#include "node/carriers/stream_hub.hpp"
#include "node/io/event_loop.hpp"
#include "node/metrics/histogram.hpp"
#include "node/store/writer.hpp"
#include "node/turn.hpp"
#include "node/turn_share.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

class OverlayListener {
 public:
  virtual void on_overlay_event(overlay::OverlayEvent& event) = 0;
  virtual void on_drained() = 0;  // nothing left to do in this turn

 protected:
  ~OverlayListener() = default;
};

class Driver final : public adapter::StreamPort, private carriers::DatagramSink, private TurnWork {
 public:
  Driver(io::EventLoop& loop, overlay::Overlay& overlay, store::Writer& writer,
         OverlayListener& listener);
  ~Driver() override;

  [[nodiscard]] Result<void> open(const std::vector<carriers::UdpOptions>& options);
  [[nodiscard]] const carriers::Carriers& udp() const { return *carriers_; }
  // Connections that carry datagrams; there from open() on.
  [[nodiscard]] carriers::StreamHub& streams() { return *streams_; }
  [[nodiscard]] const carriers::StreamHub& streams() const { return *streams_; }
  // The addresses of the machine may have changed.
  void look_around() { carriers_->look_around(); }
  void wake() override { flush_.schedule(); }
  void drain() { turn_.run(); }  // now rather than at the end of the turn

  // A stream that still waits for its opening to be answered shows no bytes to its adapter.
  void gate(const overlay::StreamKey& key) { gated_.insert(port_key(key)); }
  void ungate(const overlay::StreamKey& key) { gated_.erase(port_key(key)); }

  // Hears why a connection that was to carry datagrams could not be made.
  std::function<void(const std::string& why)> connection_failed;

  // How long changes took until they were on the disk.
  [[nodiscard]] const metrics::Histogram& commits() const { return commits_; }

  static adapter::StreamKey port_key(const overlay::StreamKey& key) {
    return {key.session, key.stream};
  }

  MutableByteView send_space(adapter::StreamKey key) override;
  void commit(adapter::StreamKey key, std::size_t size) override;
  ByteView readable(adapter::StreamKey key) override;
  bool read_finished(adapter::StreamKey key) override;
  void consume(adapter::StreamKey key, std::size_t size) override;
  [[nodiscard]] std::size_t share() const override { return share_.bytes(); }
  void note_dialogue() override { share_.note_dialogue(); }
  void finish(adapter::StreamKey key) override;
  void reset(adapter::StreamKey key, std::uint64_t code) override;

 private:
  void on_datagram(const Datagram& datagram) override;
  void on_batch_end() override;
  void on_writable() override;
  void on_too_large(const Transmit& transmit, std::size_t size) override;
  bool send_batch() override;
  bool take_event() override;
  void turn_ended() override;
  void store(Persist persist);
  [[nodiscard]] carriers::StreamHub::Events stream_events();
  void stored(std::uint64_t id, Instant begun, const Result<void>& result);

  io::EventLoop& loop_;
  overlay::Overlay& overlay_;
  store::Writer& writer_;
  OverlayListener& listener_;
  io::Deferred flush_;
  io::Timer timer_;
  std::unique_ptr<carriers::Carriers> carriers_;
  std::unique_ptr<carriers::StreamHub> streams_;
  std::unordered_set<adapter::StreamKey> gated_;
  Bytes out_;
  TurnShare share_;
  metrics::Histogram commits_;
  Turn turn_{*this};
  Instant batch_time_{};  // one clock reading per batch of datagrams
  bool in_batch_ = false;
  std::shared_ptr<bool> alive_;  // for completions that come back from the writer's thread
};

}  // namespace weft::node
