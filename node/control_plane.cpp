#include "node/control_plane.hpp"

#include <utility>

#include <spdlog/spdlog.h>

namespace weft::node {

ControlPlane::ControlPlane(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver,
                           Gateway& gateway)
    : commands(driver),
      members(overlay, driver, commands),
      services(overlay, gateway, commands),
      doors(overlay, gateway, commands),
      wishes(overlay, services, doors),
      status(overlay, driver, gateway, members, services, doors, wishes),
      waits(loop, overlay),
      probes(overlay, commands) {}

api::Host ControlPlane::host() {
  api::Host host;
  host.offer<api::AuditLog, api::Lifecycle, api::Backups>(*this);
  host.offer<api::Invites, api::Joining, api::Members, api::RosterExport, api::Groups>(members);
  host.offer<api::Exposed, api::Services>(services);
  host.offer<api::Doors, api::Pipes>(doors);
  host.offer<api::Status>(status);
  host.offer<api::Waiting>(waits);
  host.offer<api::Pings, api::DhtQuestions>(probes);
  return host;
}

void ControlPlane::set_dht(DhtHost& dht) {
  probes.host = &dht;
  status.dht = &dht;
}

void ControlPlane::audit(const std::string& line) { spdlog::info("{}", line); }

void ControlPlane::shutdown(api::Done<api::ShutdownResult> done) {
  done(api::ShutdownResult{});
  if (on_shutdown) on_shutdown();
}

void ControlPlane::backup(api::BackupRequest request, api::Done<api::BackupResult> done) {
  if (on_backup) on_backup(request.file, std::move(done));
}

}  // namespace weft::node
