#include "simulations/dht/virtual_node.hpp"

namespace weft::sim {

VirtualNode::VirtualNode(Instant now, const NodeContext& context, std::uint32_t index,
                         dht::ContactHandle name, const dht::Contact& self, bool server,
                         Fault fault)
    : observer_(context.observer),
      index_(index),
      sealer_(context.book, name),
      faulty_(
          fault.kind == FaultKind::None
              ? nullptr
              : std::make_unique<FaultySealer>(sealer_, fault, context.book, context.accomplices)),
      dht_(now, {.config = context.config,
                 .book = context.book,
                 .post = faulty_ ? static_cast<post::Sealer&>(*faulty_) : sealer_,
                 .rng = context.rng,
                 .network = context.network,
                 .self = self,
                 .wall = context.wall,
                 .server = server}),
      port_(faulty_ ? static_cast<post::Sealer&>(*faulty_) : sealer_, dht_) {}

void VirtualNode::handle_datagram(Instant now, const Datagram& in) {
  port_.handle_datagram(now, in);
}

std::optional<Transmit> VirtualNode::poll_transmit(Instant now, MutableByteView out) {
  if (faulty_) faulty_->set_time(now);
  return port_.poll_transmit(now, out);
}

bool VirtualNode::drain_events(Instant now) {
  while (auto event = dht_.poll_event()) observer_.on_event(now, index_, std::move(*event));
  return false;
}

}  // namespace weft::sim
