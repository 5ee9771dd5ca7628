// STUN on the node's own sockets: what parts asked for, else questions of members (decision 14);
// and the datagrams that parts send themselves.
#include <algorithm>

#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

void Overlay::Impl::handle_stun(Instant now, const Datagram& datagram) {
  const auto message = nat::decode_stun(datagram.payload);
  if (!message) return stun.note_malformed();
  unsettled = now;
  for (const auto& [id, network] : networks)
    if (network->punch().handle_stun(now, datagram, *message)) return;
  if (message->kind != nat::StunClass::Request) return stun.note_stray();
  // Who is on this machine may ask, and members; of others nothing is answered, so that nobody is
  // told that weft listens here.
  const bool allowed =
      datagram.from.is_loopback() ||
      (stun_lookups.take(now) && std::ranges::any_of(networks, [&](const auto& entry) {
         return entry.second->punch().knows(datagram.from);
       }));
  auto answer = stun.answer(now, datagram.from, *message, allowed);
  if (!answer) return;
  if (answer->other_port)
    events.push_back(SendElsewhere{datagram.from, std::move(answer->bytes)});
  else
    casts.push_back({datagram.path, datagram.from, datagram.local, 0, std::move(answer->bytes)});
}

const nat::ResponderCounters& Overlay::stun_counters() const { return impl_->stun.counters(); }

std::optional<Transmit> Overlay::Impl::poll_cast(MutableByteView out) {
  while (!casts.empty()) {
    const Cast cast = std::move(casts.front());
    casts.pop_front();
    if (cast.bytes.size() > out.size()) continue;
    std::ranges::copy(cast.bytes, out.begin());
    Transmit transmit;
    transmit.path = cast.path;
    transmit.to = cast.to;
    transmit.local = cast.local;
    transmit.ttl = cast.ttl;
    transmit.size = cast.bytes.size();
    return transmit;
  }
  return std::nullopt;
}

}  // namespace weft::overlay
