// The daemon's side of the management API: turns requests into commands of the overlay and doors of
// the gateway, and answers when they are done. Waits are looked at again whenever the overlay
// moved.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "node/api/host.hpp"
#include "node/api/modules/backup.hpp"
#include "node/api/modules/dht.hpp"
#include "node/api/modules/doors.hpp"
#include "node/api/modules/exposed.hpp"
#include "node/api/modules/groups.hpp"
#include "node/api/modules/invites.hpp"
#include "node/api/modules/joining.hpp"
#include "node/api/modules/lifecycle.hpp"
#include "node/api/modules/members.hpp"
#include "node/api/modules/ping.hpp"
#include "node/api/modules/pipe.hpp"
#include "node/api/modules/roster.hpp"
#include "node/api/modules/services.hpp"
#include "node/api/modules/status.hpp"
#include "node/api/modules/wait.hpp"
#include "node/dht_host.hpp"
#include "node/driver.hpp"
#include "node/gateway.hpp"

namespace weft::node {

class ControlPlane final : public api::AuditLog,
                           public api::Lifecycle,
                           public api::Status,
                           public api::Waiting,
                           public api::Invites,
                           public api::Joining,
                           public api::Members,
                           public api::RosterExport,
                           public api::Groups,
                           public api::Exposed,
                           public api::Services,
                           public api::Doors,
                           public api::Pipes,
                           public api::Pings,
                           public api::DhtQuestions,
                           public api::Backups {
 public:
  ControlPlane(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver, Gateway& gateway);

  // What the API may ask, which is all of this.
  [[nodiscard]] api::Host host() {
    api::Host host;
    host.offer<api::AuditLog, api::Lifecycle, api::Status, api::Waiting, api::Invites, api::Joining,
               api::Members, api::RosterExport, api::Groups, api::Exposed, api::Services,
               api::Doors, api::Pipes, api::Pings, api::DhtQuestions, api::Backups>(*this);
    return host;
  }

  std::function<void()> on_shutdown;
  std::string log_place;  // for status
  // What the machine does not give this node, in sentences for status.
  std::function<std::vector<std::string>()> machine_troubles;
  std::function<void()> on_left;  // this home begins anew, as another node
  std::function<void(const std::string& file, api::Done<api::BackupResult>)> on_backup;

  // Doors that were there before a restart.
  void restore_doors();
  // Tries again what restore_doors() and the two below could not do: a port that was taken, an
  // address that comes later, a node that joins later. Until then `weft status` names it.
  void retry();
  // Configured doors and exposures. Of a service that it names the configuration has the last word
  // on the target; its `allow` is added to the rules there are, and what was denied stays so.
  void apply_expose(const std::string& name, const std::string& target,
                    const std::vector<std::string>& allow);
  // The configuration is read anew: what it wanted before counts no more.
  void forget_wishes() { unmet_.clear(); }
  void apply_open(const std::string& service, const std::string& node,
                  const std::optional<Endpoint>& listen);

  void on_command_done(const overlay::CommandDone& done);
  void on_drained() {
    check_waits();
    retry_ripe();
  }

  [[nodiscard]] bool ready() const override { return true; }
  void audit(const std::string& line) override;
  void status(api::Done<api::StatusResult> done) override;
  void wait(api::WaitRequest request, api::Done<api::WaitResult> done) override;
  void shutdown(api::Done<api::ShutdownResult> done) override;
  void backup(api::BackupRequest request, api::Done<api::BackupResult> done) override;
  void invite(api::InviteRequest request, api::Done<api::InviteResult> done) override;
  void invites(api::Done<api::InvitesResult> done) override;
  void cancel_invite(api::CancelRequest request, api::Done<api::CancelResult> done) override;
  void join(api::JoinRequest request, api::Done<api::JoinResult> done) override;
  void leave(api::LeaveRequest request, api::Done<api::LeaveResult> done) override;
  void remove(api::RemoveRequest request, api::Done<api::RemoveResult> done) override;
  void member(api::MemberRequest request, api::Done<api::MemberResult> done) override;
  void members(api::Done<api::MembersResult> done) override;
  void roster(api::Done<api::RosterResult> done) override;
  void group(api::GroupRequest request, api::Done<api::GroupResult> done) override;
  void expose(api::ExposeRequest request, api::Done<api::ExposeResult> done) override;
  void unexpose(api::UnexposeRequest request, api::Done<api::AccessResult> done) override;
  void allow(api::AccessRequest request, api::Done<api::AccessResult> done) override;
  void deny(api::AccessRequest request, api::Done<api::AccessResult> done) override;
  void reset(api::AccessRequest request, api::Done<api::AccessResult> done) override;
  void services(api::Done<api::ServicesResult> done) override;
  void open(api::OpenRequest request, api::Done<api::OpenResult> done) override;
  void mappings(api::Done<api::MappingsResult> done) override;
  void close(api::CloseRequest request, api::Done<api::CloseResult> done) override;
  void pipe(api::PipeRequest request, api::Done<api::PipeResult> done) override;
  void ping(api::PingRequest request, api::Done<api::PingResult> done) override;
  void dht(api::DhtRequest request, api::Done<api::DhtResult> done) override;
  void dht_stats(api::Done<api::DhtStats> done) override;
  void set_dht(DhtHost& dht) { dht_ = &dht; }

 private:
  [[nodiscard]] std::string unreachable() const;  // why, if no other machine can call this one
  using Finish = std::function<void(const Result<overlay::Outcome>&)>;
  struct Wait {
    api::WaitRequest request;
    api::Done<api::WaitResult> done;
    Instant since;
    Instant deadline;
  };

  // Something the configuration wants and does not have.
  struct Unmet {
    std::string trouble;
    std::function<void()> again;
    std::function<bool()> ripe;  // if there: tried again as soon as it says so
  };

  void retry_ripe();
  static std::string unmet_key(const std::string& what, const std::string& service) {
    return what + " " + service;
  }
  void met_or_not(const std::string& what, const std::string& service, const api::ApiError* error,
                  std::function<void()> again);
  void expose_as(overlay::Wish wish, const api::ExposeRequest& request,
                 const api::Done<api::ExposeResult>& done);
  void open_kept(const service::Mapping& mapping);
  [[nodiscard]] bool has_door_to(const std::string& service, const std::string& node,
                                 const std::optional<Endpoint>& listen) const;
  void track(overlay::CommandId id, Finish finish);
  [[nodiscard]] std::string ask_admin(const std::string& command) const;
  void note_roles(std::vector<std::string>& attention) const;
  enum class Change { Allow, Deny, Reset };
  void change_access(const api::AccessRequest& request, Change change,
                     const api::Done<api::AccessResult>& done);
  void answer_exposed(const std::string& service);  // its target was tried
  void exposed_status(api::StatusResult& out) const;
  void doors_attention(api::StatusResult& out) const;
  void gso_status(api::StatusResult& out) const;
  // What would let this node in, by the rule that refused it.
  [[nodiscard]] std::string fix_for(const Gateway::Refusal& refusal, const std::string& service,
                                    const std::string& node) const;
  [[nodiscard]] std::optional<service::Mapping> open_door(const service::Mapping& wanted,
                                                          bool same_listen) const;
  [[nodiscard]] api::OpenResult describe_open(const service::Mapping& mapping, bool existing) const;
  // The node refuses, or so it seems: asked, it tells why.
  void ask_why(const service::Mapping& mapping, const api::OpenRequest& request,
               const api::Done<api::OpenResult>& done);
  [[nodiscard]] bool holds(const api::WaitRequest& request) const;
  void check_waits();
  [[nodiscard]] std::string crowd_text(const ConnectionShares::Crowd& crowd) const;
  [[nodiscard]] api::MappingInfo describe(const service::Mapping& mapping) const;
  [[nodiscard]] std::string node_label(const std::optional<NodeId>& node) const;
  [[nodiscard]] std::optional<overlay::PeerView> peer(const NodeId& node) const;
  void fill_path(const std::string& service, const std::optional<NodeId>& node,
                 api::OpenResult& result) const;
  [[nodiscard]] Endpoint first_listen(const api::OpenRequest& request, const NodeId& node) const;
  [[nodiscard]] std::unexpected<api::ApiError> open_own(const api::OpenRequest& request) const;
  [[nodiscard]] bool offered(const std::string& service, const std::string& node) const;
  // Calls `then` when `node` (empty: every peer) was heard, or did not answer in time.
  void after_news(const std::string& node, const std::function<void()>& then);
  void hear(const NodeId& node, bool again, const std::function<void()>& then);
  void open_known(const api::OpenRequest& request, api::Done<api::OpenResult> done);
  void pipe_known(const api::PipeRequest& request, const api::Done<api::PipeResult>& done);
  // A mapping made and its door bound, or neither.
  void make_mapping(service::Mapping mapping, adapter::IfTaken taken,
                    api::Done<api::OpenResult> done);

  io::EventLoop& loop_;
  overlay::Overlay& overlay_;
  Driver& driver_;
  Gateway& gateway_;
  Instant started_;
  DhtHost* dht_ = nullptr;
  std::map<overlay::CommandId, Finish> commands_;
  overlay::Refusal refusal_ = overlay::Refusal::None;  // of the command being answered
  std::vector<Wait> waits_;
  std::map<std::uint64_t, std::string> shut_doors_;  // mappings that have no listener, and why
  std::map<std::string, Unmet> unmet_;
  std::multimap<std::string, std::function<void()>> exposed_;  // answered once the target was tried
  Instant next_ripe_{};
  io::Timer wait_timer_;
};

}  // namespace weft::node
