// A member that deviates: a real identity and real sessions, but what it says, to whom, how often
// and whether it listens is the test's to choose. It stands where a node stood whose keys it took
// over.
//
// It has several faces, each an endpoint with a session layer of its own: face 0 is the member, the
// others are strangers who know the network's secret (holders of an old ticket).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "overlay/control_message.hpp"
#include "overlay/roster/roster.hpp"
#include "overlay/session/session_layer.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {

inline constexpr std::size_t kMaxFaces = 40;

// Takes everybody for a member: whom it talks to is no question of trust for a puppet.
class TrustsAll final : public TrustView {
 public:
  [[nodiscard]] Verdict verdict(const NetworkId&, const NodeId&, UnixTime) const override {
    return Verdict::Member;
  }
  [[nodiscard]] std::uint64_t epoch_floor(const NetworkId&, const NodeId&) const override {
    return 0;
  }
  [[nodiscard]] std::optional<std::string> name_of(const NetworkId&, const NodeId&) const override {
    return std::nullopt;
  }
  [[nodiscard]] std::optional<NodeId> node_named(const NetworkId&,
                                                 const std::string&) const override {
    return std::nullopt;
  }
  [[nodiscard]] bool in_group(const NetworkId&, const NodeId&, const std::string&) const override {
    return false;
  }
};

class Puppet final : public Guest {
 public:
  struct Victim {
    std::string name;
    NodeId id;
    IdentityKey identity{};
    Endpoint endpoint;
    bool senior = false;                        // an admin, and was one before the puppet
    std::optional<session::SessionId> session;  // ours or theirs, the newest that is up
    std::optional<session::SessionId> dialling;
    std::optional<session::StreamId> control;
    Instant next_dial{};
    Bytes outbox;  // control bytes that the victim's window does not take yet
    std::vector<session::StreamId> streams;
    std::uint64_t ups = 0;
    std::uint64_t served = 0;  // streams whose request for a service was answered "ok"
  };

  // Takes over the node's identity, person and endpoint; the node must have crashed.
  Puppet(const Node& node, const NetworkKeys& network, roster::Roster roster, std::uint64_t seed);

  void aim_at(const Node& node, bool senior);

  // What it does.
  void say(Instant now, Victim& victim, const ControlMessage& message);
  void say_raw(Instant now, Victim& victim, ByteView bytes);
  // A stream that asks for a service and sends `bytes` behind its request.
  void open(Instant now, Victim& victim, const std::string& service, std::size_t bytes);
  void reset_streams(Instant now, Victim& victim);
  void hang_up(Instant now, Victim& victim);
  void knock(Instant now, Victim& victim);  // a stranger dials in join mode, from a new face
  void send_as(int face, const Endpoint& to, Bytes bytes);  // any datagram from any face
  // An entry of its own on the head of the roster it holds; what it signs it also keeps.
  Bytes forge(const roster::Body& body);
  Bytes forge_unknown_kind();

  std::vector<Victim> victims;
  bool deaf = false;                             // hears no datagram: nothing is acknowledged
  bool mute = false;                             // sends none
  bool reads = true;                             // takes what comes on streams
  bool dials = true;                             // keeps a session with each victim
  std::deque<std::pair<Endpoint, Bytes>> heard;  // the last datagrams that came, and from whom
  std::deque<std::pair<Endpoint, Bytes>> sent;   // the last that went, and to whom
  roster::Roster roster;
  Identity identity;
  crypto::Ed25519KeyPair person;
  SeededRng rng;
  std::function<void(Instant, Puppet&)> misdeed;  // every 20 ms

  // Guest.
  [[nodiscard]] std::optional<int> face_at(const Endpoint& endpoint) const override;
  void handle_datagram(Instant now, int face, const Datagram& datagram) override;
  void handle_timeout(Instant now) override;
  std::optional<Sent> poll_transmit(Instant now, MutableByteView out) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

 private:
  struct Face {
    Endpoint endpoint;
    Identity identity;
    std::unique_ptr<session::SessionLayer> layer = nullptr;
  };
  void add_face(const Identity& who, const Endpoint& endpoint);
  session::SessionLayer& layer() { return *faces_[0].layer; }
  void dial(Instant now, Victim& victim);
  void flush(Instant now, Victim& victim);
  void settle(Instant now);
  void on_up(Instant now, const session::SessionUp& up);
  void on_readable(Instant now, const session::StreamReadable& event);
  Victim* victim_of(session::SessionId session);

  TrustsAll trust_;
  NetworkKeys network_;
  path::PathTable paths_;
  std::deque<Face> faces_;  // a layer looks at its face's identity: faces stay where they are
  std::deque<std::pair<int, std::pair<Endpoint, Bytes>>> loose_;  // datagrams of send_as()
  Instant next_tick_{};
  Endpoint base_;
};

}  // namespace weft::overlay::testing
