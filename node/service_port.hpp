// What the gateway asks of the overlay: streams to services of others, answers to callers of ours.
// Over the overlay: overlay_port.hpp; tests have their own. Calls that change something are sent at
// the end of the loop's turn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "node/adapter/message_port.hpp"
#include "node/adapter/stream_port.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

class ServicePort {
 public:
  ServicePort() = default;
  ServicePort(const ServicePort&) = delete;
  ServicePort& operator=(const ServicePort&) = delete;
  virtual ~ServicePort() = default;

  // ConnectReady or ConnectFailed with this id follows, unless it is cancelled.
  virtual overlay::CommandId connect_door(std::uint64_t door) = 0;
  virtual overlay::CommandId connect(const std::string& service, const std::string& node,
                                     Duration within) = 0;
  virtual void cancel_connect(overlay::CommandId id) = 0;

  // The answer to InboundStream, and to ProbeTarget.
  virtual void accept(const overlay::StreamKey& key) = 0;
  virtual void refuse(const overlay::StreamKey& key, service::OpenStatus status,
                      std::string_view detail) = 0;
  virtual void probed(const NetworkId& network, const std::string& service, service::Health health,
                      std::string_view detail) = 0;

  // A stream that still waits for its opening to be answered shows no bytes to its flow.
  virtual void gate(const overlay::StreamKey& key) = 0;
  virtual void ungate(const overlay::StreamKey& key) = 0;
  virtual void write(const overlay::StreamKey& key, ByteView bytes) = 0;

  [[nodiscard]] virtual adapter::StreamPort& streams() = 0;
  [[nodiscard]] virtual adapter::MessagePort* messages() = 0;  // null: there are none

  // A member of a network, by its name there; empty: unknown.
  [[nodiscard]] virtual std::string name_of(const NetworkId& network,
                                            const NodeId& member) const = 0;
  // The network that a door leads into; nullopt: there is no such door.
  [[nodiscard]] virtual std::optional<NetworkId> network_of(std::uint64_t door) const = 0;
  // Who is at the other end, and in which network; nullopt once the session is gone.
  struct FarEnd {
    NodeId node;
    NetworkId network;
  };
  [[nodiscard]] virtual std::optional<FarEnd> far_end(const overlay::StreamKey& key) const = 0;
};

}  // namespace weft::node
