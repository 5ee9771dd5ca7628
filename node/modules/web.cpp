// The web gateway of this node: weft.web/1.
#include "node/web.hpp"

#include <string>
#include <vector>

#include "node/api/checks.hpp"
#include "node/control_answers.hpp"
#include "node/control_plane.hpp"
#include "node/listen_addresses.hpp"

namespace weft::node {
namespace {

api::Json web_json(const Web& web) {
  const auto listen = web.listen();
  return {{"schema", "weft.web/1"},
          {"running", listen.has_value()},
          {"listen", listen ? to_text(*listen) : ""},
          {"url", listen ? "http://localhost:" + std::to_string(listen->port) + "/" : ""},
          {"clients", web.sessions()}};
}

void run_show(Web& web, api::Call& call) { send_data(call.answer, web_json(web)); }

void run_open(Web& web, api::Call& call) {
  const auto listen = call.text("listen");
  const auto at = door_address(listen.empty() ? "127.0.0.1:8080" : listen);
  if (!at)
    return send_error(call.answer, api::Code::Usage, at.error().detail, "",
                      "for example: --listen 127.0.0.1:8080");
  if (const auto opened = web.open(*at); !opened) {
    const bool usage = opened.error().code == Errc::Usage;
    return send_error(
        call.answer, usage ? api::Code::Usage : api::Code::Failed,
        "no web gateway at " + to_text(*at), opened.error().detail,
        usage ? "use an address of 127.0.0.0/8 or [::1]" : "choose another address with --listen");
  }
  send_data(call.answer, web_json(web));
}

void run_close(Web& web, api::Call& call) {
  web.close();
  send_data(call.answer, web_json(web));
}

}  // namespace

std::vector<api::Route> web_routes() {
  return {
      {"GET", "/api/v1/web", "The web gateway of this node", "weft.web/1", {}, run_show},
      {"POST",
       "/api/v1/web",
       "Open the web gateway, in place of the one before",
       "weft.web/1",
       {{"listen", api::Type::Text, false, "[HOST:]PORT on loopback; else 127.0.0.1:8080"}},
       run_open,
       "web"},
      {"DELETE", "/api/v1/web", "Close the web gateway", "weft.web/1", {}, run_close, "web off"}};
}

}  // namespace weft::node
