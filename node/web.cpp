#include "node/web.hpp"

#include <sys/socket.h>

#include <utility>

#include "node/control_answers.hpp"
#include "node/io/clock.hpp"
#include "overlay/network.hpp"
#include "overlay/service/weft_name.hpp"

namespace weft::node {

namespace {

struct Pair {
  io::UniqueFd one, other;
};
std::optional<Pair> socket_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
    return std::nullopt;
  return Pair{io::UniqueFd(fds[0]), io::UniqueFd(fds[1])};
}

unsigned status_of(const Gateway::Refusal& refusal) {
  using service::OpenStatus;
  if (refusal.status == OpenStatus::Denied || refusal.error.code == Errc::Denied) return 403;
  if (refusal.status == OpenStatus::NoSuchService || refusal.error.code == Errc::NotFound)
    return 404;
  if (refusal.error.code == Errc::Conflict) return 404;
  if (refusal.status == OpenStatus::Limit || refusal.error.code == Errc::Limit) return 503;
  return 502;
}

}  // namespace

Web::Web(io::EventLoop& loop, overlay::Overlay& overlay, Gateway& gateway)
    : loop_(loop), overlay_(overlay), gateway_(gateway), clients_(loop), callers_(loop) {
  gateway_.on_http = [this](io::UniqueFd program,
                            const overlay::InboundStream& from) -> io::UniqueFd {
    auto pair = socket_pair();
    const overlay::Overlay::Meaning meaning(overlay_, from.network);
    adapter::HttpCaller caller{from.caller_name + " " + to_text(from.caller),
                               overlay_.network_name()};
    if (!pair || !callers_.service(std::move(pair->one), std::move(program), std::move(caller)))
      return {};
    return std::move(pair->other);
  };
}

Web::~Web() {
  *alive_ = false;
  gateway_.on_http = {};
}

Result<void> Web::open(const Endpoint& listen) {
  if (!listen.is_loopback())
    return fail(Errc::Usage, "the web gateway asks nobody who he is: on this machine only");
  network_ = other_than_default(overlay_);
  if (door_ && door_->local() == listen) return {};
  auto door = adapter::TcpDoor::listen(
      loop_, listen, adapter::IfTaken::Fail, [this](io::UniqueFd client, const Endpoint&) {
        static_cast<void>(clients_.gateway(
            std::move(client), [this](const std::string& host, HttpSessions::Routed routed) {
              route(host, std::move(routed));
            }));
      });
  if (!door) return std::unexpected(door.error());
  close();
  door_ = std::move(*door);
  return {};
}

void Web::close() {
  door_.reset();
  clients_.close_all();
}

std::optional<Endpoint> Web::listen() const {
  return door_ ? std::optional(door_->local()) : std::nullopt;
}

void Web::route(const std::string& host, HttpSessions::Routed routed) {
  const auto name = service::weft_localhost_name(host);
  if (!name) {
    const bool own = host == "localhost" || host == "127.0.0.1" || host == "[::1]";
    const bool below = host.ends_with(".localhost");
    return routed(std::unexpected(
        own || below
            ? index(own ? 200 : 404, own ? "" : host + " names no service.")
            : HttpPage{421, host + " is not served here.", "http://SERVICE.NODE.weft.localhost"}));
  }
  auto network = network_;
  if (!name->network.empty()) {
    const auto found = overlay_.find(name->network);
    if (!found) return routed(std::unexpected(index(404, found.error().detail + ".")));
    network = (*found)->id();
  }
  const overlay::Overlay::Meaning meaning(overlay_, network);
  for (const auto& service : overlay_.services())
    if (service.name == name->service && (name->node.empty() || service.node == name->node) &&
        (service.protocol == "udp" || service.protocol == "socks5"))
      return routed(
          std::unexpected(HttpPage{400, name->service + " is a " + service.protocol + " service.",
                                   "weft open " + name->service + "@" + service.node}));
  gateway_.open_pipe(
      name->service, name->node, kOpenLimit,
      [this, alive = alive_, name = *name, network,
       routed = std::move(routed)](const auto& result) {
        if (!*alive) return;
        const overlay::Overlay::Meaning there(overlay_, network);
        if (!result)
          return routed(std::unexpected(page_of(result.error(), name.service, name.node)));
        auto pair = socket_pair();
        if (!pair) {
          gateway_.adopt(*result, std::unique_ptr<adapter::LocalEnd>());
          return routed(std::unexpected(HttpPage{503, "This node has no descriptor left.", ""}));
        }
        gateway_.adopt(*result, std::move(pair->one), {});
        routed(std::move(pair->other));
      });
}

HttpPage Web::page_of(const Gateway::Refusal& refusal, const std::string& service,
                      const std::string& node) const {
  using service::OpenStatus;
  const auto there = node.empty() ? std::string("its node") : node;
  std::string fix;
  if (refusal.status == OpenStatus::Denied)
    fix = "on " + there + ": weft allow " + service + " " + overlay_.name();
  else if (refusal.status == OpenStatus::TargetRefused ||
           refusal.status == OpenStatus::TargetUnreachable)
    fix = "on " + there + ": start the program behind it";
  else if (refusal.error.code == Errc::Conflict)
    fix = "name the node: http://" + service + ".NODE.weft.localhost";
  else
    fix = "weft services";
  const auto what = service + (node.empty() ? "" : " on " + node);
  gateway_.record({}, events::ProxyRefused{what, refusal.error.detail});
  return {status_of(refusal), what + ": " + refusal.error.detail, fix};
}

// What there is to see, with links; names of services and nodes are labels, so nothing in them is
// markup.
std::string Web::links() const {
  std::string list;
  const auto port = door_ ? ":" + std::to_string(door_->local().port) : std::string();
  const auto home = [&] {
    const overlay::Overlay::Meaning meaning(overlay_, network_);
    return overlay_.network();
  }();
  overlay_.in_each(io::monotonic_time(), [&] {
    const bool own = overlay_.network() == home;
    const auto network = own ? std::string() : "." + overlay_.network_name();
    const auto where = own ? std::string() : " in " + overlay_.network_name();
    for (const auto& service : overlay_.services()) {
      if (service.protocol == "udp" || service.protocol == "socks5" || service.node.empty())
        continue;
      const auto host = service.name + "." + service.node + network + ".weft.localhost" + port;
      list += "<li><a href=\"http://" + host + "/\">" + service.name + " on " + service.node +
              where + "</a> (" + service.protocol + (service.up ? "" : ", away") + ")</li>";
    }
  });
  return list;
}

HttpPage Web::index(unsigned status, const std::string& why) const {
  const auto list = links();
  const auto text = (why.empty() ? std::string() : "<p>" + why + "</p>") +
                    (list.empty() ? "<p>No node offers you a web service now.</p>"
                                  : "<p>Services you may use:</p><ul>" + list + "</ul>");
  return {status, why, "",
          "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
          "<title>weft</title><style>body{font:16px/1.5 sans-serif;max-width:40em;"
          "margin:4em auto;padding:0 1em}</style><h1>weft</h1>" +
              text + "</html>\n"};
}

}  // namespace weft::node
