#include "node/control_plane.hpp"

#include <utility>

#include "overlay/network.hpp"

namespace weft::node {

ControlPlane::ControlPlane(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver,
                           Gateway& gateway, events::Recorder& recorder)
    : commands(overlay, driver),
      broker(loop, overlay, driver, commands),
      nats(loop, broker),
      members(overlay, driver, gateway, commands),
      networks(overlay, commands),
      services(overlay, gateway, commands),
      doors(overlay, gateway, commands),
      wishes(loop, overlay, services, doors, recorder),
      status(overlay, driver, gateway, networks, members, services, doors, wishes),
      waits(loop, overlay, recorder),
      probes(overlay, commands),
      shares(overlay, commands),
      asks(overlay, commands),
      proxy(loop, overlay, gateway),
      web(loop, overlay, gateway),
      dns(loop, overlay, gateway),
      files(loop, gateway),
      overlay_(overlay),
      recorder_(recorder) {
  doors.wait = [this](api::WaitRequest request, api::Done<api::WaitResult> done) {
    waits.wait(std::move(request), std::move(done));
  };
  host_.offer<api::AuditLog, api::Lifecycle, api::Backups>(*this);
  host_.offer<api::Invites, api::Joining, api::Members, api::RosterExport, api::Groups>(members);
  host_.offer<api::Networks>(networks);
  host_.offer<api::Exposed, api::Services>(services);
  host_.offer<api::Doors, api::Pipes>(doors);
  host_.offer<api::Status>(status);
  host_.offer<api::Waiting>(waits);
  host_.offer<events::Recorder>(recorder);
  host_.offer<api::Pings, api::DhtQuestions>(probes);
  host_.offer<BrokerHost>(broker);
  host_.offer<NatsDoor>(nats);
  host_.offer<SharesControl>(shares);
  host_.offer<AsksControl>(asks);
  host_.offer<Proxy>(proxy);
  host_.offer<Web>(web);
  host_.offer<DnsStub>(dns);
  host_.offer<overlay::Overlay>(overlay);  // for node/modules
}

Result<NetworkId> ControlPlane::named(const std::string& network) const {
  if (network.empty()) return overlay_.network().value_or(NetworkId{});
  return networks.named(network);
}

api::ApiResult<const api::Host*> ControlPlane::of(const std::string& network) const {
  if (const auto id = named(network); !id)
    return api::refuse(id.error().code == Errc::Conflict ? api::Code::Usage : api::Code::NotFound,
                       "which network is " + network + "?", id.error().detail,
                       "see weft network list");
  return &host_;
}

std::shared_ptr<const void> ControlPlane::mean(const std::string& network) const {
  const auto id = named(network);
  if (network.empty() || !id) return {};
  return std::make_shared<const overlay::Overlay::Meaning>(overlay_, *id);
}

std::string ControlPlane::name_of(const std::string& network) const {
  const auto id = named(network);
  const auto* found = id ? overlay_.find(*id) : nullptr;
  return found == nullptr ? network : found->name();
}

void ControlPlane::set_dht(DhtHost& dht) {
  probes.host = &dht;
  status.dht = &dht;
}

void ControlPlane::audit(api::Audited what) {
  recorder_.record(events::Audit{std::move(what.action), std::move(what.path),
                                 std::move(what.asked), std::move(what.uid), std::move(what.result),
                                 std::move(what.err)});
}

void ControlPlane::shutdown(api::Done<api::ShutdownResult> done) {
  done(api::ShutdownResult{});
  if (on_shutdown) on_shutdown();
}

void ControlPlane::backup(api::BackupRequest request, api::Done<api::BackupResult> done) {
  if (on_backup) on_backup(request.file, std::move(done));
}

}  // namespace weft::node
