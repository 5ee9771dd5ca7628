#include "node/control_doors.hpp"

#include <algorithm>
#include <memory>

#include "node/api/json.hpp"
#include "node/control_answers.hpp"
#include "node/io/clock.hpp"
#include "overlay/streams/message.hpp"

namespace weft::node {

namespace {

// The rules let the caller pass; what failed lies behind them.
bool let_in(const Gateway::Refusal& refusal) {
  using service::OpenStatus;
  return refusal.status == OpenStatus::TargetRefused ||
         refusal.status == OpenStatus::TargetUnreachable || refusal.status == OpenStatus::Limit;
}

}  // namespace

DoorsControl::DoorsControl(overlay::Overlay& overlay, Gateway& gateway, Commands& commands)
    : overlay_(overlay), gateway_(gateway), commands_(commands) {
  gateway_.on_once_used = [this](std::uint64_t mapping) {
    commands_.track(overlay_.remove_mapping(io::monotonic_time(), mapping), [](const auto&) {});
  };
}

Endpoint DoorsControl::first_listen(const api::OpenRequest& request, const NodeId& node) const {
  if (request.listen) return *request.listen;
  std::uint16_t port = 0;
  for (const auto& service : overlay_.services())
    if (service.name == request.service && service.node_id == node) port = service.port;
  return Endpoint::v4(0x7f000001, port);
}

service::Protocol DoorsControl::door_protocol(const std::string& said, const std::string& service,
                                              const NodeId& node) const {
  auto text = said;
  for (const auto& view : overlay_.services())
    if (text.empty() && view.name == service && view.node_id == node) text = view.protocol;
  const auto protocol = service::protocol_from_text(text);
  return protocol == service::Protocol::Udp ? service::Protocol::Udp : service::Protocol::Tcp;
}

std::optional<std::size_t> DoorsControl::largest_datagram(const std::optional<NodeId>& node) const {
  const auto view = node ? peer_of(overlay_, *node) : std::nullopt;
  if (!view || !view->session || view->session->message_limit <= overlay::kMaxMessageHeader)
    return std::nullopt;
  return view->session->message_limit - overlay::kMaxMessageHeader;
}

void DoorsControl::fill_path(const std::string& service, const std::optional<NodeId>& node,
                             api::OpenResult& result) const {
  result.path = "none";
  for (const auto& view : overlay_.services()) {
    if (view.name != service || (node && view.node_id != *node) || !view.up) continue;
    const auto words = path_to(overlay_, view.node_id);
    result.path = words.path;
    result.via = words.via;
    result.rtt_ms = milliseconds(view.rtt);
    if (result.node.empty()) result.node = view.node;
  }
}

api::OpenResult DoorsControl::describe_open(const service::Mapping& mapping, bool existing) const {
  api::OpenResult out{
      std::to_string(mapping.id), mapping.service, node_label(overlay_, mapping.node),
      to_text(mapping.listen),    "none",          {}};
  fill_path(mapping.service, mapping.node, out);
  out.existing = existing;
  out.reach = reach_of(mapping.listen);
  out.protocol = service::name_of(mapping.protocol);
  if (mapping.protocol == service::Protocol::Udp)
    out.largest_datagram = largest_datagram(mapping.node);
  return out;
}

void DoorsControl::make_mapping(service::Mapping mapping, adapter::IfTaken taken,
                                api::Done<api::OpenResult> done) {
  auto bound = gateway_.bind(mapping.protocol, mapping.listen, taken);
  if (!bound && bound.error().code == Errc::NotFound)
    return done(api::refuse(api::Code::Usage, to_text(mapping.listen) + " is not of this machine",
                            bound.error().detail,
                            "listen at 127.0.0.1 for programs on it, or at one of the addresses "
                            "that `ip address` lists"));
  if (!bound)
    return done(refused(bound, "could not listen on " + to_text(mapping.listen),
                        "choose another address with --listen, or omit it"));
  mapping.listen = bound->listener->local();
  auto door = std::make_shared<Gateway::BoundDoor>(std::move(*bound));
  commands_.track(
      overlay_.add_mapping(io::monotonic_time(), mapping),
      [this, done = std::move(done), door](const Result<overlay::Outcome>& result) {
        if (!result)
          return done(refused(result, "could not keep the door",
                              result.error().code == Errc::Limit
                                  ? "close one that nobody needs: weft doors, weft close ID"
                                  : ""));
        const auto& kept = std::get<overlay::MappingOutcome>(*result).mapping;
        gateway_.install(std::move(*door), kept);
        if (!kept.listen.is_loopback())
          gateway_.record({},
                          events::DoorOpenToNetwork{kept.id, kept.service, to_text(kept.listen)});
        done(describe_open(kept, false));
      });
}

// A door to this node's own service would only repeat its target's address.
std::unexpected<api::ApiError> DoorsControl::open_own(const api::OpenRequest& request) const {
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

// Peers tell what they offer when it changes. Who exposes a service there and opens it here at once
// must not be answered from before: a ping's answer comes behind all that its peer had said.
void DoorsControl::after_news(const std::string& node, const std::function<void()>& then) {
  auto left = std::make_shared<std::size_t>(0);
  const auto one = overlay_.find_node(node);
  for (const auto& view : overlay_.peers()) {
    if (!view.session || (!node.empty() && (!one || view.id != *one))) continue;
    ++*left;
    hear(view.id, true, [left, then] {
      if (--*left == 0) then();
    });
  }
  if (*left == 0) then();
}

// A session that ends meanwhile has a successor, which begins with the news.
void DoorsControl::hear(const NodeId& node, bool again, const std::function<void()>& then) {
  const auto within = again ? std::nullopt : std::optional<Duration>(2s);
  commands_.track(overlay_.ping(io::monotonic_time(), to_text(node), within),
                  [this, node, again, then](const Result<overlay::Outcome>& result) {
                    if (again && !result && result.error().code == Errc::NoPath)
                      return hear(node, false, then);
                    then();
                  });
}

bool DoorsControl::offered(const std::string& service, const std::string& node) const {
  const auto one = overlay_.find_node(node);
  return std::ranges::any_of(overlay_.services(), [&](const overlay::ServiceView& s) {
    return s.name == service && (node.empty() || (one && s.node_id == *one));
  });
}

void DoorsControl::open(api::OpenRequest request, api::Done<api::OpenResult> done) {
  if (offered(request.service, request.node)) return open_known(request, done);
  after_news(request.node, [this, request, done] { open_known(request, done); });
}

std::optional<service::Mapping> DoorsControl::open_door(const service::Mapping& wanted,
                                                        bool same_listen) const {
  for (const auto& door : overlay_.mappings())
    if (door.service == wanted.service && door.node == wanted.node && door.any == wanted.any &&
        door.also == wanted.also && door.protocol == wanted.protocol &&
        door.direct == wanted.direct && !door.once &&
        (!same_listen || door.listen == wanted.listen))
      return door;
  return std::nullopt;
}

void DoorsControl::open_known(const api::OpenRequest& request, api::Done<api::OpenResult> done) {
  service::Mapping mapping;
  mapping.service = request.service;
  mapping.once = request.once;
  mapping.any = request.any;
  mapping.direct = request.direct;
  const auto node = overlay_.provider(request.service, request.node, request.any);
  if (!node) {
    if (!request.node.empty())
      return done(refused(node, "no node named " + request.node, "see weft members"));
    for (const auto& own : overlay_.exposures())
      if (own.name == request.service) return done(open_own(request));
    if (node.error().code == Errc::Conflict)
      return done(api::refuse(api::Code::Usage, "which " + request.service + " is meant?",
                              node.error().detail,
                              "name the node: weft open " + request.service + "@NODE"));
    return done(api::refuse(
        api::Code::NotFound, "no service \"" + request.service + "\" here",
        "no node that can be reached now offers it to this one",
        "see weft services; for a node that is away: weft open " + request.service + "@NODE"));
  }
  if (*node == overlay_.id()) return done(open_own(request));
  if (!direct_or_wait(*node, request, done)) return;
  mapping.node = *node;
  for (const auto& name : request.also) {
    const auto also = overlay_.find_node(name);
    if (!also) return done(refused(also, "no node named " + name, "see weft members"));
    if (*also != overlay_.id() && *also != *node) mapping.also.push_back(*also);
  }
  mapping.listen = first_listen(request, *node);
  mapping.protocol = door_protocol(request.protocol, request.service, *node);
  if (!request.once)
    if (const auto door = open_door(mapping, request.listen.has_value()))
      return done(describe_open(*door, true));
  const auto view = peer_of(overlay_, *node);
  if (view && view->session && !offered(request.service, to_text(*node)))
    return ask_why(mapping, request, done);
  make_mapping(std::move(mapping),
               request.listen ? adapter::IfTaken::Fail : adapter::IfTaken::NextFree,
               std::move(done));
}

bool DoorsControl::direct_or_wait(const NodeId& node, const api::OpenRequest& request,
                                  const api::Done<api::OpenResult>& done) {
  const auto view = request.direct ? peer_of(overlay_, node) : std::nullopt;
  if (!request.direct ||
      (view && view->session && path::is_direct(overlay_.paths().at(view->session->path).kind)))
    return true;
  wait({api::WaitRequest::What::Direct, to_text(node), request.timeout},
       [this, node, request, done](const api::ApiResult<api::WaitResult>& result) {
         if (result) return open_known(request, done);
         const auto name = node_label(overlay_, node);
         const auto path = path_to(overlay_, node);
         done(api::refuse(
             api::Code::NotDirect, "there is no direct way to " + name,
             path.via.empty() ? name + " is not reached now"
                              : name + " is reached through " + path.via + " only",
             "weft wait direct:" + name + " waits for one; without --require the relay is used"));
       });
  return false;
}

void DoorsControl::ask_why(const service::Mapping& mapping, const api::OpenRequest& request,
                           const api::Done<api::OpenResult>& done) {
  const auto node = node_label(overlay_, mapping.node);
  gateway_.open_pipe(
      mapping.service, to_text(*mapping.node), request.timeout,
      [this, mapping, request, done, node, there = overlay_.network()](const auto& result) {
        const overlay::Overlay::Meaning meaning(overlay_, there);
        if (result) gateway_.adopt(*result, {}, {});
        if (result || let_in(result.error())) {  // it has just not said so yet
          auto door = mapping;
          door.listen = first_listen(request, *mapping.node);
          const auto taken = request.listen ? adapter::IfTaken::Fail : adapter::IfTaken::NextFree;
          return make_mapping(std::move(door), taken, done);
        }
        auto error = api::to_api_error(result.error().error,
                                       node + " offers you no service \"" + mapping.service + "\"");
        if (result.error().status == service::OpenStatus::NotDirect)
          error.code = api::Code::NotDirect;
        error.fix = fix_for(result.error(), mapping.service, node);
        done(std::unexpected(std::move(error)));
      });
}

void DoorsControl::mappings(api::Done<api::MappingsResult> done) {
  api::MappingsResult out;
  for (const auto& mapping : overlay_.mappings()) out.mappings.push_back(describe(mapping));
  done(std::move(out));
}

void DoorsControl::close(api::CloseRequest request, api::Done<api::CloseResult> done) {
  std::vector<service::Mapping> found;
  const auto ref = service::parse_service_ref(request.mapping);
  const auto node = overlay_.find_node(ref ? ref->node : "");
  const auto named = node ? std::optional(*node) : std::nullopt;
  for (const auto& mapping : overlay_.mappings()) {
    const bool by_id = std::to_string(mapping.id) == request.mapping;
    const bool by_name = ref && ref->service == mapping.service &&
                         (ref->node.empty() || node_label(overlay_, mapping.node) == ref->node ||
                          (mapping.node && named == mapping.node));
    if (by_id) found = {mapping};
    if (by_id) break;
    if (by_name) found.push_back(mapping);
  }
  if (found.empty())
    return done(api::refuse(api::Code::NotFound, "no door \"" + request.mapping + "\"", "",
                            "see weft doors"));
  // Several doors to one service are one thing to people; doors to two nodes are not.
  const bool one = std::ranges::all_of(
      found, [&](const service::Mapping& door) { return door.node == found.front().node; });
  if (!one)
    return done(api::refuse(api::Code::Usage, request.mapping + " names doors to several nodes", "",
                            "close one by its number, or SERVICE@NODE: see weft doors"));
  const auto& first = found.front();
  auto out = std::make_shared<api::CloseResult>(
      api::CloseResult{std::to_string(first.id), first.service, node_label(overlay_, first.node),
                       to_text(first.listen)});
  const auto left = std::make_shared<std::size_t>(found.size());
  const auto trouble = std::make_shared<std::optional<Error>>();
  for (const auto& door : found) out->closed.push_back(to_text(door.listen));
  for (const auto& door : found)
    commands_.track(
        overlay_.remove_mapping(io::monotonic_time(), door.id),
        [this, done, out, left, trouble, id = door.id](const Result<overlay::Outcome>& result) {
          gateway_.close_door(id);
          if (!result) *trouble = result.error();
          if (--*left > 0) return;
          if (!*trouble) return done(*out);
          done(std::unexpected(
              api::to_api_error(**trouble, "the door is closed now but not for good")));
        });
}

void DoorsControl::open_kept(const service::Mapping& mapping) {
  auto bound = gateway_.bind(mapping.protocol, mapping.listen, adapter::IfTaken::Fail);
  if (bound) {
    gateway_.install(std::move(*bound), mapping);
    shut_doors_.erase(mapping.id);
  } else if (shut_doors_.insert_or_assign(mapping.id, bound.error().detail).second) {
    gateway_.record({}, events::DoorFailed{mapping.id, mapping.service, to_text(mapping.listen),
                                           bound.error().detail});
  }
}

void DoorsControl::restore() {
  overlay_.in_each(io::monotonic_time(), [this] {
    for (const auto& mapping : overlay_.mappings()) open_kept(mapping);
  });
}

void DoorsControl::retry() {
  const auto mappings = overlay_.all_mappings();
  std::erase_if(shut_doors_, [&](const auto& shut) {
    return std::ranges::find(mappings, shut.first, &service::Mapping::id) == mappings.end();
  });
  if (shut_doors_.empty()) return;
  overlay_.in_each(io::monotonic_time(), [this] {
    for (const auto& mapping : overlay_.mappings())
      if (shut_doors_.contains(mapping.id)) open_kept(mapping);
  });
}

bool DoorsControl::has_door_to(const std::string& service, const std::string& node,
                               const std::optional<Endpoint>& listen) const {
  const auto id = overlay_.find_node(node);
  return std::ranges::any_of(overlay_.mappings(), [&](const service::Mapping& mapping) {
    return mapping.service == service && (!listen || *listen == mapping.listen) &&
           (node.empty() || (id && mapping.node == *id));
  });
}

void DoorsControl::pipe(api::PipeRequest request, api::Done<api::PipeResult> done) {
  if (request.node.empty() && !offered(request.service, {}))
    return after_news({}, [this, request, done] { pipe_known(request, done); });
  pipe_known(request, done);
}

void DoorsControl::pipe_known(const api::PipeRequest& request,
                              const api::Done<api::PipeResult>& done) {
  const auto provider = overlay_.provider(request.service, request.node);
  if (!provider && provider.error().code == Errc::Conflict)
    return done(api::refuse(api::Code::Usage, "which " + request.service + " is meant?",
                            provider.error().detail,
                            "name the node: weft pipe " + request.service + "@NODE"));
  const auto node = provider ? node_label(overlay_, *provider) : request.node;
  if (provider && door_protocol({}, request.service, *provider) == service::Protocol::Udp)
    return done(api::refuse(api::Code::Usage, request.service + " is a service of datagrams",
                            "a pipe carries bytes",
                            "a door takes them: weft open " + request.service + "@" + node));
  gateway_.open_pipe(request.service, provider ? to_text(*provider) : request.node, request.timeout,
                     [this, done, request, node, there = overlay_.network()](const auto& result) {
                       const overlay::Overlay::Meaning meaning(overlay_, there);
                       if (!result) {
                         auto error = api::to_api_error(result.error().error,
                                                        "no pipe to " + request.service);
                         error.fix = fix_for(result.error(), request.service, node);
                         if (result.error().status == service::OpenStatus::NotDirect)
                           error.code = api::Code::NotDirect;
                         return done(std::unexpected(std::move(error)));
                       }
                       api::PipeResult out;
                       out.node = node;
                       const auto info = overlay_.sessions().info(result->session);
                       out.path = info ? path_of(overlay_, info->path) : "none";
                       out.adopt = [this, key = *result](int fd, const Bytes& early) {
                         gateway_.adopt(key, io::UniqueFd(fd), early);
                       };
                       done(std::move(out));
                     });
}

api::MappingInfo DoorsControl::describe(const service::Mapping& mapping) const {
  const auto traffic = gateway_.traffic(mapping.id);
  api::MappingInfo info{std::to_string(mapping.id),
                        mapping.service,
                        node_label(overlay_, mapping.node),
                        to_text(mapping.listen),
                        std::string(service::name_of(mapping.protocol)),
                        traffic.connections,
                        traffic.tx_bytes,
                        traffic.rx_bytes};
  if (mapping.protocol == service::Protocol::Udp) {
    const auto& went = traffic.datagrams;
    info.datagrams = {went.to_stream, went.from_stream, went.large, went.lost};
    info.largest_datagram = largest_datagram(mapping.node);
  }
  info.reach = reach_of(mapping.listen);
  if (const auto view = mapping.node ? peer_of(overlay_, *mapping.node) : std::nullopt)
    info.state = state_of(*view);
  info.any = mapping.any;
  info.direct = mapping.direct;
  for (const auto& node : mapping.also) info.also.push_back(node_label(overlay_, node));
  return info;
}

void DoorsControl::attention(std::vector<std::string>& out) const {
  for (const auto& mapping : overlay_.mappings())
    if (const auto shut = shut_doors_.find(mapping.id); shut != shut_doors_.end())
      out.push_back("door " + std::to_string(mapping.id) + " to " + mapping.service +
                    " cannot be opened, will try again: " + shut->second);
  const Instant now = io::monotonic_time();
  const auto warnings = overlay_.warnings();
  const auto services = overlay_.services();
  for (const auto& mapping : overlay_.mappings()) {
    const auto number = std::to_string(mapping.id);
    const auto node = node_label(overlay_, mapping.node);
    const auto door =
        "door " + number + " to " + mapping.service + (node.empty() ? "" : "@" + node);
    for (const auto& [id, why] : warnings.unpinned)
      if (id == mapping.id)
        out.push_back(door + " names no node, and " + why + ": weft close " + number +
                      ", then weft open " + mapping.service + "@NODE");
    if (std::ranges::find(warnings.pinned, mapping.id) != warnings.pinned.end())
      out.push_back(door + " had no node before; if another is meant: weft close " + number +
                    ", then weft open " + mapping.service + "@NODE");
    const auto view = mapping.node ? peer_of(overlay_, *mapping.node) : std::nullopt;
    if (!view) continue;
    if (!view->session) {
      if (std::string_view(state_of(*view)) != "away") continue;
      const auto since = overlay_.away_since(*mapping.node);
      out.push_back(door + ": " + node + " is away" +
                    (since == 0 ? "" : " since " + api::rfc3339(since)));
      continue;
    }
    for (const auto& service : services) {
      if (service.name != mapping.service || service.node_id != *mapping.node ||
          !is_bad(service.health))
        continue;
      out.push_back(door + ": " +
                    (service.health == service::Health::Refused ? "refused " : "no answer ") +
                    std::to_string(seconds_since(service.health_at, now).value_or(0)) +
                    " s ago: is its program running on " + node + "?");
    }
  }
}

std::string DoorsControl::fix_for(const Gateway::Refusal& refusal, const std::string& service,
                                  const std::string& node) const {
  if (!refusal.status)
    return refusal.error.code == Errc::NoPath ? "see weft status" : "see weft services";
  const auto allow = "weft allow " + service + " " + overlay_.name();
  switch (*refusal.status) {
    case service::OpenStatus::NotDirect:
      return "wait for a way without a relay: weft wait direct:" + node;
    case service::OpenStatus::Denied:
      if (refusal.who.empty()) return "on " + node + ": " + allow;
      return "on " + node + ": weft reset " + service + quoted({refusal.who}) +
             " lifts the rule; then, if need be: " + allow;
    case service::OpenStatus::NoSuchService:
      return "on " + node + ": weft expose PORT --name " + service + " --allow " + overlay_.name();
    case service::OpenStatus::TargetRefused:
    case service::OpenStatus::TargetUnreachable:
      return "on " + node + ": start the program behind it; weft status there names its place";
    case service::OpenStatus::Ok:
    case service::OpenStatus::Limit:
      break;
  }
  return "try again later";
}

}  // namespace weft::node
