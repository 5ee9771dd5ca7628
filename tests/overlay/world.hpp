// Several whole nodes without IO on one virtual network: Overlay objects, disks made of maps, an
// echo service behind every exposure, all stepped in virtual time from one seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/crypto.hpp"
#include "base/seeded_rng.hpp"
#include "overlay/overlay.hpp"
#include "tests/harness/link.hpp"

namespace weft::overlay::testing {

inline constexpr UnixTime kEpoch = 1'800'000'000;

struct Seen {
  Instant at;
  OverlayEvent event;
};

// A client's connection as the program behind a door would see it.
struct Client {
  bool accepted = false;
  bool closed = false;
  std::optional<service::OpenStatus> refused;
  std::string refused_because;
  std::optional<std::uint64_t> reset;
  std::optional<Instant> ended;
  std::string received;
};

struct Node {
  Node(int number, std::uint64_t seed, std::string node_name);

  int index;
  std::string name;
  SeededRng rng;
  Identity identity;
  crypto::Ed25519KeyPair person;
  Endpoint endpoint;
  OverlayConfig config;
  std::unique_ptr<Overlay> overlay;  // none while the node is down

  std::map<std::tuple<Table, NetworkId, Bytes>, Bytes> disk;
  bool disk_full = false;
  bool dead_targets = false;       // nothing listens there
  std::set<std::string> standing;  // services whose program reads nothing
  bool slow_targets = false;       // callers are not accepted: that is the test's to do
  Duration disk_delay = 1ms;
  std::vector<std::pair<Instant, Persist>> writing;

  std::size_t wakes = 0;  // moments at which it had something to do
  std::vector<Seen> events;
  std::map<StreamKey, Client> clients;
  std::map<StreamKey, bool> serving;                         // true: we finished our side
  std::map<StreamKey, Bytes> unsent;                         // said, not taken by the session yet
  std::set<StreamKey> ending;                                // nothing more will be said
  std::map<StreamKey, std::optional<std::uint64_t>> served;  // with the code of a reset, if any

  template <class Event>
  [[nodiscard]] std::vector<Event> of() const {
    std::vector<Event> out;
    for (const auto& seen : events)
      if (const auto* match = std::get_if<Event>(&seen.event)) out.push_back(*match);
    return out;
  }
  [[nodiscard]] std::optional<Result<Outcome>> answer(CommandId id) const;
  [[nodiscard]] std::optional<Error> connect_error(CommandId id) const;
  [[nodiscard]] std::optional<StreamKey> stream_of(CommandId id) const;
  [[nodiscard]] bool noticed(std::string_view part) const;  // a Notice with these words
};

// Somebody on the network who is no Overlay: a member that deviates, say. It is reached at one or
// more faces, each an endpoint of its own.
class Guest {
 public:
  struct Sent {
    Endpoint from;
    Transmit transmit;
  };
  virtual ~Guest() = default;
  [[nodiscard]] virtual std::optional<int> face_at(const Endpoint& endpoint) const = 0;
  virtual void handle_datagram(Instant now, int face, const Datagram& datagram) = 0;
  virtual void handle_timeout(Instant now) = 0;
  virtual std::optional<Sent> poll_transmit(Instant now, MutableByteView out) = 0;
  [[nodiscard]] virtual std::optional<Instant> poll_timeout() const = 0;
};

class World {
 public:
  explicit World(std::uint64_t seed = 1, harness::LinkOptions link = {});
  ~World();

  // A node with a network of its own, up and running.
  Node& add(const std::string& name, const std::function<void(OverlayConfig&)>& change = {});
  // A second machine with a copy of this node's home: the same identity, at another address.
  Node& clone(const Node& of);
  void crash(Node& node);  // as kill -9: what was not stored is gone
  void start(Node& node);  // from what is on its disk

  // No datagram passes between the two while cut.
  void cut(const Node& a, const Node& b, bool on = true);
  void move(Node& node, const Endpoint& to);  // it sends and is reached from there now

  void run(Duration span);
  bool run_until(const std::function<bool()>& done, Duration span = 30s);
  // Runs until the command has its answer.
  Result<Outcome> finish(Node& node, CommandId id, Duration span = 60s);

  // Shorthands that run until the answer is there.
  Result<InviteOutcome> invite(Node& inviter, const std::string& name,
                               std::vector<std::string> may = {"expose"},
                               std::vector<std::string> allow = {}, Duration ttl = 15min);
  Result<JoinOutcome> join(Node& joiner, const std::string& ticket);
  void bring_in(Node& inviter, Node& joiner, std::vector<std::string> may = {"expose"});
  Result<Outcome> expose(Node& node, const std::string& service,
                         std::vector<std::string> allow = {});
  // Opens service@node and waits for the answer of the far side.
  Client& open(Node& node, const std::string& service, const std::string& where);
  void say(Node& node, const StreamKey& key, std::string_view text);
  void end(Node& node, const StreamKey& key);  // behind all that was said
  StreamKey last_key(const Node& node) const;

  [[nodiscard]] bool linked(const Node& a, const Node& b) const;  // a session both know
  [[nodiscard]] bool same_head(const Node& a, const Node& b) const;
  [[nodiscard]] std::string digest() const { return to_hex(digest_); }

  Instant now{};
  Guest* guest = nullptr;  // at most one; it outlives its visit
  // Sees each datagram between nodes first; false swallows it.
  std::function<bool(const Node& from, const Node& to, ByteView bytes)> tap;

 private:
  bool step(Instant until);
  void drain();
  bool drain_one(Node& node);
  bool drain_guest();
  void deliver(const Endpoint& from, const Transmit& transmit, const Node* sender);
  void store(Node& node);
  void react(Node& node, const OverlayEvent& event);
  void pump(Node& node, const StreamKey& key);
  void flush(Node& node, const StreamKey& key);
  Node* at(const Endpoint& endpoint);

  std::uint64_t seed_;
  harness::Link link_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::set<std::pair<int, int>> cuts_;
  crypto::Hash digest_{};
  Bytes buffer_ = Bytes(kTransmitBufferSize);
};

}  // namespace weft::overlay::testing
