#include "node/control_services.hpp"

#include <algorithm>
#include <memory>

#include "node/control_answers.hpp"
#include "node/control_asks.hpp"
#include "node/io/clock.hpp"

namespace weft::node {

namespace {

std::string expose_fix(Errc code, const std::string& service, const std::string& self) {
  if (code == Errc::AlreadyExists) return "choose another with --name, or weft unexpose " + service;
  if (code == Errc::Denied)
    return "an admin of the network gives it: weft grant " + self + " expose";
  if (code == Errc::NotFound) return "see weft members and weft group list";
  return {};
}

std::string access_fix(const std::vector<std::string>& who) {
  std::string out = "see weft status, weft members and weft group list";
  if (who.size() > 1) out += "; a star that is not quoted becomes file names: write '*'";
  return out;
}

}  // namespace

ServicesControl::ServicesControl(overlay::Overlay& overlay, Gateway& gateway, Commands& commands)
    : overlay_(overlay), gateway_(gateway), commands_(commands) {
  gateway_.on_probed = [this](const NetworkId& network, const std::string& service) {
    const overlay::Overlay::Meaning meaning(overlay_, network);
    answer_exposed(service);
  };
}

void ServicesControl::expose(api::ExposeRequest request, api::Done<api::ExposeResult> done) {
  expose_as(overlay::Wish::Command, request, done);
}

void ServicesControl::expose_as(overlay::Wish wish, const api::ExposeRequest& request,
                                const api::Done<api::ExposeResult>& done) {
  const auto target = service::Target::from_text(request.target);
  const auto protocol = service::protocol_from_text(request.protocol);
  if (!target) return done(refused(target, "\"" + request.target + "\" is not a target"));
  const bool own = protocol == service::Protocol::Socks5 ||
                   protocol == service::Protocol::File;  // by the gateway itself
  if (!protocol || (!own && adapter::adapter_of(*protocol) == nullptr))
    return done(api::refuse(api::Code::Usage,
                            "this weft does not expose \"" + request.protocol + "\" services", "",
                            "use --protocol tcp, udp, http, socks5 or file"));
  if (const auto why = gateway_.own_places.forbid(*protocol, *target))
    return done(api::refuse(api::Code::Denied, "this node does not expose " + target->to_text(),
                            *why, "expose the service of another program"));
  const service::Exposure exposure{request.name, *protocol, *target, request.direct_only};
  commands_.track(
      overlay_.expose(io::monotonic_time(), exposure, request.allow, wish),
      [this, done, request, exposure](const Result<overlay::Outcome>& result) {
        if (!result)
          return done(refused(result, "could not expose " + request.name,
                              expose_fix(result.error().code, request.name, overlay_.name())));
        // Answered once its target was tried: the mistake of the first minute is that nothing
        // listens there.
        exposed_.emplace(here(request.name), [this, done, request, exposure] {
          const auto health = overlay_.health(request.name);
          done(api::ExposeResult{request.name, exposure.target.to_text(), request.protocol,
                                 overlay_.access(request.name).allow,
                                 std::string(service::name_of(health.health)), health.detail,
                                 exposure.direct_only});
        });
      });
}

void ServicesControl::answer_exposed(const std::string& service) {
  const auto [begin, end] = exposed_.equal_range(here(service));
  std::vector<std::function<void()>> answers;
  for (auto at = begin; at != end; ++at) answers.push_back(std::move(at->second));
  exposed_.erase(begin, end);
  for (const auto& answer : answers) answer();
}

void ServicesControl::unexpose(api::UnexposeRequest request, api::Done<api::AccessResult> done) {
  const auto before = overlay_.connections(request.name);
  commands_.track(
      overlay_.unexpose(io::monotonic_time(), request.name),
      [this, done, request, before](const Result<overlay::Outcome>& result) {
        answer_exposed(request.name);  // who exposed it just now waits for a look at its target
        if (!result)
          return done(refused(result, "could not unexpose " + request.name, "see weft status"));
        done(api::AccessResult{request.name, {}, {}, before});
      });
}

void ServicesControl::allow(api::AccessRequest request, api::Done<api::AccessResult> done) {
  change_access(request, Change::Allow, done);
}
void ServicesControl::deny(api::AccessRequest request, api::Done<api::AccessResult> done) {
  change_access(request, Change::Deny, done);
}
void ServicesControl::reset(api::AccessRequest request, api::Done<api::AccessResult> done) {
  change_access(request, Change::Reset, done);
}

void ServicesControl::change_access(const api::AccessRequest& request, Change change,
                                    const api::Done<api::AccessResult>& done) {
  const auto before = overlay_.connections(request.service);
  const Instant now = io::monotonic_time();
  const auto id = change == Change::Reset ? overlay_.reset_access(now, request.service, request.who)
                                          : overlay_.set_access(now, request.service, request.who,
                                                                change == Change::Allow);
  commands_.track(
      id, [this, done, request, before, change](const Result<overlay::Outcome>& result) {
        if (!result)
          return done(refused(result, "could not change who may use " + request.service,
                              access_fix(request.who)));
        auto access = overlay_.access(request.service);
        const auto after = overlay_.connections(request.service);
        api::AccessResult out{request.service, std::move(access.allow), std::move(access.deny),
                              before > after ? before - after : 0, std::move(access.readers)};
        if (change == Change::Allow)
          for (const auto& who : request.who)
            if (const auto denied = overlay_.denied_by(request.service, who); !denied.empty())
              out.warnings.push_back(who + " still may not use " + request.service +
                                     ": a deny comes first; lift it with: weft reset " +
                                     request.service + quoted(denied));
        done(std::move(out));
      });
}

void ServicesControl::services(api::Done<api::ServicesResult> done) {
  if (overlay_.role() == "none")
    return done(api::refuse(api::Code::Denied,
                            "this node was removed from " + overlay_.network_name(),
                            "nobody there lets it use anything",
                            "weft leave makes it a new node; then weft join with a new ticket"));
  api::ServicesResult out;
  const Instant now = io::monotonic_time();
  for (const auto& service : overlay_.services()) {
    const auto words = path_to(overlay_, service.node_id);
    api::ServiceInfo info{service.name,    service.node, service.protocol,
                          service.healthy, words.path,   milliseconds(service.rtt)};
    info.via = words.via;
    info.state = service.up ? "connected" : "away";
    info.away_since = service.away_since;
    info.health = service::name_of(service.health);
    info.health_age_s = seconds_since(service.health_at, now);
    out.services.push_back(std::move(info));
  }
  done(std::move(out));
}

// ---- status -------------------------------------------------------------------------------------

void ServicesControl::fill(api::StatusResult& out) const {
  const Instant now = io::monotonic_time();
  for (const auto& exposure : overlay_.exposures()) {
    auto access = overlay_.access(exposure.name);
    const auto health = overlay_.health(exposure.name);
    const auto age = seconds_since(health.at, now);
    if (access.allow.empty() && !access.shared)
      out.attention.push_back("nobody may use " + exposure.name + " yet: weft allow " +
                              exposure.name + " NODE");
    else if (access.readers.empty() && !access.deny.empty())
      out.attention.push_back("nobody may use " + exposure.name +
                              ", a deny comes first; lift it with: weft reset " + exposure.name +
                              quoted(access.deny));
    if (is_bad(health.health))
      out.attention.push_back(exposure.name + ": " + health.detail + ", " +
                              std::to_string(age.value_or(0)) + " s ago: is its program running?");
    out.exposed.push_back(
        {exposure.name, exposure.target.to_text(), std::string(service::name_of(exposure.protocol)),
         std::move(access.allow), std::move(access.deny), overlay_.connections(exposure.name),
         std::move(access.readers), std::string(service::name_of(health.health)), age,
         exposure.direct_only});
  }
  asks_attention(overlay_, out.attention);
  const auto warnings = overlay_.warnings();
  if (warnings.may_not_expose)
    out.attention.push_back("nobody can use what this node exposes, it has no right to expose; " +
                            expose_fix(Errc::Denied, {}, overlay_.name()));
  for (const auto& [node, times] : warnings.unlicensed)
    out.attention.push_back(
        node + " offers services without the right to expose, " + std::to_string(times) +
        " times so far: they are ignored; to let it: weft grant " + node + " expose");
}

}  // namespace weft::node
