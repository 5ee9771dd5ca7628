#include "overlay/post/post_office.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::post {

namespace {

Channel channel_of(const Unsealed& message) {
  return static_cast<Channel>(message.body.front() & ~kKnowsYou);
}

}  // namespace

std::optional<Delivered> PostOffice::handle_datagram(Instant now, const Datagram& in) {
  ++counters_.datagrams_in;
  counters_.bytes_in += in.payload.size();
  const auto message = sealer_.open(now, in.payload);
  if (!message) {
    ++counters_.not_opened;
    return std::nullopt;
  }
  asked_ = in;
  asked_.payload = {};
  return deliver(now, in, *message);
}

std::optional<Delivered> PostOffice::deliver(Instant now, const Datagram& in,
                                             const Unsealed& message) {
  if (message.body.empty()) {
    ++counters_.no_channel;
    return std::nullopt;
  }
  const auto channel = channel_of(message);
  // A reply of the DHT proves by its nonce that it was asked for; it is judged there.
  if (!message.proven && !(channel == Channel::Dht && message.answers)) {
    ++counters_.unproven;
    return std::nullopt;
  }
  if (message.proven) heard(now, message);
  if (channel != Channel::Forward)
    return Delivered{channel, in.path, in.from, std::nullopt, in.payload.size(), message};
  const auto order = Forward::decode(message.body.subspan(1));
  if (!order) {
    ++counters_.malformed;
    return std::nullopt;
  }
  if (order->type == Forward::Type::Forwarded) return unwrap(now, message.sender, *order);
  forward(now, message.sender, *order);
  return std::nullopt;
}

void PostOffice::forward(Instant now, const NodeId& from, const Forward& order) {
  if (!may_forward(now, from, order.inner.size())) {
    ++counters_.forward_limited;
    return;
  }
  const auto contact = members_.contact_of(order.node);
  const auto way = members_.session_with(order.node);
  if (order.node == self_ || order.node == from || !contact || !way) {
    ++counters_.forward_no_way;
    return;
  }
  const auto datagram =
      seal(now, *contact, Forward{Forward::Type::Forwarded, from, order.inner}.encode());
  if (!datagram) return;
  ++counters_.forwarded_on;
  enqueue(*way, {}, *datagram);
}

// The datagram inside is as any other, but that it came from no address.
std::optional<Delivered> PostOffice::unwrap(Instant now, const NodeId& by, const Forward& order) {
  inner_ = to_bytes(order.inner);  // what it is a view into goes with the next one opened
  const NodeId from = order.node;
  const auto message = sealer_.open(now, inner_);
  if (!message) {
    ++counters_.not_opened;
    return std::nullopt;
  }
  if (message->sender != from || !message->proven || message->body.empty() ||
      channel_of(*message) == Channel::Forward) {
    ++counters_.forward_refused;
    return std::nullopt;
  }
  ++counters_.forwarded_in;
  heard(now, *message);
  return Delivered{channel_of(*message), PathId::Udp, {}, by, inner_.size(), *message};
}

bool PostOffice::may_forward(Instant now, const NodeId& sender, std::size_t size) {
  auto found = std::ranges::find(metered_, sender, &Metered::sender);
  if (found == metered_.end()) {
    if (metered_.size() < kMetered) {
      found = metered_.emplace(metered_.end());
    } else {
      found = std::ranges::min_element(metered_, {}, &Metered::last);
      // Whoever makes room for himself by many names gets no new allowance by it.
      if (now - found->last < 1min) return false;
      *found = {};
    }
    found->sender = sender;
  }
  found->last = now;
  return found->datagrams.take(now) && found->bytes.take(now, static_cast<std::int64_t>(size));
}

