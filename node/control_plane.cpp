#include "node/control_plane.hpp"

#include <algorithm>
#include <memory>

#include <spdlog/spdlog.h>

#include "node/io/clock.hpp"
#include "node/local_addresses.hpp"
#include "node/version.hpp"

namespace weft::node {

namespace {

constexpr const char* kKex = "X25519+ML-KEM-768";

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

std::optional<double> milliseconds(const std::optional<Duration>& duration) {
  return duration ? std::optional(milliseconds(*duration)) : std::nullopt;
}

const char* path_of(PathId path) { return path == PathId::Udp ? "direct" : "relay"; }

template <class T>
std::unexpected<api::ApiError> refused(const Result<T>& result, std::string title,
                                       std::string fix = {}) {
  auto error = api::to_api_error(result.error(), std::move(title));
  if (error.fix.empty()) error.fix = std::move(fix);
  return std::unexpected(std::move(error));
}

const char* join_fix(Errc code) {
  switch (code) {
    case Errc::AlreadyExists:
      return "see weft members; if another node has the name, ask for an invite under a new one";
    case Errc::Conflict:
      return "ask for a new invite, or run this node with another home: weft --home DIR run";
    case Errc::Expired:
      return "ask for a new one: weft invite NAME, on a node of that network";
    case Errc::NoPath:
      return "is the inviting node running, and reachable from here over UDP?";
    case Errc::Malformed:
      return "copy the whole ticket: it starts with wt1 and is one line";
    default:
      return "ask for a new invite: weft invite NAME, on a node of that network";
  }
}

}  // namespace

ControlPlane::ControlPlane(io::EventLoop& loop, overlay::Overlay& overlay, Driver& driver,
                           Gateway& gateway)
    : loop_(loop),
      overlay_(overlay),
      driver_(driver),
      gateway_(gateway),
      started_(io::monotonic_time()),
      wait_timer_(loop, [this] { check_waits(); }) {
  gateway_.on_once_used = [this](std::uint64_t mapping) {
    track(overlay_.remove_mapping(io::monotonic_time(), mapping), [](const auto&) {});
  };
}

void ControlPlane::track(overlay::CommandId id, Finish finish) {
  commands_.emplace(id, std::move(finish));
  driver_.wake();
}

void ControlPlane::on_command_done(const overlay::CommandDone& done) {
  auto node = commands_.extract(done.id);
  if (!node.empty()) node.mapped()(done.result);
}

std::optional<overlay::PeerView> ControlPlane::peer(const NodeId& node) const {
  for (auto& view : overlay_.peers())
    if (view.id == node) return view;
  return std::nullopt;
}

std::string ControlPlane::node_label(const std::optional<NodeId>& node) const {
  if (!node) return {};
  for (const auto& member : overlay_.members())
    if (member.id == *node) return member.name;
  return short_text(*node);
}

// ---- status
// --------------------------------------------------------------------------------------

void ControlPlane::status(api::Done<api::StatusResult> done) {
  api::StatusResult out;
  const auto uptime = io::monotonic_time() - started_;
  out.node = {to_text(overlay_.id()),
              overlay_.name(),
              kVersion,
              std::chrono::duration_cast<std::chrono::seconds>(uptime).count(),
              {}};
  for (const auto& endpoint : local_endpoints(driver_.udp().bound()))
    out.node.listen.push_back(to_text(endpoint));
  out.network = {overlay_.network_name(), overlay_.network() ? to_text(*overlay_.network()) : "",
                 overlay_.role(), overlay_.members().size()};
  for (const auto& view : overlay_.peers()) {
    api::PeerInfo info{to_text(view.id), view.name, "idle", "none", "", {}, "", "", 0, 0};
    if (view.state == "dialing") info.state = "connecting";
    if (view.session) {
      info.state = "connected";
      info.path = path_of(view.session->path);
      info.endpoint = to_text(view.session->remote);
      info.rtt_ms = milliseconds(view.session->smoothed_rtt);
      info.kex = kKex;
      info.cipher = name_of(view.session->cipher);
      info.tx_bytes = view.session->tx_bytes;
      info.rx_bytes = view.session->rx_bytes;
    }
    out.peers.push_back(std::move(info));
  }
  for (const auto& exposure : overlay_.exposures()) {
    auto access = overlay_.access(exposure.name);
    if (access.allow.empty())
      out.attention.push_back("nobody may use " + exposure.name + " yet: weft allow " +
                              exposure.name + " NODE");
    out.exposed.push_back(
        {exposure.name, exposure.target.to_text(), std::string(service::name_of(exposure.protocol)),
         std::move(access.allow), std::move(access.deny), overlay_.connections(exposure.name)});
  }
  for (const auto& mapping : overlay_.mappings()) out.mappings.push_back(describe(mapping));
  for (const auto& mapping : overlay_.mappings())
    if (const auto shut = shut_doors_.find(mapping.id); shut != shut_doors_.end())
      out.attention.push_back("door " + std::to_string(mapping.id) + " to " + mapping.service +
                              " is not open, it is tried again: " + shut->second);
  for (const auto& [what, unmet] : unmet_)
    out.attention.push_back("configured but not so, it is tried again: " + what + ": " +
                            unmet.trouble);
  if (dht_ != nullptr) out.dht = dht_->stats();
  if (overlay_.role() == "none")
    out.attention.push_back("this node was removed from its network: join one with weft join");
  done(std::move(out));
}

api::MappingInfo ControlPlane::describe(const service::Mapping& mapping) const {
  const auto traffic = gateway_.traffic(mapping.id);
  return {std::to_string(mapping.id), mapping.service, node_label(mapping.node),
          to_text(mapping.listen),    "tcp",           traffic.connections,
          traffic.tx_bytes,           traffic.rx_bytes};
}

void ControlPlane::shutdown(api::Done<api::ShutdownResult> done) {
  done(api::ShutdownResult{});
  if (on_shutdown) on_shutdown();
}

bool ControlPlane::holds(const api::WaitRequest& request) const {
  using What = api::WaitRequest::What;
  if (request.what == What::Ready) return true;
  if (request.what == What::Service) {
    const auto ref = service::parse_service_ref(request.subject);
    if (!ref) return false;
    return std::ranges::any_of(overlay_.services(), [&](const overlay::ServiceView& s) {
      return s.healthy && s.name == ref->service &&
             (ref->node.empty() || s.node == ref->node || to_text(s.node_id) == ref->node);
    });
  }
  const auto node = overlay_.find_node(request.subject);
  if (!node) return false;
  const auto view = peer(*node);
  if (!view || !view->session) return false;
  return request.what != What::Direct || view->session->path == PathId::Udp;
}

void ControlPlane::wait(api::WaitRequest request, api::Done<api::WaitResult> done) {
  const Instant now = io::monotonic_time();
  waits_.push_back({request, std::move(done), now, now + request.timeout});
  check_waits();
}

void ControlPlane::check_waits() {
  if (waits_.empty()) return;
  const Instant now = io::monotonic_time();
  std::vector<Wait> ended;
  std::erase_if(waits_, [&](Wait& wait) {
    if (!holds(wait.request) && wait.deadline > now) return false;
    ended.push_back(std::move(wait));
    return true;
  });
  for (auto& wait : ended) {
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(now - wait.since);
    static constexpr const char* kNames[] = {"ready", "node:", "service:", "direct:", "path:"};
    const std::string condition =
        kNames[static_cast<std::size_t>(wait.request.what)] + wait.request.subject;
    if (holds(wait.request))
      wait.done(api::WaitResult{condition, waited.count()});
    else
      wait.done(api::refuse(api::Code::Timeout, condition + " did not come true",
                            "waited " + std::to_string(waited.count()) + " ms",
                            "look at weft status, or wait longer with --timeout"));
  }
  if (waits_.empty()) return;
  const auto next = std::ranges::min_element(waits_, {}, &Wait::deadline);
  wait_timer_.arm(next->deadline);
}

// ---- the network
// ---------------------------------------------------------------------------------

void ControlPlane::invite(api::InviteRequest request, api::Done<api::InviteResult> done) {
  const auto id =
      overlay_.invite(io::monotonic_time(), request.name, request.may, request.allow, request.ttl);
  track(id, [done, name = request.name](const Result<overlay::Outcome>& result) {
    if (!result)
      return done(refused(result, "no invite for " + name,
                          result.error().code == Errc::AlreadyExists
                              ? "choose another name, or remove that node: weft remove " + name
                              : ""));
    const auto& outcome = std::get<overlay::InviteOutcome>(*result);
    done(api::InviteResult{outcome.name, outcome.ticket, outcome.expires});
  });
}

void ControlPlane::join(api::JoinRequest request, api::Done<api::JoinResult> done) {
  track(overlay_.join(io::monotonic_time(), request.ticket, request.timeout),
        [this, done](const Result<overlay::Outcome>& result) {
          if (!result)
            return done(refused(result, "could not join", join_fix(result.error().code)));
          const auto& outcome = std::get<overlay::JoinOutcome>(*result);
          done(api::JoinResult{overlay_.network_name(), outcome.name, to_text(outcome.via),
                               outcome.via_name, "direct", kKex});
        });
}

void ControlPlane::remove(api::RemoveRequest request, api::Done<api::RemoveResult> done) {
  const auto node = overlay_.find_node(request.node);
  api::RemoveResult removed{node ? to_text(*node) : "", node ? node_label(*node) : request.node};
  track(overlay_.remove_node(io::monotonic_time(), request.node),
        [done, removed](const Result<overlay::Outcome>& result) {
          if (!result)
            return done(refused(result, "could not remove " + removed.name, "see weft members"));
          done(removed);
        });
}

void ControlPlane::members(api::Done<api::MembersResult> done) {
  api::MembersResult out;
  for (const auto& member : overlay_.members()) {
    api::MemberInfo info;
    info.id = to_text(member.id);
    info.name = member.name;
    info.self = member.state == "self";
    // The roster says who belongs; until gossip tells more, a session is the sign of life.
    info.state = member.state == "away" ? "dead" : "alive";
    info.rtt_ms = milliseconds(member.rtt);
    info.since = member.since;
    out.members.push_back(std::move(info));
  }
  done(std::move(out));
}

void ControlPlane::group(api::GroupRequest request, api::Done<api::GroupResult> done) {
  const auto answer = [this](const std::string& only) {
    api::GroupResult out;
    for (auto& [name, nodes] : overlay_.groups())
      if (only.empty() || only == name) out.groups.push_back({name, nodes});
    if (!only.empty() && out.groups.empty()) out.groups.push_back({only, {}});
    return out;
  };
  if (request.action == api::GroupRequest::Action::List) return done(answer(request.group));
  const bool add = request.action == api::GroupRequest::Action::Add;
  track(overlay_.group_change(io::monotonic_time(), request.group, request.node, add),
        [done, answer, request](const Result<overlay::Outcome>& result) {
          if (!result)
            return done(
                refused(result, "could not change group " + request.group, "see weft members"));
          done(answer(request.group));
        });
}

// ---- services
// ------------------------------------------------------------------------------------

void ControlPlane::expose(api::ExposeRequest request, api::Done<api::ExposeResult> done) {
  const auto target = service::Target::from_text(request.target);
  const auto protocol = service::protocol_from_text(request.protocol);
  if (!target) return done(refused(target, "\"" + request.target + "\" is no target"));
  if (!protocol || *protocol != service::Protocol::Tcp)
    return done(api::refuse(api::Code::Usage, "only tcp can be exposed now",
                            "\"" + request.protocol + "\" was asked for", "use --protocol tcp"));
  const service::Exposure exposure{request.name, *protocol, *target};
  track(overlay_.expose(io::monotonic_time(), exposure, request.allow),
        [this, done, request, exposure](const Result<overlay::Outcome>& result) {
          if (!result)
            return done(refused(result, "could not expose " + request.name,
                                result.error().code == Errc::AlreadyExists
                                    ? "choose another with --name, or weft unexpose " + request.name
                                    : ""));
          done(api::ExposeResult{request.name, exposure.target.to_text(), request.protocol,
                                 overlay_.access(request.name).allow});
        });
}

void ControlPlane::unexpose(api::UnexposeRequest request, api::Done<api::AccessResult> done) {
  const auto before = overlay_.connections(request.name);
  track(overlay_.unexpose(io::monotonic_time(), request.name),
        [done, request, before](const Result<overlay::Outcome>& result) {
          if (!result)
            return done(refused(result, "could not unexpose " + request.name, "see weft status"));
          done(api::AccessResult{request.name, {}, {}, before});
        });
}

void ControlPlane::allow(api::AccessRequest request, api::Done<api::AccessResult> done) {
  change_access(request, true, std::move(done));
}
void ControlPlane::deny(api::AccessRequest request, api::Done<api::AccessResult> done) {
  change_access(request, false, std::move(done));
}

void ControlPlane::change_access(const api::AccessRequest& request, bool allow,
                                 api::Done<api::AccessResult> done) {
  const auto before = overlay_.connections(request.service);
  track(overlay_.set_access(io::monotonic_time(), request.service, request.who, allow),
        [this, done = std::move(done), request, before](const Result<overlay::Outcome>& result) {
          if (!result)
            return done(refused(result, "could not change who may use " + request.service,
                                "see weft status and weft members"));
          auto access = overlay_.access(request.service);
          const auto after = overlay_.connections(request.service);
          done(api::AccessResult{request.service, std::move(access.allow), std::move(access.deny),
                                 before > after ? before - after : 0});
        });
}

void ControlPlane::services(api::Done<api::ServicesResult> done) {
  api::ServicesResult out;
  for (const auto& service : overlay_.services())
    out.services.push_back({service.name, service.node, service.protocol, service.healthy,
                            service.healthy ? "direct" : "none", milliseconds(service.rtt)});
  done(std::move(out));
}

// ---- doors
// ---------------------------------------------------------------------------------------

Endpoint ControlPlane::first_listen(const api::OpenRequest& request) const {
  if (request.listen) return *request.listen;
  std::uint16_t port = 0;
  for (const auto& service : overlay_.services())
    if (service.name == request.service && (request.node.empty() || service.node == request.node ||
                                            to_text(service.node_id) == request.node))
      port = service.port;
  return Endpoint::v4(0x7f000001, port);
}

void ControlPlane::fill_path(const std::string& service, const std::optional<NodeId>& node,
                             api::OpenResult& result) const {
  result.path = "none";
  for (const auto& view : overlay_.services()) {
    if (view.name != service || (node && view.node_id != *node) || !view.healthy) continue;
    result.path = "direct";
    result.rtt_ms = milliseconds(view.rtt);
    if (result.node.empty()) result.node = view.node;
  }
}

void ControlPlane::make_mapping(service::Mapping mapping, adapter::IfTaken taken,
                                api::Done<api::OpenResult> done) {
  auto bound = gateway_.bind(mapping.listen, taken);
  if (!bound)
    return done(refused(bound, "could not listen on " + to_text(mapping.listen),
                        "choose another address with --listen, or leave it away"));
  mapping.listen = bound->listener->local();
  auto door = std::make_shared<Gateway::BoundDoor>(std::move(*bound));
  track(overlay_.add_mapping(io::monotonic_time(), mapping),
        [this, done = std::move(done), door](const Result<overlay::Outcome>& result) {
          if (!result) return done(refused(result, "could not keep the door"));
          const auto& kept = std::get<overlay::MappingOutcome>(*result).mapping;
          gateway_.install(std::move(*door), kept);
          api::OpenResult out{std::to_string(kept.id), kept.service, node_label(kept.node),
                              to_text(kept.listen),    "none",       {}};
          fill_path(kept.service, kept.node, out);
          done(std::move(out));
        });
}

// A door to this node's own service would only repeat its target's address.
std::unexpected<api::ApiError> ControlPlane::open_own(const api::OpenRequest& request) const {
  for (const auto& own : overlay_.exposures()) {
    if (own.name != request.service) continue;
    return api::refuse(api::Code::Usage, "\"" + own.name + "\" is a service of this very node",
                       "doors lead to services of other nodes",
                       "here it is at " + own.target.to_text() + "; on another node: weft open " +
                           own.name + "@" + overlay_.name());
  }
  return api::refuse(api::Code::NotFound,
                     "this node exposes no service \"" + request.service + "\"", "",
                     "see weft status, and weft services for those of other nodes");
}

void ControlPlane::open(api::OpenRequest request, api::Done<api::OpenResult> done) {
  service::Mapping mapping;
  mapping.service = request.service;
  mapping.listen = first_listen(request);
  mapping.once = request.once;
  if (!request.node.empty()) {
    const auto node = overlay_.find_node(request.node);
    if (!node) return done(refused(node, "no node named " + request.node, "see weft members"));
    mapping.node = *node;
    if (*node == overlay_.id()) return done(open_own(request));
    const auto view = peer(*node);
    const auto all = overlay_.services();
    const bool offered = std::ranges::any_of(all, [&](const overlay::ServiceView& s) {
      return s.node_id == *node && s.name == request.service;
    });
    if (view && view->session && !offered)
      return done(api::refuse(
          api::Code::Denied, request.node + " offers you no service \"" + request.service + "\"",
          "it is not exposed there, or this node is not allowed to use it",
          "on " + request.node + ": weft allow " + request.service + " " + overlay_.name()));
  } else if (std::ranges::none_of(overlay_.services(), [&](const overlay::ServiceView& s) {
               return s.name == request.service;
             })) {
    for (const auto& own : overlay_.exposures())
      if (own.name == request.service) return done(open_own(request));
    return done(api::refuse(
        api::Code::NotFound, "no service \"" + request.service + "\" here",
        "no node that can be reached now offers it to this one",
        "see weft services; for a node that is away: weft open " + request.service + "@NODE"));
  }
  make_mapping(std::move(mapping),
               request.listen ? adapter::IfTaken::Fail : adapter::IfTaken::NextFree,
               std::move(done));
}

void ControlPlane::mappings(api::Done<api::MappingsResult> done) {
  api::MappingsResult out;
  for (const auto& mapping : overlay_.mappings()) out.mappings.push_back(describe(mapping));
  done(std::move(out));
}

void ControlPlane::close(api::CloseRequest request, api::Done<api::CloseResult> done) {
  std::vector<service::Mapping> found;
  const auto ref = service::parse_service_ref(request.mapping);
  for (const auto& mapping : overlay_.mappings()) {
    const bool by_id = std::to_string(mapping.id) == request.mapping;
    const bool by_name = ref && ref->service == mapping.service &&
                         (ref->node.empty() || node_label(mapping.node) == ref->node);
    if (by_id) found = {mapping};
    if (by_id) break;
    if (by_name) found.push_back(mapping);
  }
  if (found.empty())
    return done(api::refuse(api::Code::NotFound, "no door \"" + request.mapping + "\"", "",
                            "see weft mappings"));
  if (found.size() > 1)
    return done(api::refuse(api::Code::Usage, request.mapping + " names several doors", "",
                            "close one by its number: weft mappings"));
  const auto mapping = found.front();
  track(overlay_.remove_mapping(io::monotonic_time(), mapping.id),
        [this, done, mapping](const Result<overlay::Outcome>& result) {
          gateway_.close_door(mapping.id);
          if (!result) return done(refused(result, "the door is closed now but not for good"));
          done(api::CloseResult{std::to_string(mapping.id), mapping.service,
                                node_label(mapping.node), to_text(mapping.listen)});
        });
}

void ControlPlane::open_kept(const service::Mapping& mapping) {
  auto bound = gateway_.bind(mapping.listen, adapter::IfTaken::Fail);
  if (bound) {
    gateway_.install(std::move(*bound), mapping);
    shut_doors_.erase(mapping.id);
  } else if (shut_doors_.insert_or_assign(mapping.id, bound.error().detail).second) {
    spdlog::error("event=door_failed service={} listen={} err=\"{}\"", mapping.service,
                  to_text(mapping.listen), bound.error().detail);
  }
}

void ControlPlane::restore_doors() {
  for (const auto& mapping : overlay_.mappings()) open_kept(mapping);
}

void ControlPlane::retry() {
  const auto mappings = overlay_.mappings();
  std::erase_if(shut_doors_, [&](const auto& shut) {
    return std::ranges::find(mappings, shut.first, &service::Mapping::id) == mappings.end();
  });
  for (const auto& mapping : mappings)
    if (shut_doors_.contains(mapping.id)) open_kept(mapping);
  std::vector<std::function<void()>> again;
  for (const auto& [what, unmet] : unmet_) again.push_back(unmet.again);
  for (const auto& attempt : again) attempt();
}

void ControlPlane::met_or_not(const std::string& what, const std::string& service,
                              const api::ApiError* error, std::function<void()> again) {
  const auto key = what + " " + service;
  if (error == nullptr) {
    unmet_.erase(key);
    return;
  }
  const auto trouble = error->title + (error->detail.empty() ? "" : ": " + error->detail);
  auto& unmet = unmet_[key];
  if (unmet.trouble != trouble)
    spdlog::error("event=config_{}_failed service={} err=\"{}\"", what, service, trouble);
  unmet = {trouble, std::move(again)};
}

void ControlPlane::apply_expose(const std::string& name, const std::string& target,
                                const std::vector<std::string>& allow) {
  api::ExposeRequest request;
  request.name = name;
  request.target = target;
  request.allow = allow;
  expose(std::move(request), [=, this](const api::ApiResult<api::ExposeResult>& result) {
    met_or_not("expose", name, result ? nullptr : &result.error(),
               [=, this] { apply_expose(name, target, allow); });
  });
}

bool ControlPlane::has_door_to(const std::string& service, const std::string& node,
                               const std::optional<Endpoint>& listen) const {
  const auto id = overlay_.find_node(node);
  return std::ranges::any_of(overlay_.mappings(), [&](const service::Mapping& mapping) {
    return mapping.service == service && (!listen || *listen == mapping.listen) &&
           (node.empty() || (id && mapping.node == *id));
  });
}

void ControlPlane::apply_open(const std::string& service, const std::string& node,
                              const std::optional<Endpoint>& listen) {
  api::OpenRequest request;
  request.service = service;
  request.node = node;
  request.listen = listen;
  const auto what = service + (node.empty() ? "" : "@" + node) +
                    (listen ? " at " + to_text(*listen) : std::string());
  const auto note = [=, this](const api::ApiError* error) {
    met_or_not("open", what, error, [=, this] { apply_open(service, node, listen); });
  };
  if (has_door_to(service, node, listen)) return note(nullptr);
  open(std::move(request), [note](const api::ApiResult<api::OpenResult>& result) {
    note(result ? nullptr : &result.error());
  });
}

// ---- probes
// --------------------------------------------------------------------------------------

void ControlPlane::pipe(api::PipeRequest request, api::Done<api::PipeResult> done) {
  gateway_.open_pipe(
      request.service, request.node, request.timeout,
      [this, done, request](const Result<overlay::StreamKey>& result) {
        if (!result)
          return done(refused(result, "no pipe to " + request.service, "see weft services"));
        api::PipeResult out;
        out.node = request.node;
        out.path = "direct";
        out.adopt = [this, key = *result](int fd, const Bytes& early) {
          gateway_.adopt(key, io::UniqueFd(fd), early);
        };
        done(std::move(out));
      });
}

void ControlPlane::ping(api::PingRequest request, api::Done<api::PingResult> done) {
  const auto node = overlay_.find_node(request.node);
  track(overlay_.ping(io::monotonic_time(), request.node, request.timeout),
        [this, done, request, node](const Result<overlay::Outcome>& result) {
          if (!result)
            return done(refused(
                result, "no answer from " + request.node,
                result.error().code == Errc::NotFound ? "see weft members" : "see weft status"));
          const auto& outcome = std::get<overlay::PingOutcome>(*result);
          const bool self = node && *node == overlay_.id();
          done(api::PingResult{request.node, node ? to_text(*node) : "", request.seq,
                               milliseconds(outcome.rtt), self ? "local" : path_of(outcome.path)});
        });
}

}  // namespace weft::node
