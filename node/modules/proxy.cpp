// The proxy of this node, SOCKS5 and HTTP CONNECT on one port: weft.proxy/1.
#include "node/proxy.hpp"

#include <string>
#include <vector>

#include "node/api/checks.hpp"
#include "node/control_answers.hpp"
#include "node/control_plane.hpp"
#include "node/listen_addresses.hpp"

namespace weft::node {
namespace {

api::Json proxy_json(const Proxy& proxy) {
  const auto& settings = proxy.settings();
  const auto& counted = proxy.counters();
  return {{"schema", "weft.proxy/1"},
          {"running", settings.has_value()},
          {"listen", settings ? to_text(settings->listen) : ""},
          {"exit", settings ? settings->exit : ""},
          {"accepted", counted.accepted},
          {"inside", counted.inside},
          {"outside", counted.outside},
          {"refused", counted.refused}};
}

void run_show(Proxy& proxy, api::Call& call) { send_data(call.answer, proxy_json(proxy)); }

void run_open(Proxy& proxy, api::Call& call) {
  Proxy::Settings wanted{{}, call.text("exit")};
  const auto listen = call.text("listen");
  const auto at = door_address(listen.empty() ? "127.0.0.1:1080" : listen);
  if (!at)
    return send_error(call.answer, api::Code::Usage, at.error().detail, "",
                      "for example: --listen 127.0.0.1:1080");
  wanted.listen = *at;
  if (!wanted.exit.empty() && !service::parse_service_ref(wanted.exit))
    return send_error(call.answer, api::Code::Usage, "not a node, nor SERVICE@NODE: " + wanted.exit,
                      "", "for example: --exit oak");
  if (const auto opened = proxy.open(wanted); !opened) {
    const bool usage = opened.error().code == Errc::Usage;
    return send_error(
        call.answer, usage ? api::Code::Usage : api::Code::Failed, "no proxy at " + to_text(*at),
        opened.error().detail,
        usage ? "use an address of 127.0.0.0/8 or [::1]" : "choose another address with --listen");
  }
  send_data(call.answer, proxy_json(proxy));
}

void run_close(Proxy& proxy, api::Call& call) {
  proxy.close();
  send_data(call.answer, proxy_json(proxy));
}

}  // namespace

std::vector<api::Route> proxy_routes() {
  return {
      {"GET", "/api/v1/proxy", "The proxy of this node", "weft.proxy/1", {}, run_show},
      {"POST",
       "/api/v1/proxy",
       "Open the proxy, in place of the one before",
       "weft.proxy/1",
       {{"listen", api::Type::Text, false, "[HOST:]PORT on loopback; else 127.0.0.1:1080"},
        {"exit", api::Type::Text, false, "NODE or SERVICE@NODE for names outside"}},
       run_open,
       "proxy"},
      {"DELETE", "/api/v1/proxy", "Close the proxy", "weft.proxy/1", {}, run_close, "proxy off"}};
}

}  // namespace weft::node