bool PostOffice::send(Instant now, const NodeId& to, Channel channel, ByteView content) {
  WEFT_ASSERT(content.size() <= kMaxContent);
  const auto contact = members_.contact_of(to);
  const auto session = members_.session_with(to);
  const auto direct = session ? std::nullopt : members_.address_of(now, to);
  if (!contact || to == self_) {
    ++counters_.no_way;
    return false;
  }
  Bytes body{static_cast<std::uint8_t>(channel)};
  append(body, content);
  const auto datagram = seal(now, *contact, std::move(body));
  if (!datagram) return false;
  if (session) {
    ++counters_.by_session;
    enqueue(*session, {}, *datagram);
    return true;
  }
  if (direct) {
    ++counters_.by_address;
    enqueue({PathId::Udp, direct->endpoint}, {}, *datagram);
    if (direct->proven) return true;
  }
  if (send_by_forwarder(now, to, *datagram) || direct) return true;
  ++counters_.no_way;
  return false;
}

bool PostOffice::send_by_forwarder(Instant now, const NodeId& to, const Bytes& datagram) {
  for (const NodeId& by : members_.forwarders_to(to)) {
    const auto contact = members_.contact_of(by);
    const auto way = members_.session_with(by);
    if (by == to || by == self_ || !contact || !way) continue;
    const auto around = seal(now, *contact, Forward{Forward::Type::Forward, to, datagram}.encode());
    if (!around) return false;
    ++counters_.by_forwarder;
    enqueue(*way, {}, *around);
    return true;
  }
  return false;
}

void PostOffice::send(const dht::Departing& message) {
  Bytes datagram(sealed::kMaxDatagram);
  const std::size_t size = sealer_.seal(*message.to, message.to_seal(), datagram);
  if (size == 0) {
    ++counters_.not_sealed;
    return;
  }
  datagram.resize(size);
  const bool back = message.to->endpoint == asked_.from;
  enqueue({back ? asked_.path : PathId::Udp, message.to->endpoint},
          back ? asked_.local : Endpoint{}, std::move(datagram));
}

std::optional<Bytes> PostOffice::seal(Instant now, const Contact& to, Bytes body) {
  const auto said = knows_us_.find(to.id);
  const bool knows_us = said != knows_us_.end() && now - said->second < kGreetAgain;
  if (sealer_.proven(to)) body.front() |= kKnowsYou;
  Bytes datagram(sealed::kMaxDatagram);
  const std::size_t size =
      sealer_.seal(to, {body, rng_.bytes<24>(), std::nullopt, !knows_us, 0}, datagram);
  if (size == 0) {
    ++counters_.not_sealed;
    return std::nullopt;
  }
  datagram.resize(size);
  return datagram;
}

void PostOffice::enqueue(const Way& way, const Endpoint& local, Bytes datagram) {
  if (queue_.size() >= kMaxQueue) {
    ++counters_.queue_full;
    return;
  }
  queue_.push_back({way, local, std::move(datagram)});
}

std::optional<Transmit> PostOffice::poll_transmit(MutableByteView out) {
  while (!queue_.empty()) {
    const Waiting next = std::move(queue_.front());
    queue_.pop_front();
    if (next.datagram.size() > out.size()) {
      ++counters_.queue_full;
      continue;
    }
    std::ranges::copy(next.datagram, out.begin());
    ++counters_.datagrams_out;
    counters_.bytes_out += next.datagram.size();
    Transmit transmit;
    transmit.path = next.way.path;
    transmit.to = next.way.remote;
    transmit.size = next.datagram.size();
    transmit.local = next.local;
    return transmit;
  }
  return std::nullopt;
}

PostOffice* addressee(std::span<PostOffice* const> offices, ByteView datagram) {
  if (offices.size() == 1) return offices.front();
  const auto incoming = sealed::parse(datagram);
  if (!incoming) return offices.empty() ? nullptr : offices.front();  // it counts what that is
  for (const bool known : {true, false})
    for (PostOffice* office : offices)
      if (office->sealer_.knows(*incoming) == known && office->sealer_.gate_matches(*incoming))
        return office;
  return offices.empty() ? nullptr : offices.front();
}

void PostOffice::heard(Instant now, const Unsealed& message) {
  if ((message.body.front() & kKnowsYou) == 0) {
    // Not the DHT: it says nothing about that.
    if (channel_of(message) != Channel::Dht) knows_us_.erase(message.sender);
    return;
  }
  if (knows_us_.size() >= kMaxKnowers && !knows_us_.contains(message.sender))
    knows_us_.clear();  // then we greet again
  knows_us_[message.sender] = now;
}

}  // namespace weft::post
