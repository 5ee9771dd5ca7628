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

}  // namespace weft::doctor
