#include "node/io/udp_driver.hpp"

#include <sys/socket.h>

#include <utility>

#include "node/io/fd_watch.hpp"
#include "node/io/socket_address.hpp"
#include "node/io/udp_receiver.hpp"
#include "node/io/udp_sender.hpp"
#include "node/io/udp_socket.hpp"

namespace weft::io {

struct UdpDriver::Impl final : private FdEvents {
  Impl(EventLoop& loop, const UdpOptions& options, UdpSocket socket, DatagramSink& to)
      : sink(to),
        bytes_per_wakeup(options.receive_bytes_per_wakeup),
        dual_stack(socket.family == AF_INET6 && !(options.only_family && !options.bind.is_v4())),
        gro(socket.gro),
        bound(bound_endpoint(socket.fd.value())),
        receiver(socket.gro, options.path, counters),
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
  FdWatch watch;
};

UdpDriver::UdpDriver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UdpDriver::~UdpDriver() = default;

Result<std::unique_ptr<UdpDriver>> UdpDriver::open(EventLoop& loop, const UdpOptions& options,
                                                   DatagramSink& sink) {
  WEFT_TRY(UdpSocket socket, open_udp_socket(options));
  auto impl = std::make_unique<Impl>(loop, options, std::move(socket), sink);
  return std::unique_ptr<UdpDriver>(new UdpDriver(std::move(impl)));
}

bool UdpDriver::send(const Transmit& transmit, ByteView bytes) {
  return impl_->send(transmit, bytes);
}
void UdpDriver::set_receive_share(std::size_t bytes) { impl_->bytes_per_wakeup = bytes; }
bool UdpDriver::can_send() const { return !impl_->sender.blocked(); }
Endpoint UdpDriver::local() const { return impl_->bound; }
bool UdpDriver::gso_active() const { return impl_->sender.gso_active(); }
bool UdpDriver::gro_active() const { return impl_->gro; }
bool UdpDriver::dual_stack() const { return impl_->dual_stack; }
const UdpCounters& UdpDriver::counters() const { return impl_->counters; }

}  // namespace weft::io
