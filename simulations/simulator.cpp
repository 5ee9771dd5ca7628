#include "simulations/simulator.hpp"

#include "base/assert.hpp"

namespace weft::sim {

Simulator::Simulator(Network network, unsigned threads)
    : queue_(1), network_(std::move(network)), digest_(threads > 1), buffer_(kTransmitBufferSize) {}

Result<std::unique_ptr<Simulator>> Simulator::create(const NetworkOptions& options,
                                                     std::uint64_t seed, unsigned threads) {
  WEFT_TRY(auto network, Network::create(options, seed));
  return std::unique_ptr<Simulator>(new Simulator(std::move(network), threads));
}

std::uint32_t Simulator::add_node(Network::Placement placement) {
  const std::uint32_t node = network_.add_node(placement);
  queue_.add_sources(1);
  nodes_.push_back(nullptr);
  traffic_.emplace_back();
  return node;
}

void Simulator::go_online(std::uint32_t node, std::unique_ptr<NodeCore> core) {
  WEFT_ASSERT(!nodes_[node] && core);
  nodes_[node] = std::move(core);
  ++online_;
  drain(node);
}

std::unique_ptr<NodeCore> Simulator::go_offline(std::uint32_t node) {
  WEFT_ASSERT(nodes_[node]);
  queue_.cancel_timer(source_of(node));
  --online_;
  return std::move(nodes_[node]);
}

void Simulator::post_script(Instant at, std::uint32_t payload) {
  queue_.post(std::max(at, now_), kScript, payload);
}

void Simulator::transmit(std::uint32_t node, const Endpoint& to, ByteView bytes) {
  auto& traffic = traffic_[node];
  traffic.bytes_out += bytes.size();
  ++traffic.datagrams_out;
  total_.bytes_out += bytes.size();
  ++total_.datagrams_out;
  PacketHeader header;
  const auto arrival = network_.send(now_, node, to, bytes.size(), header);
  if (arrival) queue_.post(*arrival, source_of(node), packets_.add(header, bytes));
}

void Simulator::drain(std::uint32_t node) {
  NodeCore& core = *nodes_[node];
  while (const auto out = core.poll_transmit(now_, buffer_)) {
    const std::size_t step = out->segment_size == 0 ? out->size : out->segment_size;
    WEFT_ASSERT(out->size <= buffer_.size() && step > 0);
    for (std::size_t at = 0; at < out->size; at += step)
      transmit(node, out->to, ByteView(buffer_).subspan(at, std::min(step, out->size - at)));
  }
  core.drain_events(now_);
  if (const auto deadline = core.poll_timeout())
    queue_.set_timer(source_of(node), *deadline);
  else
    queue_.cancel_timer(source_of(node));
}

void Simulator::deliver(PacketHandle handle) {
  PacketHeader& header = packets_.header_of(handle);
  const auto arrival = network_.arrive(now_, header);
  if (arrival.verdict == Network::Arrival::Verdict::Later) {
    queue_.post(arrival.at, source_of(header.from), handle);
    return;
  }
  if (arrival.verdict == Network::Arrival::Verdict::Deliver) {
    const std::uint32_t node = arrival.node;
    if (!nodes_[node]) {
      network_.count_drop(Drop::Offline);
    } else {
      const ByteView bytes = packets_.bytes_of(handle);
      digest_.add(now_, header.from, node, bytes);
      if (on_delivery) on_delivery(now_, header.from, node, bytes);
      traffic_[node].bytes_in += bytes.size();
      ++traffic_[node].datagrams_in;
      total_.bytes_in += bytes.size();
      ++total_.datagrams_in;
      Datagram in;
      in.from = header.seen_from;
      in.payload = bytes;
      nodes_[node]->handle_datagram(now_, in);
      drain(node);
    }
  }
  packets_.release(handle);
}

// A node's state is cold by the time its turn comes: fetch it while the ones before it run.
void Simulator::warm_up() {
  if (const auto far = queue_.soon(5, kScript)) packets_.warm_header(*far);
  if (const auto near = queue_.soon(3, kScript)) {
    packets_.warm_bytes(*near);
    const auto node = network_.likely_receiver(packets_.header_of(*near).gateway);
    if (nodes_[node]) __builtin_prefetch(nodes_[node].get());
  }
  if (const auto next = queue_.soon(1, kScript)) {
    const auto node = network_.likely_receiver(packets_.header_of(*next).gateway);
    if (nodes_[node]) nodes_[node]->warm();
  }
}

void Simulator::dispatch(const Event& event) {
  ++events_;
  now_ = event.at;
  if (event.source == kScript) {
    script_(now_, event.payload);
  } else if (event.kind == Event::Kind::Post) {
    deliver(event.payload);
  } else {
    const std::uint32_t node = event.source - 1;
    nodes_[node]->handle_timeout(now_);
    drain(node);
  }
}

void Simulator::run_until(Instant end, const std::atomic<bool>* stop) {
  while (const auto next = queue_.next_time()) {
    if (*next > end) break;
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) return;
    const auto event = queue_.pop();
    if (event->source != kScript) warm_up();
    dispatch(*event);
  }
  now_ = std::max(now_, end);
}

std::size_t Simulator::overhead_bytes() const {
  return queue_.memory_bytes() + network_.memory_bytes() + packets_.memory_bytes() +
         nodes_.capacity() * sizeof(nodes_[0]) + traffic_.capacity() * sizeof(Traffic);
}

}  // namespace weft::sim
