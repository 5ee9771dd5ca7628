// What people see of a node: answers to queries, as plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/identity.hpp"
#include "base/trust_view.hpp"
#include "overlay/membership/state.hpp"
#include "overlay/service/service.hpp"
#include "overlay/service/terms.hpp"
#include "overlay/session/session_layer.hpp"

namespace weft::overlay {

inline constexpr std::size_t kMaxReaders = 64;  // named for one service; a list, not a census

struct NetworkView {
  NetworkId id;
  std::string name;
  std::string node_name;  // what this node is called there
  std::string role;       // "admin", "member", "none"
  std::size_t members = 0;
  std::size_t up = 0;  // of them, with a session
  bool is_default = false;
  bool unused = false;  // as a first start made it: a join takes its place
};
struct MemberView {
  NodeId id;
  std::string name;
  std::string state;  // "alive", "away", "self"
  std::optional<Duration> rtt;
  UnixTime since = 0;  // of that state; 0: not known, as of a peer not met since this start
  UnixTime joined = 0;
  bool admin = false;
  std::vector<std::string> may;  // expose, relay, admin
  // As membership has it, whether or not a session is up.
  membership::State presence{};
  UnixTime presence_since = 0;  // 0: as since this start
  std::uint64_t incarnation = 0;
};
// A ticket that waits for its node.
struct InviteView {
  std::string id;  // hex
  std::string name;
  UnixTime expires = 0;
  std::vector<std::string> may;
  std::vector<std::string> allow;
};
struct PeerView {
  NodeId id;
  std::string name;
  std::string state;  // "up", "dialing": in its first round since it spoke, "down"
  std::optional<session::SessionInfo> session;
  std::string software = {};  // "weft 0.1.0", as it says; empty: not heard since we started
};
struct ServiceView {
  std::string name;
  std::string node;
  NodeId node_id;
  std::string protocol;
  std::uint16_t port = 0;  // of the target; 0: none
  bool healthy = false;    // its node is there and its last connection was not refused
  std::optional<Duration> rtt;
  bool up = false;          // a session with its node is there
  UnixTime away_since = 0;  // unless it is
  service::Health health = service::Health::Unknown;
  std::optional<Instant> health_at = {};
};
// What this node knows of the target of a service that it exposes.
struct HealthView {
  service::Health health = service::Health::Unknown;
  std::optional<Instant> at;  // of the connection that told it
  std::string detail;         // why it failed
};
// A rule with terms: access that ends by itself, or holds at some hours, or from some place.
struct ShareView {
  std::uint64_t id = 0;
  std::string service;
  std::string who;  // a name, group:NAME, *
  service::Terms terms;
  bool holds = false;  // now, as far as time says
  bool ended = false;
};
// Who asked for access, and waits for a person to decide.
struct AskView {
  std::uint64_t id = 0;
  NodeId who;
  std::string who_name;
  std::string service;
  std::string note;
  UnixTime at = 0;
};
// The access rules of one exposure as people write them: names, group:NAME, *.
struct AccessView {
  std::vector<std::string> allow, deny;
  bool shared = false;               // to somebody on terms, which hold now or may later
  std::vector<std::string> readers;  // the members that really may now; kMaxReaders at most
};
// What needs a person's eye about services and doors.
struct ServiceWarnings {
  bool may_not_expose = false;  // this node exposes and has no right to
  // Members that offer without the right, and how often they have said so.
  std::vector<std::pair<std::string, std::uint64_t>> unlicensed;
  std::vector<std::uint64_t> pinned;  // doors that got their node by themselves
  std::vector<std::pair<std::uint64_t, std::string>> unpinned;  // and could not, and why
};

// What the DHT of the network we are in is built from. The view lives as long as the overlay.
struct NetworkKeys {
  NetworkId network;
  ByteArray<32> secret{};
  Identity identity;
  StaticCredential credential;
  const TrustView* trust = nullptr;
};
struct KnownPeer {
  NodeId id;
  IdentityKey identity{};
  std::optional<Certificate> certificate;
  std::vector<Endpoint> endpoints;
  bool up = false;
  bool wanted = false;  // a session is wished for
};

}  // namespace weft::overlay
