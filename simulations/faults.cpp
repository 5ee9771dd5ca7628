#include "simulations/faults.hpp"

#include "dht/message.hpp"
#include "simulations/model_random.hpp"

namespace weft::sim {

std::optional<FaultKind> fault_named(std::string_view name) {
  if (name == "mute") return FaultKind::Mute;
  if (name == "lying") return FaultKind::Lying;
  if (name == "deaf") return FaultKind::Deaf;
  return std::nullopt;
}

std::size_t FaultySealer::seal(const dht::Contact& to, const dht::ToSeal& message,
                               MutableByteView out) {
  if (!message.answers || fault_.kind == FaultKind::None || now_ < fault_.from)
    return inner_.seal(to, message, out);
  if (fault_.kind == FaultKind::Deaf) return 0;
  const auto reply = dht::Reply::decode(message.body);
  if (!reply) return inner_.seal(to, message, out);
  const bool gives =
      reply->type == dht::MessageType::FindNode || reply->type == dht::MessageType::Get;
  if (!gives) return inner_.seal(to, message, out);
  return fault_.kind == FaultKind::Mute ? 0 : seal_lie(to, message, out);
}

std::size_t FaultySealer::seal_lie(const dht::Contact& to, dht::ToSeal message,
                                   MutableByteView out) {
  auto reply = dht::Reply::decode(message.body);
  Bytes contacts;
  const std::uint64_t draw = read_be<std::uint64_t>(message.nonce);
  for (std::size_t i = 0; i < dht::contact_count(reply->contacts) && !accomplices_.empty(); ++i)
    dht::append_wire(contacts, book_.at(accomplices_[hash_of(draw, i) % accomplices_.size()]));
  reply->contacts = contacts;
  reply->records.clear();
  const Bytes body = reply->encode();
  message.body = body;
  return inner_.seal(to, message, out);
}

}  // namespace weft::sim
