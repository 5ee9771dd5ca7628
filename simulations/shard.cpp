#include "simulations/shard.hpp"

#include "base/assert.hpp"

namespace weft::sim {

Shard::Shard(World& world, std::uint32_t index, std::size_t shards)
    : world_(world), index_(index), outbox_(shards), inbox_(shards), buffer_(kTransmitBufferSize) {}

void Shard::transmit(Instant now, std::uint32_t node, const Transmit& out, ByteView bytes) {
  auto& traffic = world_.traffic[node];
  traffic.bytes_out += bytes.size();
  ++traffic.datagrams_out;
  total_.bytes_out += bytes.size();
  ++total_.datagrams_out;
  PacketHeader header;
  const auto arrival = world_.network.send(now, node, out.to, bytes.size(), header, out.ttl);
  if (!arrival) return;
  const EventKey key = queue_.stamp(*arrival, node);
  const std::uint32_t shard =
      header.at_home ? index_ : world_.network.shard_of_gateway(header.gateway);
  if (shard == index_) {
    queue_.post(key, packets_.add(header, bytes));
    return;
  }
  Mail& mail = outbox_[shard];
  header.size = static_cast<std::uint16_t>(bytes.size());
  mail.items.push_back({key, header});
  append(mail.bytes, bytes);
  mail.earliest = std::min(mail.earliest, key.time);
}

void Shard::collect(Shard& other) {
  Mail& from = other.outbox_[index_];
  Mail& to = inbox_[other.index_];
  if (from.items.empty()) return;
  if (!to.items.empty()) take_in();
  std::swap(from, to);
}

void Shard::take_in() {
  for (Mail& mail : inbox_) {
    std::size_t at = 0;
    for (const Mail::Item& item : mail.items) {
      queue_.post(item.key,
                  packets_.add(item.header, ByteView(mail.bytes).subspan(at, item.header.size)));
      at += item.header.size;
    }
    mail.items.clear();
    mail.bytes.clear();
    mail.earliest = kNever;
  }
}

std::int64_t Shard::next_time() {
  std::int64_t next = kNever;
  for (const Mail& mail : inbox_) next = std::min(next, mail.earliest);
  if (const auto own = queue_.next_time()) next = std::min(next, own->time_since_epoch().count());
  return next;
}

void Shard::drain(Instant now, std::uint32_t node) {
  NodeCore& core = *world_.nodes[node];
  do {
    while (const auto out = core.poll_transmit(now, buffer_)) {
      const std::size_t step = out->segment_size == 0 ? out->size : out->segment_size;
      WEFT_ASSERT(out->size <= buffer_.size() && step > 0);
      for (std::size_t at = 0; at < out->size; at += step)
        transmit(now, node, *out, ByteView(buffer_).subspan(at, std::min(step, out->size - at)));
    }
  } while (core.drain_events(now));
  if (const auto deadline = core.poll_timeout())
    queue_.set_timer(node, *deadline);
  else
    queue_.cancel_timer(node);
}

void Shard::deliver(const EventKey& key, PacketHandle handle) {
  const Instant now{Duration{key.time}};
  PacketHeader& header = packets_.header_of(handle);
  const auto arrival = world_.network.arrive(now, header);
  if (arrival.verdict == Network::Arrival::Verdict::Later) {
    // The same event, later: it keeps its place among those of its source.
    queue_.post({arrival.at.time_since_epoch().count(), key.source, key.sequence}, handle);
    return;
  }
  if (arrival.verdict == Network::Arrival::Verdict::Deliver) {
    if (world_.nodes[arrival.node])
      hand_over(key, arrival.node, handle);
    else
      world_.network.count_drop(Drop::Offline, index_);
  }
  packets_.release(handle);
}

void Shard::hand_over(const EventKey& key, std::uint32_t node, PacketHandle handle) {
  const Instant now{Duration{key.time}};
  const PacketHeader& header = packets_.header_of(handle);
  const ByteView bytes = packets_.bytes_of(handle);
  digest_.add(now, header.from, node, bytes);
  if (world_.log_deliveries) deliveries_.push_back({now, header.from, node, header.size});
  Traffic& traffic = world_.traffic[node];
  traffic.bytes_in += bytes.size();
  ++traffic.datagrams_in;
  total_.bytes_in += bytes.size();
  ++total_.datagrams_in;
  Datagram in;
  in.from = header.seen_from;
  in.payload = bytes;
  world_.nodes[node]->handle_datagram(now, in);
  drain(now, node);
}

// A node's state is cold by the time its turn comes: fetch it in steps while the ones before it
// run. Each step reads what the one before it fetched.
void Shard::warm_up() {
  if (const auto event = queue_.soon(12)) {
    if (event->kind == Event::Kind::Post)
      packets_.warm_header(event->payload);
    else
      queue_.warm(event->key.source);
  }
  if (const auto event = queue_.soon(9)) {
    if (event->kind == Event::Kind::Post) packets_.warm_bytes(event->payload);
    const std::uint32_t node = likely_node(*event);
    __builtin_prefetch(&world_.nodes[node]);
    __builtin_prefetch(&world_.traffic[node]);
    queue_.warm(node);
    world_.network.warm(node);
  }
  if (const auto event = queue_.soon(7)) {
    if (const NodeCore* core = world_.nodes[likely_node(*event)].get()) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(core);
      __builtin_prefetch(bytes);
      __builtin_prefetch(bytes + 64);
    }
  }
  for (int step = 0; step < 3; ++step) {
    const auto event = queue_.soon(static_cast<std::size_t>(5 - 2 * step));
    if (!event) continue;
    const auto* core = world_.nodes[likely_node(*event)].get();
    if (core == nullptr) continue;
    const bool post = event->kind == Event::Kind::Post;
    core->warm(step, post ? packets_.bytes_of(event->payload) : ByteView{});
  }
}

std::uint32_t Shard::likely_node(const Event& event) {
  if (event.kind == Event::Kind::Timer) return event.key.source;
  const PacketHeader& header = packets_.header_of(event.payload);
  return header.at_home ? header.gateway : world_.network.likely_receiver(header.gateway);
}

void Shard::dispatch(const Event& event) {
  ++events_;
  if (event.kind == Event::Kind::Post) {
    deliver(event.key, event.payload);
  } else {
    const Instant now{Duration{event.key.time}};
    world_.nodes[event.key.source]->handle_timeout(now);
    drain(now, event.key.source);
  }
}

void Shard::run(std::int64_t end) {
  take_in();
  for (;;) {
    const auto next = queue_.next_time();
    if (!next || next->time_since_epoch().count() >= end) break;
    const auto event = queue_.pop();
    warm_up();
    dispatch(*event);
  }
}

std::size_t Shard::in_flight() const {
  std::size_t count = packets_.live();
  for (const Mail& mail : outbox_) count += mail.items.size();
  for (const Mail& mail : inbox_) count += mail.items.size();
  return count;
}

std::size_t Shard::memory_bytes() const {
  std::size_t bytes = queue_.memory_bytes() + packets_.memory_bytes();
  for (const auto* box : {&outbox_, &inbox_})
    for (const Mail& mail : *box)
      bytes += mail.items.capacity() * sizeof(Mail::Item) + mail.bytes.capacity();
  return bytes;
}

}  // namespace weft::sim
