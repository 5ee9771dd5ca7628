// The daemon's side of the management API: one object per noun, each turning requests into commands
// of the overlay and doors of the gateway, and answering when they are done.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "node/api/host.hpp"
#include "node/api/modules/backup.hpp"
#include "node/api/modules/lifecycle.hpp"
#include "node/api/modules/metrics.hpp"
#include "node/api/route.hpp"
#include "node/broker_host.hpp"
#include "node/control_asks.hpp"
#include "node/control_commands.hpp"
#include "node/control_doctor.hpp"
#include "node/control_doors.hpp"
#include "node/control_members.hpp"
#include "node/control_networks.hpp"
#include "node/control_probes.hpp"
#include "node/control_services.hpp"
#include "node/control_shares.hpp"
#include "node/control_status.hpp"
#include "node/control_wait.hpp"
#include "node/control_wishes.hpp"
#include "node/dns_stub.hpp"
#include "node/file_sessions.hpp"
#include "node/nats_door.hpp"
#include "node/proxy.hpp"
#include "node/web.hpp"

namespace weft::node {

// The modules in node/modules: those that ask the overlay itself, without an interface between
// (docs/hacking.md).
[[nodiscard]] std::vector<std::vector<api::Route> (*)()> modules();

class ControlPlane final : public api::Hosts,
                           public api::AuditLog,
                           public api::Lifecycle,
                           public api::Backups {
 public:
  ControlPlane(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver, Gateway& gateway,
               events::Recorder& recorder);

  Commands commands;
  BrokerHost broker;
  NatsDoor nats;
  MembersControl members;
  NetworksControl networks;
  ServicesControl services;
  DoorsControl doors;
  Wishes wishes;
  StatusControl status;
  WaitControl waits;
  ProbesControl probes;
  SharesControl shares;
  AsksControl asks;
  Proxy proxy;
  Web web;
  DnsStub dns;
  FileSessions files;

  std::function<void()> on_shutdown;
  std::function<void(const std::string& file, api::Done<api::BackupResult>)> on_backup;

  // What the API may ask.
  [[nodiscard]] api::ApiResult<const api::Host*> of(const std::string& network) const override;
  [[nodiscard]] std::shared_ptr<const void> mean(const std::string& network) const override;
  [[nodiscard]] std::string name_of(const std::string& network) const override;
  void set_dht(DhtHost& dht);
  void set_doctor(DoctorControl& doctor) { host_.offer<DoctorControl>(doctor); }
  [[nodiscard]] const api::Host& host() const { return host_; }
  void set_mapped_port(MappedPort& port) {
    host_.offer<MappedPort>(port);
    status.mapped_port = &port;
  }
  void set_metrics(api::Metrics& metrics) { host_.offer<api::Metrics>(metrics); }
  // Tries again what could not be done: a port that was taken, a node that joins later.
  void retry() {
    doors.retry();
    wishes.retry();
    nats.retry();
  }

  void audit(api::Audited what) override;
  [[nodiscard]] bool ready() const override { return true; }
  void shutdown(api::Done<api::ShutdownResult> done) override;
  void backup(api::BackupRequest request, api::Done<api::BackupResult> done) override;

 private:
  // By name, or by the beginning of its id; none: the default one.
  [[nodiscard]] Result<NetworkId> named(const std::string& network) const;

  overlay::Overlay& overlay_;
  events::Recorder& recorder_;
  api::Host host_;
};

}  // namespace weft::node
