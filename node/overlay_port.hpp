// The ServicePort over an overlay and the driver that drains it. Decides nothing.
#pragma once

#include "node/driver.hpp"
#include "node/service_port.hpp"

namespace weft::node {

class OverlayPort final : public ServicePort, public adapter::MessagePort {
 public:
  // Both outlive it.
  OverlayPort(overlay::Overlay& overlay, Driver& driver) : overlay_(overlay), driver_(driver) {}

  overlay::CommandId connect_door(std::uint64_t door) override;
  overlay::CommandId connect(const std::string& service, const std::string& node,
                             Duration within) override;
  void cancel_connect(overlay::CommandId id) override;
  void accept(const overlay::StreamKey& key) override;
  void refuse(const overlay::StreamKey& key, service::OpenStatus status,
              std::string_view detail) override;
  void probed(const NetworkId& network, const std::string& service, service::Health health,
              std::string_view detail) override;
  void gate(const overlay::StreamKey& key) override { driver_.gate(key); }
  void ungate(const overlay::StreamKey& key) override;
  void write(const overlay::StreamKey& key, ByteView bytes) override;
  [[nodiscard]] adapter::StreamPort& streams() override { return driver_; }
  [[nodiscard]] adapter::MessagePort* messages() override { return this; }
  [[nodiscard]] Result<void> send_message(adapter::StreamKey key, ByteView message) override;
  [[nodiscard]] std::string name_of(const NetworkId& network, const NodeId& member) const override;
  [[nodiscard]] std::optional<NetworkId> network_of(std::uint64_t door) const override;
  [[nodiscard]] std::optional<FarEnd> far_end(const overlay::StreamKey& key) const override;

 private:
  overlay::Overlay& overlay_;
  Driver& driver_;
};

}  // namespace weft::node
