#include "node/doctor/why.hpp"

#include "node/doctor/finding.hpp"

namespace weft::doctor {

namespace {

using Path = WayFacts::Path;
using Presence = WayFacts::Presence;

std::string ago(std::int64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + " s ago";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min ago";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + " h ago";
  return std::to_string(seconds / 86'400) + " days ago";
}

std::string heard(const WayFacts& facts) {
  return facts.heard_s ? "last heard " + ago(*facts.heard_s)
                       : "not heard since this node was started";
}

std::string forward_here(const WayFacts& facts) {
  return "forward UDP port " + std::to_string(facts.port) + " to this machine in the router of " +
         facts.self;
}

// What makes a way through two NATs that have none by themselves.
std::vector<std::string> open_a_router(const WayFacts& facts) {
  std::vector<std::string> out;
  if (!facts.no_mapping.empty())
    out.push_back("switch on UPnP or NAT-PMP in the router of " + facts.self +
                  " (asked for a port, it said: " + facts.no_mapping + ")");
  out.push_back(forward_here(facts) + ", or the port of " + facts.node + " in its router");
  out.push_back("give both ends IPv6");
  return out;
}

std::string through(const WayFacts& facts) {
  return "through " + (facts.via.empty() ? std::string("a relay") : facts.via);
}

Reason direct(const WayFacts& facts) {
  if (facts.silent_s)
    return {"silent",
            facts.node + " answers nothing for " + std::to_string(*facts.silent_s) +
                " s, although a session with it is open: the path is cut, or that machine sleeps",
            {"wait: another way is looked for, and the session goes on there; weft wait path:" +
             facts.node}};
  if (facts.punched)
    return {
        "punched", "both ends probed each other at the same time, and a way through was found", {}};
  if (facts.near) return {"lan", facts.node + " is on a network of this machine", {}};
  return {"direct", "an address of it answers", {}};
}

Reason udp_blocked_here() {
  return {"udp_blocked_here",
          "no member is reached by UDP from here: a firewall of this machine or of this network "
          "drops it",
          {"let UDP out in the firewall here; until then it goes over a connection, which is "
           "slower where packets are lost",
           "weft doctor tells what else is wrong here"}};
}

Reason stream(const WayFacts& facts) {
  if (!facts.by_udp)
    return {"no_udp_address",
            facts.node + " tells no address that UDP could reach",
            {"let " + facts.node + " listen for UDP as well: [node] listen in its weft.toml"}};
  if (facts.others_by_udp > 0)
    return {"udp_blocked_there",
            "UDP to " + facts.node + " gets no answer, while other members are reached by it",
            {"let UDP in at " + facts.node + ": its firewall, or its router, drops it"}};
  if (facts.others_by_stream > 0 || facts.others_by_relay > 0) return udp_blocked_here();
  return {"udp_blocked",
          "UDP to " + facts.node + " gets no answer: a firewall between the two drops it",
          {"let UDP out here, and in at " + facts.node,
           "weft why on another member tells at which end it is dropped"}};
}

Reason probes_failed(const WayFacts& facts) {
  const auto& here = facts.here;
  const auto& there = facts.there;
  const std::string go = "; bytes go " + through(facts);
  if (here.hard && there.hard)
    return {"both_symmetric",
            "both NATs draw another outside port for each destination (symmetric), so neither end "
            "can be told where to send" +
                go,
            open_a_router(facts)};
  if (here.hard && (there.strict || !there.known))
    return {"symmetric_here",
            "the NAT here draws another outside port for each destination (symmetric), and the one "
            "of " +
                facts.node + " lets in only ports that it was told" + go,
            open_a_router(facts)};
  if (there.hard && (here.strict || !here.known))
    return {"symmetric_there",
            "the NAT of " + facts.node +
                " draws another outside port for each destination "
                "(symmetric), and the one here lets in only ports that it was told" +
                go,
            open_a_router(facts)};
  if (here.known && there.known)
    return {"probes_lost",
            "the NATs would allow a direct way, yet no probe came through: a firewall drops UDP "
            "between the two" +
                go,
            {"let UDP in at " + facts.self + " or at " + facts.node + ": one open end is enough",
             forward_here(facts)}};
  return {"nat_unknown",
          "no probe came through, and too few members see the NATs to tell why: it takes two at "
          "different addresses" +
              go,
          open_a_router(facts)};
}

Reason relayed(const WayFacts& facts) {
  if (facts.silent_s) return direct(facts);
  if (facts.others_by_udp == 0 && facts.others_by_stream > 0) {
    Reason out = udp_blocked_here();
    out.fixes.push_back("or let " + facts.node +
                        " listen for TCP: listen = [\"tcp:443\"] in its "
                        "weft.toml");
    return out;
  }
  if (facts.probes == 0 || (facts.probing && facts.probes < 2))
    return {"looking",
            "a direct way is being looked for; until then bytes go " + through(facts),
            {"wait a few seconds: weft wait direct:" + facts.node}};
  if (facts.probe_last.find("answer") != std::string::npos)
    return {"no_answer_to_offer",
            facts.node + " answers no offer to probe together; bytes go " + through(facts),
            {"upgrade weft on " + facts.node + ", if it is older than here: weft doctor compares",
             forward_here(facts)}};
  return probes_failed(facts);
}

// Others hear it, or did a moment ago.
Reason reached_by_others(const WayFacts& facts) {
  const std::string text = "other members hear " + facts.node + ", this node does not reach it";
  if (!facts.relays_no.empty())
    return {"relay_refused",
            text + ", and no relay carries it: " + some_of(facts.relays_no),
            {"weft relay status, on that relay, tells what it gives",
             "let another member that both reach relay: weft relay on, there"}};
  if (facts.relays == 0)
    return {"no_relay",
            text + ", and no member that it reaches relays",
            {"weft relay on, on a member that both reach", forward_here(facts)}};
  return {"no_way",
          text + ", neither directly nor through a relay: each was tried",
          {"weft why " + facts.self + ", on " + facts.node + ", tells the other half",
           forward_here(facts)}};
}

Reason off(const WayFacts& facts) {
  const std::string silent =
      facts.udp_silent == 0
          ? std::string()
          : ", and none of its " + std::to_string(facts.udp_silent) + " addresses answers";
  const std::string who =
      facts.others == 0 ? facts.node + " does not answer here" : "no member hears " + facts.node;
  return {"off",
          who + ": " + heard(facts) + silent,
          {"start that machine, or weft on it: weft up",
           "if it runs there: weft why " + facts.self + ", on " + facts.node}};
}

Reason none(const WayFacts& facts) {
  if (facts.says_we_are_out)
    return {"says_removed",
            facts.node + " says that this node was removed from the network",
            {"weft members, on an admin node, tells whether that is so",
             "if so: weft leave here, and join again with a new ticket"}};
  if (!facts.refused.empty())
    return {"refused",
            facts.node + " is there and refuses: " + some_of(facts.refused),
            {"weft doctor, here and there: clocks and versions are compared"}};
  if (facts.presence == Presence::Left)
    return {"left",
            facts.node + " said that it goes down: " + heard(facts),
            {"start weft on " + facts.node}};
  if (facts.others > 0 && facts.others_by_udp + facts.others_by_stream + facts.others_by_relay == 0)
    return {"alone",
            "this node reaches no member at all, so the trouble is likely here: " + facts.node +
                " was " + heard(facts),
            {"weft doctor: is this machine connected, and may it use UDP?"}};
  if (!facts.known)
    return {"never_seen",
            facts.node + " is a member, and nobody has told where it is: it may not have run since",
            {"start weft on " + facts.node,
             "if it runs there: weft why " + facts.self + ", on " + facts.node}};
  if (facts.presence == Presence::Alive && facts.udp_silent > 0) return reached_by_others(facts);
  if (facts.dialling && facts.udp_silent == 0)
    return {"connecting",
            facts.node + " is being called",
            {"wait a moment: weft wait path:" + facts.node}};
  if (!facts.wanted)
    return {"not_wished",
            "nobody here has asked for " + facts.node +
                ": a large network keeps no session with every member",
            {"weft ping " + facts.node + " makes one"}};
  if (facts.presence == Presence::Alive) return reached_by_others(facts);
  return off(facts);
}

}  // namespace

Reason why(const WayFacts& facts) {
  switch (facts.who) {
    case WayFacts::Who::Self:
      return {"this_node", "that is this node itself", {}};
    case WayFacts::Who::Removed:
      return {
          "removed",
          facts.node + " was removed from the network, and stays out",
          {"to let that machine in again: weft invite NAME here, then there weft leave and weft "
           "join TICKET"}};
    case WayFacts::Who::WeAreOut:
      return {"removed_here",
              "this node is in no network any more: nobody answers it",
              {"weft leave, then join again with a new ticket of an admin: weft join TICKET"}};
    case WayFacts::Who::Member:
      break;
  }
  switch (facts.path) {
    case Path::Direct:
      return direct(facts);
    case Path::Relay:
      return relayed(facts);
    case Path::Tcp:
    case Path::Wss:
      return facts.silent_s ? direct(facts) : stream(facts);
    case Path::None:
      break;
  }
  return none(facts);
}

}  // namespace weft::doctor
