// Every kind of event that a node tells of: its name, which is also the log's event=..., its level,
// the sentence for people, and its fields with their meaning. docs/events.md is made from here
// (weft help --events), and so are the log's lines and the JSON of weft.event/1.
//
// To add a kind: a struct here, its name in Body at the end, and who records it. A secret (a
// ticket, a key, a token) is never a field.
//
// Fields are std::string, std::uint64_t, bool, a list of strings, or Asked. A sentence names fields
// in braces.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <variant>

#include "base/fields.hpp"
#include "node/events/access_kinds.hpp"
#include "node/events/kind.hpp"
#include "node/events/ways.hpp"

namespace weft::events {

// ---- the node -----------------------------------------------------------------------------------
struct Start {
  std::string version;
  std::uint64_t pid = 0;
  std::string name, network_name;
  std::uint64_t udp_port = 0;
  std::string state, config, socket, log;
  std::uint64_t descriptors = 0;
  static constexpr Kind kKind{"start", Group::Node, Level::Info, "{name} is ready"};
  static constexpr auto fields() {
    return std::tuple{field("version", "", "of the program", &Start::version),
                      field("pid", "", "of the process", &Start::pid),
                      field("name", "", "of this node", &Start::name),
                      field("network_name", "", "of its network", &Start::network_name),
                      field("udp_port", "", "where it listens", &Start::udp_port),
                      field("state", "", "the folder of its state", &Start::state),
                      field("config", "", "its configuration file", &Start::config),
                      field("socket", "", "of its API", &Start::socket),
                      field("log", "", "where the log goes", &Start::log),
                      field("descriptors", "", "files it may open", &Start::descriptors)};
  }
};
struct Stopping {
  static constexpr Kind kKind{"stopping", Group::Node, Level::Info, "the node stops"};
  static constexpr auto fields() { return std::tuple{}; }
};
struct Reload {
  std::string config, log_level;
  std::uint64_t expose = 0, consume = 0, peer = 0;
  std::string restart_needed;
  static constexpr Kind kKind{"reload", Group::Node, Level::Info,
                              "the configuration was read anew"};
  static constexpr auto fields() {
    return std::tuple{field("config", "", "its file", &Reload::config),
                      field("log_level", "", "as it is now", &Reload::log_level),
                      field("expose", "", "services in it", &Reload::expose),
                      field("consume", "", "doors in it", &Reload::consume),
                      field("peer", "", "peers in it", &Reload::peer),
                      field("restart_needed", "", "the key that waits for a restart, or no",
                            &Reload::restart_needed)};
  }
};
struct ReloadFailed {
  std::string err, fix;
  static constexpr Kind kKind{"reload_failed", Group::Node, Level::Error,
                              "the configuration could not be read: {err}"};
  static constexpr auto fields() {
    return std::tuple{field("err", "", "why", &ReloadFailed::err),
                      field("fix", "", "what to do", &ReloadFailed::fix)};
  }
};
struct SignalIgnored {
  std::uint64_t number = 0;
  static constexpr Kind kKind{"signal", Group::Node, Level::Info,
                              "signal {number} came; nothing is done at this one"};
  static constexpr auto fields() {
    return std::tuple{field("number", "", "of the signal", &SignalIgnored::number)};
  }
};
struct DirectoryRepaired {
  std::string msg;
  static constexpr Kind kKind{"directory", Group::Node, Level::Warning, "{msg}"};
  static constexpr auto fields() {
    return std::tuple{
        field("msg", "", "what is remarkable about a folder", &DirectoryRepaired::msg)};
  }
};
struct SetAsideRemoved {
  std::string path;
  static constexpr Kind kKind{"set_aside_removed", Group::Node, Level::Info,
                              "a home that was left long ago is removed: {path}"};
  static constexpr auto fields() {
    return std::tuple{field("path", "", "where it was", &SetAsideRemoved::path)};
  }
};
struct NoResolver {
  std::string msg;
  static constexpr Kind kKind{"no_resolver", Group::Node, Level::Warning,
                              "names cannot be resolved: {msg}"};
  static constexpr auto fields() { return std::tuple{field("msg", "", "why", &NoResolver::msg)}; }
};
struct NameIgnored {
  std::string name, wanted, msg;
  static constexpr Kind kKind{"name_ignored", Group::Node, Level::Warning, "{msg}"};
  static constexpr auto fields() {
    return std::tuple{field("name", "", "of this node, which it keeps", &NameIgnored::name),
                      field("wanted", "", "that was asked for", &NameIgnored::wanted),
                      field("msg", "", "what to do", &NameIgnored::msg)};
  }
};
struct Woke {
  std::uint64_t slept_s = 0;
  static constexpr Kind kKind{"woke", Group::Node, Level::Info,
                              "the machine slept for {slept_s} s"};
  static constexpr auto fields() {
    return std::tuple{field("slept_s", "seconds", "the machine slept", &Woke::slept_s)};
  }
};
struct AddressesChanged {
  Texts listen;
  static constexpr Kind kKind{"addresses_changed", Group::Node, Level::Info,
                              "this node is reached at {listen}"};
  static constexpr auto fields() {
    return std::tuple{field("listen", "", "addresses of this machine where others reach it",
                            &AddressesChanged::listen)};
  }
};
struct LanLeftOut {
  std::string family;
  std::uint64_t count = 0, joined = 0;
  static constexpr Kind kKind{"lan_interfaces_left_out", Group::Node, Level::Warning,
                              "{count} interfaces are not searched for nodes nearby ({family})"};
  static constexpr auto fields() {
    return std::tuple{
        field("family", "", "IPv4 or IPv6", &LanLeftOut::family),
        field("count", "", "interfaces left out", &LanLeftOut::count),
        field("joined", "", "interfaces where beacons are heard", &LanLeftOut::joined)};
  }
};
struct DhtMode {
  bool server = false, full_table = false;
  static constexpr Kind kKind{"dht_mode", Group::Node, Level::Info,
                              "the DHT is in another mode: server {server}"};
  static constexpr auto fields() {
    return std::tuple{
        field("server", "", "whether it answers others", &DhtMode::server),
        field("full_table", "", "whether it knows all members", &DhtMode::full_table)};
  }
};
struct SeenAt {
  std::string address;
  static constexpr Kind kKind{"seen_at", Group::Node, Level::Info,
                              "others see this node at {address}"};
  static constexpr auto fields() {
    return std::tuple{field("address", "", "that no interface here has", &SeenAt::address)};
  }
};
struct Limit {
  std::string resource, peer, local;
  std::uint64_t held = 0, of = 0;
  static constexpr Kind kKind{"limit", Group::Node, Level::Warning,
                              "no more {resource} for {peer}{local}: {held} of {of} are held"};
  static constexpr auto fields() {
    return std::tuple{
        field("resource", "", "what is short", &Limit::resource),
        field("peer", "", "the member that holds its share", &Limit::peer),
        field("local", "", "doors, pipes or probes, if programs here do", &Limit::local),
        field("held", "", "by it", &Limit::held), field("of", "", "that there are", &Limit::of)};
  }
};
struct ConfigFailed {
  std::string what, service, err;
  static constexpr Kind kKind{"config_failed", Group::Node, Level::Error,
                              "what the configuration asks cannot be done ({what} {service}): "
                              "{err}; tried again"};
  static constexpr auto fields() {
    return std::tuple{
        field("what", "", "expose, open, metrics, nats, proxy or web", &ConfigFailed::what),
        field("service", "", "which, or where", &ConfigFailed::service),
        field("err", "", "why", &ConfigFailed::err)};
  }
};
struct Notice {
  std::string msg;
  static constexpr Kind kKind{"notice", Group::Node, Level::Info, "{msg}"};
  static constexpr auto fields() {
    return std::tuple{
        field("msg", "", "a sentence: an alarm of the roster, a wrong clock", &Notice::msg)};
  }
};

// ---- peers --------------------------------------------------------------------------------------
struct PeerUp {
  std::string peer, node, path, address;
  static constexpr Kind kKind{"peer_up", Group::Peers, Level::Info, "{peer} is connected ({path})"};
  static constexpr auto fields() {
    return std::tuple{field("peer", "", "its name", &PeerUp::peer),
                      field("node", "", "its NodeId", &PeerUp::node),
                      field("path", "", "as weft status names it", &PeerUp::path),
                      field("address", "", "where it is", &PeerUp::address)};
  }
};
struct PeerDown {
  std::string peer, node, reason, err;
  static constexpr Kind kKind{"peer_down", Group::Peers, Level::Info,
                              "{peer} is away: {reason} {err}"};
  static constexpr auto fields() {
    return std::tuple{field("peer", "", "its name", &PeerDown::peer),
                      field("node", "", "its NodeId", &PeerDown::node),
                      field("reason", "", "why the session ended", &PeerDown::reason),
                      field("err", "", "in more words", &PeerDown::err)};
  }
};
struct PeerMoved {
  std::string peer, node, path, address;
  static constexpr Kind kKind{"peer_moved", Group::Peers, Level::Info,
                              "{peer} is at {address} now ({path})"};
  static constexpr auto fields() {
    return std::tuple{field("peer", "", "its name", &PeerMoved::peer),
                      field("node", "", "its NodeId", &PeerMoved::node),
                      field("path", "", "as weft status names it", &PeerMoved::path),
                      field("address", "", "where it is now", &PeerMoved::address)};
  }
};
struct PeerSilent {
  std::string peer, node;
  static constexpr Kind kKind{"peer_silent", Group::Peers, Level::Warning,
                              "{peer} acknowledges nothing"};
  static constexpr auto fields() {
    return std::tuple{field("peer", "", "its name", &PeerSilent::peer),
                      field("node", "", "its NodeId", &PeerSilent::node)};
  }
};
struct PeerHeard {
  std::string peer, node;
  static constexpr Kind kKind{"peer_heard", Group::Peers, Level::Info, "{peer} is heard again"};
  static constexpr auto fields() {
    return std::tuple{field("peer", "", "its name", &PeerHeard::peer),
                      field("node", "", "its NodeId", &PeerHeard::node)};
  }
};

// ---- members ------------------------------------------------------------------------------------
struct RosterChanged {
  std::uint64_t head = 0, lost = 0;
  static constexpr Kind kKind{"roster_changed", Group::Members, Level::Info,
                              "the roster has entry {head}"};
  static constexpr auto fields() {
    return std::tuple{
        field("head", "", "number of its newest entry", &RosterChanged::head),
        field("lost", "", "entries that counted before and do not any more", &RosterChanged::lost)};
  }
};
struct MemberAdded {
  std::string peer, node;
  static constexpr Kind kKind{"member_added", Group::Members, Level::Info,
                              "{peer} is in the network"};
  static constexpr auto fields() {
    return std::tuple{field("peer", "", "its name", &MemberAdded::peer),
                      field("node", "", "its NodeId", &MemberAdded::node)};
  }
};
struct MemberRemoved {
  std::string peer, node;
  static constexpr Kind kKind{"member_removed", Group::Members, Level::Info,
                              "{peer} is not in the network any more"};
  static constexpr auto fields() {
    return std::tuple{field("peer", "", "its name", &MemberRemoved::peer),
                      field("node", "", "its NodeId", &MemberRemoved::node)};
  }
};
struct MemberChanged {
  std::string peer, node, was;
  Texts may;
  static constexpr Kind kKind{"member_changed", Group::Members, Level::Info,
                              "{peer} has another name or other rights"};
  static constexpr auto fields() {
    return std::tuple{field("peer", "", "its name now", &MemberChanged::peer),
                      field("node", "", "its NodeId", &MemberChanged::node),
                      field("was", "", "its name before", &MemberChanged::was),
                      field("may", "", "its rights: expose, relay, admin", &MemberChanged::may)};
  }
};
struct MemberState {
  std::string peer, node, state, was;
  std::uint64_t incarnation = 0;
  static constexpr Kind kKind{"member_state", Group::Members, Level::Info,
                              "{peer} is {state}, was {was}"};
  static constexpr auto fields() {
    return std::tuple{
        field("peer", "", "its name", &MemberState::peer),
        field("node", "", "its NodeId", &MemberState::node),
        field("state", "", "alive, suspect, dead or left", &MemberState::state),
        field("was", "", "the same, or away: not heard of since the start", &MemberState::was),
        field("incarnation", "", "of its newest word", &MemberState::incarnation)};
  }
};
struct NetworkJoined {
  std::string via;
  static constexpr Kind kKind{"joined", Group::Members, Level::Info,
                              "this node joined the network, by {via}"};
  static constexpr auto fields() {
    return std::tuple{field("via", "", "the node that let it in", &NetworkJoined::via)};
  }
};
struct NetworkMade {
  static constexpr Kind kKind{"network_made", Group::Members, Level::Info,
                              "this node made the network"};
  static constexpr auto fields() { return std::tuple{}; }
};
struct NetworkLeft {
  static constexpr Kind kKind{"network_left", Group::Members, Level::Info,
                              "this node left the network; others that it is in go on"};
  static constexpr auto fields() { return std::tuple{}; }
};
struct Removed {
  static constexpr Kind kKind{"removed", Group::Members, Level::Error,
                              "this node was removed from its network"};
  static constexpr auto fields() { return std::tuple{}; }
};

// ---- services -----------------------------------------------------------------------------------
struct ServiceExposed {
  std::string service, target;
  static constexpr Kind kKind{"service_exposed", Group::Services, Level::Info,
                              "{service} is exposed: {target}"};
  static constexpr auto fields() {
    return std::tuple{field("service", "", "its name", &ServiceExposed::service),
                      field("target", "", "where it is on this machine", &ServiceExposed::target)};
  }
};
struct ServiceUnexposed {
  std::string service;
  static constexpr Kind kKind{"service_unexposed", Group::Services, Level::Info,
                              "{service} is not exposed any more"};
  static constexpr auto fields() {
    return std::tuple{field("service", "", "its name", &ServiceUnexposed::service)};
  }
};
struct ServicesChanged {
  std::string peer, node;
  static constexpr Kind kKind{"services_changed", Group::Services, Level::Info,
                              "{peer} offers other services, or their state changed"};
  static constexpr auto fields() {
    return std::tuple{field("peer", "", "who offers them", &ServicesChanged::peer),
                      field("node", "", "its NodeId", &ServicesChanged::node)};
  }
};
struct CallerDenied {
  std::string service, peer, node, rule;
  static constexpr Kind kKind{"caller_denied", Group::Services, Level::Warning,
                              "{peer} may not use {service} and asked for it"};
  static constexpr auto fields() {
    return std::tuple{
        field("service", "", "which", &CallerDenied::service),
        field("peer", "", "who asked", &CallerDenied::peer),
        field("node", "", "its NodeId", &CallerDenied::node),
        field("rule", "", "that keeps it out; empty if none lets it in", &CallerDenied::rule)};
  }
};
struct TargetRefused {
  std::string service, peer, err;
  static constexpr Kind kKind{"target_refused", Group::Services, Level::Warning,
                              "the target of {service} may not be offered: {err}"};
  static constexpr auto fields() {
    return std::tuple{field("service", "", "which", &TargetRefused::service),
                      field("peer", "", "who asked", &TargetRefused::peer),
                      field("err", "", "why", &TargetRefused::err)};
  }
};
struct TargetFailed {
  std::string service, peer, err;
  static constexpr Kind kKind{"target_failed", Group::Services, Level::Warning,
                              "the target of {service} does not answer: {err}"};
  static constexpr auto fields() {
    return std::tuple{field("service", "", "which", &TargetFailed::service),
                      field("peer", "", "who asked", &TargetFailed::peer),
                      field("err", "", "why", &TargetFailed::err)};
  }
};

struct ExitRefused {
  std::string service, peer, to, err;
  static constexpr Kind kKind{"exit_refused", Group::Services, Level::Warning,
                              "{peer} was not led to {to}: {err}"};
  static constexpr auto fields() {
    return std::tuple{field("service", "", "the exit", &ExitRefused::service),
                      field("peer", "", "who asked", &ExitRefused::peer),
                      field("to", "", "for what", &ExitRefused::to),
                      field("err", "", "why", &ExitRefused::err)};
  }
};

// ---- doors --------------------------------------------------------------------------------------
struct DoorOpened {
  std::uint64_t door = 0;
  std::string service, peer, listen;
  static constexpr Kind kKind{"door_opened", Group::Doors, Level::Info,
                              "door {door} to {service} at {listen}"};
  static constexpr auto fields() {
    return std::tuple{field("door", "", "its number", &DoorOpened::door),
                      field("service", "", "where it leads", &DoorOpened::service),
                      field("peer", "", "the node it leads to", &DoorOpened::peer),
                      field("listen", "", "its address on this machine", &DoorOpened::listen)};
  }
};
struct DoorClosed {
  std::uint64_t door = 0;
  std::string service;
  static constexpr Kind kKind{"door_closed", Group::Doors, Level::Info,
                              "door {door} to {service} is closed"};
  static constexpr auto fields() {
    return std::tuple{field("door", "", "its number", &DoorClosed::door),
                      field("service", "", "where it led", &DoorClosed::service)};
  }
};
struct DoorOpenToNetwork {
  std::uint64_t door = 0;
  std::string service, listen;
  static constexpr Kind kKind{"door_open_to_network", Group::Doors, Level::Warning,
                              "door {door} to {service} is open to other machines at {listen}"};
  static constexpr auto fields() {
    return std::tuple{field("door", "", "its number", &DoorOpenToNetwork::door),
                      field("service", "", "where it leads", &DoorOpenToNetwork::service),
                      field("listen", "", "its address", &DoorOpenToNetwork::listen)};
  }
};
struct DoorFailed {
  std::uint64_t door = 0;
  std::string service, listen, err;
  static constexpr Kind kKind{"door_failed", Group::Doors, Level::Error,
                              "door {door} to {service} cannot be opened at {listen}: {err}"};
  static constexpr auto fields() {
    return std::tuple{field("door", "", "its number", &DoorFailed::door),
                      field("service", "", "where it leads", &DoorFailed::service),
                      field("listen", "", "its address", &DoorFailed::listen),
                      field("err", "", "why", &DoorFailed::err)};
  }
};
struct ConnectFailed {
  std::string service, peer, err;
  static constexpr Kind kKind{"connect_failed", Group::Doors, Level::Warning,
                              "no stream to {service}: {err}"};
  static constexpr auto fields() {
    return std::tuple{field("service", "", "which", &ConnectFailed::service),
                      field("peer", "", "its node", &ConnectFailed::peer),
                      field("err", "", "why", &ConnectFailed::err)};
  }
};
struct RefusedByPeer {
  std::string service, peer, status, err;
  static constexpr Kind kKind{"refused_by_peer", Group::Doors, Level::Warning,
                              "{peer} refused a stream to {service}: {err}"};
  static constexpr auto fields() {
    return std::tuple{field("service", "", "which", &RefusedByPeer::service),
                      field("peer", "", "its node", &RefusedByPeer::peer),
                      field("status", "", "of the refusal", &RefusedByPeer::status),
                      field("err", "", "in its words", &RefusedByPeer::err)};
  }
};
struct ProxyRefused {
  std::string to, err;
  static constexpr Kind kKind{"proxy_refused", Group::Doors, Level::Warning,
                              "the proxy does not lead to {to}: {err}"};
  static constexpr auto fields() {
    return std::tuple{field("to", "", "what a program asked for", &ProxyRefused::to),
                      field("err", "", "why", &ProxyRefused::err)};
  }
};

// ---- the store ----------------------------------------------------------------------------------
struct StoreRemark {
  std::string msg;
  static constexpr Kind kKind{"state", Group::Store, Level::Warning, "{msg}"};
  static constexpr auto fields() {
    return std::tuple{
        field("msg", "", "what is remarkable about the databases", &StoreRemark::msg)};
  }
};
struct StoreFailed {
  std::string err;
  static constexpr Kind kKind{"store_failed", Group::Store, Level::Warning,
                              "a change could not be stored: {err}"};
  static constexpr auto fields() {
    return std::tuple{field("err", "", "what the disk says", &StoreFailed::err)};
  }
};
struct StoreWorks {
  static constexpr Kind kKind{"store_works", Group::Store, Level::Info, "changes are stored again"};
  static constexpr auto fields() { return std::tuple{}; }
};
struct LeaveFailed {
  std::string msg;
  static constexpr Kind kKind{"left", Group::Store, Level::Error,
                              "the home could not be set aside: {msg}"};
  static constexpr auto fields() { return std::tuple{field("msg", "", "why", &LeaveFailed::msg)}; }
};

// ---- the API ------------------------------------------------------------------------------------
// What a person or a program changed, or tried to.
struct Audit {
  std::string action, path;
  Asked asked;
  std::string uid, result, err;
  static constexpr Kind kKind{"audit", Group::Api, Level::Info, "{action} {path}: {result} {err}"};
  static constexpr auto fields() {
    return std::tuple{field("action", "", "allow, invite, join, ...", &Audit::action),
                      field("path", "", "of the request", &Audit::path),
                      field("asked", "", "fields of the request, without secrets", &Audit::asked),
                      field("uid", "", "of the caller", &Audit::uid),
                      field("result", "", "ok or refused", &Audit::result),
                      field("err", "", "why it was refused", &Audit::err)};
  }
};
struct SocketLost {
  std::string err;
  static constexpr Kind kKind{"socket_lost", Group::Api, Level::Warning,
                              "the API's socket is gone and cannot be made anew: {err}"};
  static constexpr auto fields() { return std::tuple{field("err", "", "why", &SocketLost::err)}; }
};
struct SocketBoundAgain {
  std::string path;
  static constexpr Kind kKind{"socket_bound_again", Group::Api, Level::Warning,
                              "the API's socket was gone and was made anew at {path}"};
  static constexpr auto fields() {
    return std::tuple{field("path", "", "where", &SocketBoundAgain::path)};
  }
};

// ---- events about events ------------------------------------------------------------------------
struct Repeated {
  std::string of, about;
  std::uint64_t count = 0;
  static constexpr Kind kKind{"repeated", Group::Events, Level::Warning,
                              "{count} more of {of} in the last minute ({about})"};
  static constexpr auto fields() {
    return std::tuple{
        field("of", "", "the kind that was held back", &Repeated::of),
        field("about", "", "the peer, service or reason they share", &Repeated::about),
        field("count", "", "how many", &Repeated::count)};
  }
};

using Body = std::variant<
    Start, Stopping, Reload, ReloadFailed, SignalIgnored, DirectoryRepaired, SetAsideRemoved,
    NoResolver, NameIgnored, Woke, AddressesChanged, LanLeftOut, DhtMode, ConnectionFailed,
    ProxyIgnored, PortMapped, PortNotMapped, GsoOff, GsoOn, SeenAt, Limit, ConfigFailed, Notice,
    PeerUp, PeerDown, PeerMoved, PeerSilent, PeerHeard, RosterChanged, MemberAdded, MemberRemoved,
    MemberChanged, MemberState, NetworkJoined, Removed, ServiceExposed, ServiceUnexposed,
    ServicesChanged, CallerDenied, TargetRefused, TargetFailed, DoorOpened, DoorClosed,
    DoorOpenToNetwork, DoorFailed, ConnectFailed, RefusedByPeer, StoreRemark, StoreFailed,
    StoreWorks, LeaveFailed, Audit, SocketLost, SocketBoundAgain, ExitRefused, ProxyRefused,
    NetworkMade, NetworkLeft, ShareEnded, AccessAsked, Repeated>;

}  // namespace weft::events
