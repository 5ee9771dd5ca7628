// A daemon of canned answers for API tests: remembers what it was asked, refuses what the fixture
// names, answers `wait` late. Runs on the server's loop thread, like the real one.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/endpoint.hpp"
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
#include "node/api/modules/networks.hpp"
#include "node/api/modules/ping.hpp"
#include "node/api/modules/pipe.hpp"
#include "node/api/modules/roster.hpp"
#include "node/api/modules/services.hpp"
#include "node/api/modules/status.hpp"
#include "node/api/modules/wait.hpp"
#include "node/events/event.hpp"

namespace weft::api {

class FakeControl final : public Hosts,
                          public AuditLog,
                          public Lifecycle,
                          public Status,
                          public Waiting,
                          public Invites,
                          public Joining,
                          public Networks,
                          public Members,
                          public RosterExport,
                          public Groups,
                          public Exposed,
                          public Services,
                          public Doors,
                          public Pipes,
                          public Pings,
                          public DhtQuestions,
                          public Backups {
 public:
  FakeControl() {
    host_
        .offer<AuditLog, Lifecycle, Status, Waiting, Invites, Joining, Networks, Members,
               RosterExport, Groups, Exposed, Services, Doors, Pipes, Pings, DhtQuestions, Backups>(
            *this);
  }
  [[nodiscard]] ApiResult<const Host*> of(const std::string& network) const override {
    if (network.empty() || network == "home" || network == "wn1example") return &host_;
    return refuse(Code::NotFound, "this node is in no network named " + network);
  }

  std::atomic<bool> is_ready{true};
  std::atomic<int> calls{0};
  ExposeRequest exposed;
  OpenRequest opened;
  InviteRequest invited;
  AccessRequest ruled;
  MemberRequest changed;
  CreateNetworkRequest created;
  std::string joined;
  std::string role = "admin";
  std::uint64_t members_count = 2;
  bool is_new = false;  // it left, and is another node now
  bool is_told = true;
  std::vector<Done<WaitResult>> waiting;  // left unanswered
  std::vector<std::shared_ptr<const bool>> wanted;
  std::atomic<int> waits{0};
  std::function<void()> on_shutdown;
  std::vector<std::string> audited;

  [[nodiscard]] bool ready() const override { return is_ready; }
  void audit(Audited what) override {
    audited.push_back(events::log_line(
        events::Audit{what.action, what.path, what.asked, what.uid, what.result, what.err}));
  }

  void status(Done<StatusResult> done) override {
    ++calls;
    StatusResult r;
    r.node = {is_new ? "wf1another" : "wf1example", "oak", "0.1.0", 93784, {"127.0.0.1:41820"}, {}};
    r.node.bound = {"0.0.0.0:41820"};
    r.network = {"home", "wn1example", role, members_count};
    PeerInfo peer;
    peer.id = "wf1peer";
    peer.name = "laptop";
    peer.state = "connected";
    peer.path = "direct";
    peer.endpoint = "192.0.2.1:7";
    peer.rtt_ms = 11.25;
    peer.kex = "X25519+ML-KEM-768";
    peer.tx_bytes = 1'234'567;
    r.peers.push_back(std::move(peer));
    r.exposed.push_back({"blog", "127.0.0.1:3000", "tcp", {"laptop"}, {"phone"}, 1, {"laptop"}});
    r.mappings.push_back({"1", "wiki", "laptop", "0.0.0.0:80", "tcp", 0, 0, 0, "network", "away"});
    r.attention = {"wiki: 127.0.0.1:80 refused laptop"};
    if (role == "none") r.attention = {"this node was removed from home: weft leave"};
    done(std::move(r));
  }
  void wait(WaitRequest request, Done<WaitResult> done) override {
    ++calls;
    if (request.what == WaitRequest::What::Ready) return done(WaitResult{"ready", 1});
    waiting.push_back(std::move(done));
    wanted.push_back(std::move(request.wanted));
    ++waits;
  }
  void dht(DhtRequest request, Done<DhtResult> done) override {
    if (request.key != "oak" && request.value != "oak")
      return done(refuse(Code::Failed, "this node runs no DHT"));
    DhtResult r;
    r.key = "00ff";
    r.value = "value";
    r.nodes = {{"wf1peer", "192.0.2.1:7"}};
    r.endpoints = {"192.0.2.1:7"};
    r.providers = {"oak"};
    done(std::move(r));
  }
  void dht_stats(Done<DhtStats> done) override { done(DhtStats{}); }
  void backup(BackupRequest request, Done<BackupResult> done) override {
    ++calls;
    done(BackupResult{request.file});
  }
  void shutdown(Done<ShutdownResult> done) override {
    ++calls;
    done(ShutdownResult{});
    if (on_shutdown) on_shutdown();
  }
  void invite(InviteRequest request, Done<InviteResult> done) override {
    ++calls;
    invited = request;
    done(InviteResult{request.name, "wt1ticket", 1'767'225'600});
  }
  void invites(Done<InvitesResult> done) override {
    ++calls;
    InvitesResult r;
    r.invites.push_back({"0123456789abcdef0123456789abcdef", "tv", 1'767'225'600, {"expose"}, {}});
    done(std::move(r));
  }
  void cancel_invite(CancelRequest request, Done<CancelResult> done) override {
    ++calls;
    if (request.who != "tv" && request.who != "01234567")
      return done(refuse(Code::NotFound, "no ticket was taken back"));
    done(CancelResult{"tv"});
  }
  void leave(LeaveRequest, Done<LeaveResult> done) override {
    ++calls;
    is_new = true;
    done(LeaveResult{"home", "wf1example", is_told, {"laptop"}});
  }
  void member(MemberRequest request, Done<MemberResult> done) override {
    ++calls;
    changed = request;
    if (request.node != "laptop")
      return done(refuse(Code::NotFound, "could not change " + request.node));
    const bool rename = request.action == MemberRequest::Action::Rename;
    done(MemberResult{"wf1peer", rename ? request.name : "laptop", "member", {"expose"}});
  }
  void join(JoinRequest request, Done<JoinResult> done) override {
    ++calls;
    joined = request.ticket;
    if (!request.ticket.contains("wt1ticket"))
      return done(refuse(Code::Denied, "this ticket is not valid", "used or expired",
                         "ask for a new one: weft invite NAME"));
    done(JoinResult{"home", "laptop", "wf1example", "oak", "direct", "X25519+ML-KEM-768"});
  }
  void networks(Done<NetworksResult> done) override {
    ++calls;
    done(NetworksResult{{{"home", "wn1example", role, "oak", members_count, 1, true}}});
  }
  void create(CreateNetworkRequest request, Done<NetworksResult> done) override {
    ++calls;
    created = request;
    done(NetworksResult{{{"home", "wn1example", role, "oak", members_count, 1, true},
                         {request.name, "wn1made", "admin", "oak", 1, 0, false}}});
  }
  void make_default(const std::string& which, Done<NetworksResult> done) override {
    ++calls;
    if (which != "home") return done(refuse(Code::NotFound, "no network named " + which));
    networks(std::move(done));
  }
  void remove(RemoveRequest request, Done<RemoveResult> done) override {
    ++calls;
    if (request.node != "laptop")
      return done(refuse(Code::NotFound, "no node named " + request.node));
    done(RemoveResult{"wf1peer", "laptop"});
  }
  void members(Done<MembersResult> done) override {
    ++calls;
    MembersResult r;
    r.members.push_back({"wf1example",
                         "oak",
                         "alive",
                         true,
                         3,
                         std::nullopt,
                         1'767'225'600,
                         true,
                         1'767'225'000,
                         "admin",
                         {"expose", "relay", "admin"}});
    r.members.push_back(
        {"wf1peer", "laptop", "suspect", false, 1, 11.25, 1'767'225'600, false, 0, "member", {}});
    r.partial = true;
    done(std::move(r));
  }
  void roster(Done<RosterResult> done) override {
    ++calls;
    done(RosterResult{R"({"schema":"weft.roster/1","network":"00","entries":[],"verdict":{}})"});
  }
  void group(GroupRequest request, Done<GroupResult> done) override {
    ++calls;
    GroupInfo group{request.group.empty() ? "friends" : request.group, {}};
    if (request.action == GroupRequest::Action::Add) group.members.push_back(request.node);
    done(GroupResult{{group}});
  }
  void expose(ExposeRequest request, Done<ExposeResult> done) override {
    ++calls;
    exposed = request;
    done(ExposeResult{request.name, request.target, request.protocol, request.allow});
  }
  void unexpose(UnexposeRequest request, Done<AccessResult> done) override {
    ++calls;
    done(AccessResult{request.name, {}, {}, 2});
  }
  void allow(AccessRequest request, Done<AccessResult> done) override {
    ++calls;
    ruled = request;
    done(AccessResult{request.service, request.who, {}, 0});
  }
  void deny(AccessRequest request, Done<AccessResult> done) override {
    ++calls;
    ruled = request;
    done(AccessResult{request.service, {}, request.who, 1});
  }
  void reset(AccessRequest request, Done<AccessResult> done) override {
    ++calls;
    ruled = request;
    done(AccessResult{request.service, {}, {}, 0});
  }
  void services(Done<ServicesResult> done) override {
    ++calls;
    done(ServicesResult{{{"blog", "oak", "tcp", true, "direct", 11.25}}, false});
  }
  void open(OpenRequest request, Done<OpenResult> done) override {
    ++calls;
    opened = request;
    if (request.service == "secret")
      return done(refuse(Code::Denied, "secret@oak does not let this node in", "",
                         "on oak: weft allow secret laptop"));
    const Endpoint listen = request.listen.value_or(Endpoint::v4(0x7f000001, 3000));
    done(OpenResult{"m1", request.service, "oak", to_text(listen), "direct", 11.25, false,
                    listen.is_loopback() ? "machine" : "network"});
  }
  void mappings(Done<MappingsResult> done) override {
    ++calls;
    done(MappingsResult{{{"m1", "blog", "oak", "127.0.0.1:3000", "tcp", 1, 10, 20}}});
  }
  void close(CloseRequest request, Done<CloseResult> done) override {
    ++calls;
    if (request.mapping == "nope") return done(refuse(Code::NotFound, "no door named nope"));
    done(CloseResult{request.mapping, "blog", "oak", "127.0.0.1:3000"});
  }
  // The service behind `echo` says back what it is told, once, when it has heard all; then it
  // closes.
  void pipe(PipeRequest request, Done<PipeResult> done) override {
    ++calls;
    if (request.service != "echo")
      return done(refuse(Code::NotFound, "no service named " + request.service));
    done(PipeResult{"oak", "direct", [this](int fd, Bytes early) { echo(fd, std::move(early)); }});
  }
  void ping(PingRequest request, Done<PingResult> done) override {
    ++calls;
    if (request.node == "mortal" && request.seq > 1)
      return done(refuse(Code::Failed, "weft is going down"));
    if (request.node == "far") return done(refuse(Code::NoPath, "no path to far"));
    done(PingResult{request.node, "wf1peer", request.seq, 11.25, "direct"});
  }

  std::atomic<int> pipes_dropped{0};

 private:
  Host host_;
  // Blocking on purpose: the fake owns the loop's thread while a test pipes.
  void echo(int fd, Bytes early) {
    if (fd < 0) {
      ++pipes_dropped;
      return;
    }
    timeval limit{10, 0};
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    Bytes all = std::move(early);
    std::array<std::uint8_t, 4096> chunk{};
    for (ssize_t n = 0; (n = ::read(fd, chunk.data(), chunk.size())) > 0;)
      append(all, {chunk.data(), static_cast<std::size_t>(n)});
    for (std::size_t sent = 0; sent < all.size();) {
      const auto n = ::send(fd, all.data() + sent, all.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    ::close(fd);
  }
};

}  // namespace weft::api
