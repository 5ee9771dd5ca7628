#include "node/carriers/udp_carrier.hpp"

#include <sys/socket.h>

#include <utility>

#include "node/carriers/udp_receiver.hpp"
#include "node/carriers/udp_sender.hpp"
#include "node/carriers/udp_socket.hpp"
#include "node/io/fd_watch.hpp"
#include "node/io/socket_address.hpp"

namespace weft::carriers {

struct UdpCarrier::Impl final : private io::FdEvents {
  Impl(io::EventLoop& loop, const UdpOptions& options, UdpSocket socket, DatagramSink& to)
      : sink(to),
        bytes_per_wakeup(options.receive_bytes_per_wakeup),
        dual_stack(socket.family == AF_INET6 && !(options.only_family && !options.bind.is_v4())),
        gro(socket.gro),
        bound(io::bound_endpoint(socket.fd.value())),
        receiver(socket.gro, counters),
        sender(socket.fd.value(), socket.family, socket.gso, options.faults, counters, to),
        watch(loop, std::move(socket.fd), *this) {
    watch.want_read();
  }

  bool send(const Transmit& transmit, ByteView bytes) {
    const bool taken = sender.send(transmit, bytes);
    if (sender.blocked()) watch.want_write();
    return taken;
  }

  void on_fd_readable() override {
    // What is left after a full share is reported again at once: arming looks at readiness.
    receiver.receive(watch.fd(), bytes_per_wakeup, sink);
    sink.on_batch_end();
    watch.want_read();
  }

  void on_fd_writable() override {
    if (!sender.flush()) return watch.want_write();
    sink.on_writable();
  }

  void on_fd_error() override { ++counters.rx_errors; }

  DatagramSink& sink;
  std::size_t bytes_per_wakeup;
  bool dual_stack;
  bool gro;
  Endpoint bound;
  UdpCounters counters;
  UdpReceiver receiver;
  UdpSender sender;
  io::FdWatch watch;
};

UdpCarrier::UdpCarrier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UdpCarrier::~UdpCarrier() = default;

Result<std::unique_ptr<UdpCarrier>> UdpCarrier::open(io::EventLoop& loop, const UdpOptions& options,
                                                     DatagramSink& sink) {
  WEFT_TRY(UdpSocket socket, open_udp_socket(options));
  auto impl = std::make_unique<Impl>(loop, options, std::move(socket), sink);
  return std::unique_ptr<UdpCarrier>(new UdpCarrier(std::move(impl)));
}

Result<std::unique_ptr<UdpCarrier>> UdpCarrier::adopt(io::EventLoop& loop, io::UniqueFd fd,
                                                      const UdpOptions& options,
                                                      DatagramSink& sink) {
  WEFT_TRY(UdpSocket socket, adopt_udp_socket(std::move(fd), options));
  auto impl = std::make_unique<Impl>(loop, options, std::move(socket), sink);
  return std::unique_ptr<UdpCarrier>(new UdpCarrier(std::move(impl)));
}

bool UdpCarrier::send(const Transmit& transmit, ByteView bytes) {
  return impl_->send(transmit, bytes);
}
void UdpCarrier::set_receive_share(std::size_t bytes) { impl_->bytes_per_wakeup = bytes; }
bool UdpCarrier::blocked() const { return impl_->sender.blocked(); }
Endpoint UdpCarrier::local() const { return impl_->bound; }
bool UdpCarrier::gso_active() const { return impl_->sender.gso_active(); }
bool UdpCarrier::gro_active() const { return impl_->gro; }
bool UdpCarrier::dual_stack() const { return impl_->dual_stack; }
const UdpCounters& UdpCarrier::counters() const { return impl_->counters; }

}  // namespace weft::carriers
