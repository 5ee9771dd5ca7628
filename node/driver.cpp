#include "node/driver.hpp"

#include <algorithm>

#include "base/sealed.hpp"
#include "node/io/clock.hpp"
#include "node/send_elsewhere.hpp"

namespace weft::node {

namespace {
bool is_sealed(const Datagram& one) {
  return !one.payload.empty() && one.payload[0] == sealed::kFirstByte;
}
}  // namespace

Driver::Driver(io::EventLoop& loop, overlay::Overlay& overlay, store::Writer& writer,
               OverlayListener& listener)
    : loop_(loop),
      overlay_(overlay),
      writer_(writer),
      listener_(listener),
      flush_(loop, [this] { drain(); }),
      timer_(loop,
             [this] {
               overlay_.handle_timeout(io::monotonic_time());
               drain();
             }),
      out_(kTransmitBufferSize),
      alive_(std::make_shared<bool>(true)) {}

Driver::~Driver() { *alive_ = false; }

Result<void> Driver::open(const std::vector<carriers::UdpOptions>& options) {
  streams_.reset();
  WEFT_TRY(carriers_, carriers::Carriers::open(loop_, options, overlay_.paths(), *this));
  streams_ =
      std::make_unique<carriers::StreamHub>(loop_, *carriers_, overlay_.paths(), stream_events());
  return {};
}

carriers::StreamHub::Events Driver::stream_events() {
  return {[this](overlay::CommandId id, PathId path, const Endpoint& remote) {
            overlay_.carrier_opened(io::monotonic_time(), id, path, remote);
            wake();
          },
          [this](overlay::CommandId id, const std::string& why) {
            if (connection_failed) connection_failed(why);
            overlay_.carrier_failed(io::monotonic_time(), id, why);
            wake();
          },
          [this] {
            overlay_.sessions().paths_changed();  // what waited for the path need not any more
            overlay_.carrier_closed(io::monotonic_time());
            wake();
          }};
}

void Driver::on_datagram(const Datagram& datagram) {
  if (!in_batch_) {
    in_batch_ = true;
    batch_time_ = io::monotonic_time();
  }
  // A run comes from one sender, yet may join what is sealed with packets of a session.
  bool any_sealed = false;
  for_each_datagram(datagram,
                    [&](const Datagram& one) { any_sealed = any_sealed || is_sealed(one); });
  if (!any_sealed) return overlay_.handle_datagram(batch_time_, datagram);
  for_each_datagram(datagram,
                    [&](const Datagram& one) { overlay_.handle_datagram(batch_time_, one); });
}

void Driver::on_writable() {
  overlay_.sessions().paths_changed();
  drain();
}

void Driver::on_batch_end() {
  in_batch_ = false;
  drain();
}

void Driver::on_too_large(const Transmit& transmit, std::size_t size) {
  overlay_.datagram_refused(io::monotonic_time(), transmit.path, transmit.to, size);
  wake();
}

bool Driver::send_batch() {
  if (!carriers_) return false;
  const auto room = MutableByteView(out_).first(std::min(out_.size(), share_.bytes()));
  const auto transmit = overlay_.poll_transmit(io::monotonic_time(), room);
  if (transmit) carriers_->send(*transmit, room.first(transmit->size));
  return transmit.has_value();
}

bool Driver::take_event() {
  auto event = overlay_.poll_event();
  if (!event) return false;
  if (auto* request = std::get_if<overlay::PersistRequest>(&*event))
    store(std::move(request->persist));
  else if (const auto* elsewhere = std::get_if<overlay::SendElsewhere>(&*event))
    send_elsewhere(elsewhere->to, elsewhere->bytes);
  else if (const auto* wanted = std::get_if<overlay::OpenCarrier>(&*event))
    streams_->dial(wanted->id, wanted->address);
  else
    listener_.on_overlay_event(*event);
  return true;
}

void Driver::turn_ended() {
  share_.turn_ended();
  if (carriers_) carriers_->set_receive_share(share_.bytes());
  listener_.on_drained();
  if (const auto deadline = overlay_.poll_timeout())
    timer_.arm(*deadline);
  else
    timer_.cancel();
}

void Driver::store(Persist persist) {
  const auto id = persist.id;
  const Instant begun = io::monotonic_time();
  auto completed = [this, alive = alive_, id, begun](const Result<void>& result) {
    loop_.post([this, alive, id, begun, result] {
      if (*alive) stored(id, begun, result);
    });
  };
  const auto taken = writer_.submit(std::move(persist.rows), completed);
  if (!taken) completed(std::unexpected(taken.error()));
}

void Driver::stored(std::uint64_t id, Instant begun, const Result<void>& result) {
  const Instant now = io::monotonic_time();
  if (result) commits_.observe(now - begun);
  overlay_.persisted(now, id, result);
  drain();
}

// ---- StreamPort ---------------------------------------------------------------------------------

MutableByteView Driver::send_space(adapter::StreamKey key) {
  return overlay_.sessions().send_space(key.session, key.stream);
}

void Driver::commit(adapter::StreamKey key, std::size_t size) {
  overlay_.sessions().commit(io::monotonic_time(), key.session, key.stream, size);
  wake();
}

ByteView Driver::readable(adapter::StreamKey key) {
  if (gated_.contains(key)) return {};
  return overlay_.sessions().readable(key.session, key.stream);
}

bool Driver::read_finished(adapter::StreamKey key) {
  return !gated_.contains(key) && overlay_.sessions().read_finished(key.session, key.stream);
}

void Driver::consume(adapter::StreamKey key, std::size_t size) {
  overlay_.sessions().consume(io::monotonic_time(), key.session, key.stream, size);
  wake();
}

void Driver::finish(adapter::StreamKey key) {
  overlay_.sessions().finish(io::monotonic_time(), key.session, key.stream);
  wake();
}

void Driver::reset(adapter::StreamKey key, std::uint64_t code) {
  overlay_.sessions().reset(io::monotonic_time(), key.session, key.stream, code);
  wake();
}

}  // namespace weft::node
