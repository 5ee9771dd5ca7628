// The answer of `weft status`, made of what each part of the control plane has to say.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "node/api/modules/status.hpp"
#include "node/control_doors.hpp"
#include "node/control_members.hpp"
#include "node/control_networks.hpp"
#include "node/control_services.hpp"
#include "node/control_wishes.hpp"
#include "node/dht_host.hpp"
#include "node/mapped_port.hpp"

namespace weft::node {

class StatusControl final : public api::Status {
 public:
  StatusControl(overlay::Overlay& overlay, Driver& driver, Gateway& gateway,
                const NetworksControl& networks, const MembersControl& members,
                const ServicesControl& services, const DoorsControl& doors, const Wishes& wishes);

  std::string log_place;
  // What the machine does not give this node, in sentences.
  std::function<std::vector<std::string>()> machine_troubles;
  const DhtHost* dht = nullptr;
  const MappedPort* mapped_port = nullptr;

  void status(api::Done<api::StatusResult> done) override;

 private:
  void peer_status(api::StatusResult& out) const;
  void network_attention(std::vector<std::string>& out) const;
  void other_networks(api::StatusResult& out) const;
  void gso_status(api::StatusResult& out) const;
  void nat_status(api::StatusResult& out) const;
  [[nodiscard]] std::string crowd_text(const ConnectionShares::Crowd& crowd) const;

  overlay::Overlay& overlay_;
  Driver& driver_;
  Gateway& gateway_;
  const NetworksControl& networks_;
  const MembersControl& members_;
  const ServicesControl& services_;
  const DoorsControl& doors_;
  const Wishes& wishes_;
  Instant started_;
};

}  // namespace weft::node
