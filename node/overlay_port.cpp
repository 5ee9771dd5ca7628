#include "node/overlay_port.hpp"

#include "node/io/clock.hpp"

namespace weft::node {

overlay::CommandId OverlayPort::connect_door(std::uint64_t door) {
  driver_.wake();
  return overlay_.connect_door(io::monotonic_time(), door);
}

overlay::CommandId OverlayPort::connect(const std::string& service, const std::string& node,
                                        Duration within) {
  driver_.wake();
  return overlay_.connect(io::monotonic_time(), service, node, within);
}

void OverlayPort::cancel_connect(overlay::CommandId id) {
  overlay_.cancel_connect(id);
  driver_.wake();
}

void OverlayPort::accept(const overlay::StreamKey& key) {
  overlay_.accept(io::monotonic_time(), key);
  driver_.wake();
}

void OverlayPort::refuse(const overlay::StreamKey& key, service::OpenStatus status,
                         std::string_view detail) {
  overlay_.refuse(io::monotonic_time(), key, status, detail);
  driver_.wake();
}

void OverlayPort::probed(const NetworkId& network, const std::string& service,
                         service::Health health, std::string_view detail) {
  overlay_.probed(io::monotonic_time(), service, health, detail, network);
  driver_.wake();
}

void OverlayPort::ungate(const overlay::StreamKey& key) {
  driver_.ungate(key);
  driver_.wake();
}

void OverlayPort::write(const overlay::StreamKey& key, ByteView bytes) {
  overlay_.sessions().write(io::monotonic_time(), key.session, key.stream, bytes);
  driver_.wake();
}

Result<void> OverlayPort::send_message(adapter::StreamKey key, ByteView message) {
  driver_.wake();
  return overlay_.send_message(io::monotonic_time(), {key.session, key.stream}, message);
}

std::string OverlayPort::name_of(const NetworkId& network, const NodeId& member) const {
  const overlay::Overlay::Meaning meaning(overlay_, network);
  for (const auto& view : overlay_.members())
    if (view.id == member) return view.name;
  return {};
}

std::optional<NetworkId> OverlayPort::network_of(std::uint64_t door) const {
  std::optional<NetworkId> out;
  overlay_.in_each(io::monotonic_time(), [&] {
    for (const auto& mapping : overlay_.mappings())
      if (mapping.id == door) out = overlay_.network();
  });
  return out;
}

std::optional<ServicePort::FarEnd> OverlayPort::far_end(const overlay::StreamKey& key) const {
  const auto info = overlay_.sessions().info(key.session);
  if (!info) return std::nullopt;
  return FarEnd{info->peer, info->network};
}

}  // namespace weft::node
