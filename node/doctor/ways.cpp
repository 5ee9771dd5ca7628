#include "node/doctor/ways.hpp"

namespace weft::doctor {

Finding nat(const std::vector<Nat>& families) {
  constexpr const char* kName = "nat";
  std::string detail;
  bool hard = false;
  for (const auto& one : families) {
    if (one.observers == 0) continue;
    std::string text = one.family + ": ";
    if (one.none) {
      text += "none, others see this machine's own address";
    } else {
      text += "seen at " + some_of(one.outside);
      if (one.known)
        text +=
            ", mapping " + one.mapping + ", filtering " + one.filtering + ", ports " + one.ports;
      else
        text += "; it takes members at two addresses to tell more";
    }
    hard = hard || (one.known && !one.none && !one.predictable);
    detail += (detail.empty() ? "" : "; ") + text;
  }
  if (detail.empty()) return pass(kName, "no member has told how it sees this node yet");
  if (hard)
    return warn(kName, detail + ": nobody can tell where the next peer will see it",
                "forward the node's UDP port in the router; until then a member that others reach "
                "relays");
  return pass(kName, detail);
}

Finding relay(const Relay& relay) {
  constexpr const char* kName = "relay";
  const std::string through = relay.own_circuits == 0 ? std::string()
                                                      : "; " + std::to_string(relay.own_circuits) +
                                                            " of its own go through others";
  if (!relay.on) return pass(kName, "this node relays for nobody" + through);
  if (relay.cap > 0 && relay.used >= relay.cap)
    return warn(kName, "what it gives in a month is used up: " + bytes_text(relay.cap) + through,
                "weft relay on --cap 500GB/month, or wait for the next");
  if (!relay.reached)
    return pass(kName, "would relay; nobody has reached it directly so far" + through);
  return pass(kName, "relays for members: " + std::to_string(relay.circuits) + " circuits, " +
                         bytes_text(relay.used) + " this month" + through);
}

Finding port_mapping(const PortMapping& facts) {
  constexpr const char* kName = "port_mapping";
  if (!facts.wished) return pass(kName, "not asked for: [nat] port_mapping is off");
  const std::string forward =
      "forward UDP port " + std::to_string(facts.port) + " to this machine in the router";
  if (!facts.address.empty()) {
    const std::string text = "the router lets others in at " + facts.address + " (" +
                             facts.protocol + "), for " + std::to_string(facts.left_s / 60) +
                             " min";
    if (facts.inner)
      return warn(kName, text + ", a private address: another router stands before it",
                  forward + " before this one too, or make one of the two a bridge");
    if (facts.left_s <= 0)
      return warn(kName, "the lease at the router is over, and it renews none",
                  "restart the router; or " + forward);
    return pass(kName, text);
  }
  if (!facts.needed)
    return pass(kName, "not needed: this machine has a public IPv4 address, or none");
  if (facts.trouble.empty()) return pass(kName, "the router is being asked");
  if (facts.reached)
    return pass(kName, "the router maps no port (" + facts.trouble +
                           "), and others reach this node all the same");
  return warn(kName, "the router lets nobody in: " + facts.trouble,
              "switch on UPnP or NAT-PMP in the router; or " + forward +
                  "; or, if a relay will do: [nat] port_mapping = false");
}

Finding relayed_by(const RelayedBy& facts) {
  constexpr const char* kName = "relays";
  if (facts.reached) return pass(kName, "none needed: others reach this node directly");
  if (facts.others == 0) return pass(kName, "none needed: there is no other member");
  if (!facts.reserved.empty())
    return pass(kName, "this node is reached through " + some_of(facts.reserved));
  if (facts.refusing.empty())
    return warn(kName, "nobody reached this node directly so far, and no member could relay to it",
                "connect to one member at least: weft doctor there, weft why MEMBER here");
  return warn(kName,
              "nobody reached this node directly so far, and no member relays to it: " +
                  some_of(facts.refusing) + " give nothing",
              "weft relay on, on one of them");
}

Finding http_proxy(const HttpProxy& facts) {
  constexpr const char* kName = "proxy";
  constexpr const char* kForm =
      "https_proxy=http://USER:PASSWORD@HOST:PORT, or [proxy] url in "
      "weft.toml; then weft down; weft up";
  if (!facts.not_used.empty()) return fail(kName, "it is not used: " + facts.not_used, kForm);
  if (facts.address.empty()) return pass(kName, "none is configured");
  if (!facts.last_failure.empty())
    return warn(kName,
                "the last WebSocket through " + facts.address + " failed: " + facts.last_failure,
                facts.last_failure.find("407") != std::string::npos
                    ? kForm
                    : "ask whoever runs the proxy whether it lets CONNECT through to port 443");
  if (facts.worked == 0)
    return pass(kName, facts.address + ", for WebSockets; none was needed so far");
  return pass(kName, facts.address + ": " + std::to_string(facts.worked) +
                         " WebSockets were made through it");
}

Finding portal(const Portal& facts) {
  constexpr const char* kName = "captive_portal";
  if (facts.in_place.empty()) return pass(kName, "no sign of one");
  const std::string text = "a web page answers in the place of " + some_of(facts.in_place);
  if (facts.by_udp > 0)
    return warn(kName, text + ", while UDP reaches members",
                "does another program have that port there? weft why MEMBER");
  return fail(kName, text + ": this network wants somebody to sign in first",
              "open any page in a browser and sign in; the node goes on by itself then");
}

}  // namespace weft::doctor
