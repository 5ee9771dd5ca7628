#include "simulations/dht/faults.hpp"

#include <algorithm>

#include "dht/message.hpp"
#include "simulations/model_random.hpp"

namespace weft::sim {

namespace {
constexpr std::size_t kRemembered = 64;
}

std::optional<FaultKind> fault_named(std::string_view name) {
  if (name == "mute") return FaultKind::Mute;
  if (name == "lying") return FaultKind::Lying;
  if (name == "cunning") return FaultKind::Cunning;
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

std::optional<dht::Unsealed> FaultySealer::open(Instant now, ByteView datagram) {
  auto unsealed = inner_.open(now, datagram);
  if (!unsealed || unsealed->answers || fault_.kind != FaultKind::Cunning) return unsealed;
  const auto request = dht::Request::decode(unsealed->body);
  if (!request) return unsealed;
  if (asked_.size() >= kRemembered) asked_.erase(asked_.begin());
  asked_.emplace_back(unsealed->nonce, request->target);
  return unsealed;
}

std::vector<dht::ContactHandle> FaultySealer::named(const dht::ToSeal& message,
                                                    std::size_t count) const {
  std::vector<dht::ContactHandle> names;
  if (accomplices_.empty()) return names;
  const auto about =
      std::ranges::find(asked_, *message.answers, &decltype(asked_)::value_type::first);
  if (fault_.kind == FaultKind::Cunning && about != asked_.end()) {
    names = accomplices_;
    count = std::min(count, names.size());
    std::ranges::partial_sort(
        names, names.begin() + static_cast<std::ptrdiff_t>(count), {},
        [&](dht::ContactHandle handle) { return distance(book_.id(handle), about->second); });
    names.resize(count);
    return names;
  }
  const std::uint64_t draw = read_be<std::uint64_t>(message.nonce);
  for (std::size_t i = 0; i < count; ++i)
    names.push_back(accomplices_[hash_of(draw, i) % accomplices_.size()]);
  return names;
}

std::size_t FaultySealer::seal_lie(const dht::Contact& to, dht::ToSeal message,
                                   MutableByteView out) {
  auto reply = dht::Reply::decode(message.body);
  Bytes contacts;
  for (const dht::ContactHandle handle : named(message, dht::contact_count(reply->contacts)))
    dht::append_wire(contacts, book_.at(handle));
  reply->contacts = contacts;
  reply->records.clear();
  const Bytes body = reply->encode();
  message.body = body;
  return inner_.seal(to, message, out);
}

}  // namespace weft::sim
