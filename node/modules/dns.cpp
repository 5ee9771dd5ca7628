// The DNS stub of this node: weft.dns/1.
#include "node/dns_stub.hpp"

#include <string>
#include <vector>

#include "node/api/checks.hpp"
#include "node/control_answers.hpp"
#include "node/control_plane.hpp"
#include "node/listen_addresses.hpp"

namespace weft::node {
namespace {

api::Json dns_json(const DnsStub& stub) {
  const auto listen = stub.listen();
  const auto& counted = stub.counters();
  return {{"schema", "weft.dns/1"},
          {"running", listen.has_value()},
          {"listen", listen ? to_text(*listen) : ""},
          {"zone", "weft"},
          {"names", stub.doors().size()},
          {"doors", stub.doors().doors()},
          {"queries", counted.queries},
          {"answered", counted.answered},
          {"no_such_name", counted.no_such_name},
          {"refused", counted.refused},
          {"broken", counted.broken}};
}

void run_show(DnsStub& dns, api::Call& call) { send_data(call.answer, dns_json(dns)); }

void run_open(DnsStub& dns, api::Call& call) {
  const auto listen = call.text("listen");
  const auto at = door_address(listen.empty() ? "127.0.0.1:5353" : listen);
  if (!at)
    return send_error(call.answer, api::Code::Usage, at.error().detail, "",
                      "for example: --listen 127.0.0.1:5353");
  if (const auto opened = dns.open(*at); !opened) {
    const bool usage = opened.error().code == Errc::Usage;
    return send_error(
        call.answer, usage ? api::Code::Usage : api::Code::Failed, "no DNS at " + to_text(*at),
        opened.error().detail,
        usage ? "use an address of 127.0.0.0/8 or [::1]" : "choose another address with --listen");
  }
  run_show(dns, call);
}

void run_close(DnsStub& dns, api::Call& call) {
  dns.close();
  run_show(dns, call);
}

}  // namespace

std::vector<api::Route> dns_routes() {
  return {{"GET", "/api/v1/dns", "The DNS stub of this node", "weft.dns/1", {}, run_show},
          {"POST",
           "/api/v1/dns",
           "Open the DNS stub, in place of the one before",
           "weft.dns/1",
           {{"listen", api::Type::Text, false, "[HOST:]PORT on loopback; else 127.0.0.1:5353"}},
           run_open,
           "dns"},
          {"DELETE", "/api/v1/dns", "Close the DNS stub", "weft.dns/1", {}, run_close, "dns off"}};
}

}  // namespace weft::node
