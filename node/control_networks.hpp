// Which networks this node is in: the API's answers.
#pragma once

#include <string>

#include "node/api/modules/networks.hpp"
#include "node/control_commands.hpp"

namespace weft::node {

class NetworksControl final : public api::Networks {
 public:
  NetworksControl(overlay::Overlay& overlay, Commands& commands)
      : overlay_(overlay), commands_(commands) {}

  // By name, by its id as text, or by the beginning of that in hex. NotFound, Conflict.
  [[nodiscard]] Result<NetworkId> named(const std::string& which) const;
  [[nodiscard]] api::NetworksResult all() const;

  void networks(api::Done<api::NetworksResult> done) override;
  void create(api::CreateNetworkRequest request, api::Done<api::NetworksResult> done) override;
  void make_default(const std::string& which, api::Done<api::NetworksResult> done) override;

 private:
  overlay::Overlay& overlay_;
  Commands& commands_;
};

}  // namespace weft::node
