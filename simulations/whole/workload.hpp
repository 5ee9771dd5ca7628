// Whole nodes: overlay::Overlay with sessions, roster, services and streams. The first node founds
// the network; the others join by a ticket that an admin's node wrote. Some expose a service that
// lets a few members in; all open services, strangers too, and move bytes; all publish messages and
// subscribe to them, and tell whom they hold for dead. The laws of laws.hpp are checked all along.
// Scenario: [whole], [expect], events remove, transfer and sign. Columns: see finish().
#pragma once

#include <map>
#include <set>

#include "simulations/run.hpp"
#include "simulations/whole/laws.hpp"
#include "simulations/whole/presence.hpp"
#include "simulations/whole/talk.hpp"
#include "simulations/whole/whole_node.hpp"

namespace weft::sim {

class WholeWorkload final : public Workload {
 public:
  explicit WholeWorkload(Run& run);  // outlives the workload
  ~WholeWorkload() override;

  void start(Instant warm) override;
  std::unique_ptr<NodeCore> arrive(Instant now, std::uint32_t node) override;
  void arrived(Instant now, std::uint32_t node) override;
  void departed(Instant now, std::uint32_t node, std::unique_ptr<NodeCore> core) override;
  void suspended(std::uint32_t node) override;
  void woke(Instant now, std::uint32_t node, NodeCore& core) override;
  void moved(Instant now, std::uint32_t node) override;
  void play_event(Instant now, const ScriptedEvent& event) override;
  void parted(Instant now) override;
  void healed(Instant now) override;
  [[nodiscard]] std::vector<std::uint32_t> kept_apart() const override;
  void play(Instant now, std::uint32_t step, std::uint32_t argument) override;
  void window_over(Instant now) override;
  void sample(Instant now, Sample& row) override;
  void finish(RunResult& result) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

  [[nodiscard]] const Laws& laws() const { return laws_; }

 private:
  enum Step : std::uint32_t { kInvite, kExpose, kAllow, kOpen, kPiece, kSubscribe, kPublish };
  struct Pending {  // a command of one node
    enum class What : std::uint8_t { Invite, Join, Expose, Allow, Remove, Sign, Publish };
    What what = What::Invite;
    std::uint64_t about = 0;  // a node; of Publish, the message
    Instant since;
  };
  struct Opening {
    Instant since;
    std::uint32_t caller = 0;
    std::uint32_t server = 0;
    bool allowed = false;
    bool piece = false;  // of a large transfer, which goes on when this is there
  };
  // What the script knows of a node and the node may not.
  struct Whole {
    Whole(RowPool& pool, Duration delay) : disk(pool, delay) {}
    Disk disk;
    NodeId id;
    std::uint32_t processes = 0;
    std::optional<Instant> asked;  // for a ticket, first
    bool joined = false;
    bool exposed = false;            // acknowledged
    std::optional<Instant> removed;  // acknowledged by an admin
    std::set<std::uint32_t> readers;
    std::map<overlay::CommandId, Pending> commands;  // of this process
  };
  struct Pair {
    std::uint32_t caller = 0;
    std::uint32_t server = 0;
  };
  struct Side {  // what the nodes of one shard share
    RowPool pool;
    FactLog log;
  };

  [[nodiscard]] std::string name_of_node(std::uint32_t node) const;
  [[nodiscard]] overlay::OverlayConfig config_of(std::uint32_t node) const;
  [[nodiscard]] std::vector<Endpoint> mapped_of(std::uint32_t node) const;
  [[nodiscard]] WholeNode& node_at(std::uint32_t node);
  [[nodiscard]] Side& side_of(std::uint32_t node) {
    return *sides_[run_.simulator().network().shard_of(node)];
  }
  [[nodiscard]] bool online(std::uint32_t node) const { return population_.at(node).online; }
  [[nodiscard]] bool exposes(std::uint32_t node) const;
  void remember(std::uint32_t node, overlay::CommandId id, const Pending& pending, Table table);

  // members.cpp: who is in the network
  void ask_ticket(Instant now, std::uint32_t node);
  void remove_some(Instant now, std::uint32_t percent);
  void sign_some(Instant now, std::uint32_t entries);
  void answered(Instant now, std::uint32_t node, const CommandAnswered& fact);
  void joined(Instant now, std::uint32_t node, const Pending& pending, bool stored);
  void check_restart(Instant now, std::uint32_t node);
  void check_heads(Instant now);

  // talking.cpp: what they say to each other, and whom they hold for dead
  void subscribe(Instant now, std::uint32_t node, bool fresh);
  void publish_some(Instant now);
  void check_talk(Instant now);
  void check_presence(Instant now);
  void went(Instant now, std::uint32_t node);
  void on(Instant now, std::uint32_t node, const MessageTaken& fact);
  void on(Instant now, std::uint32_t node, const StateSeen& fact);
  [[nodiscard]] std::vector<std::string> talk_notes() const;

  // services.cpp: what they open
  void choose_readers();
  void expose(Instant now, std::uint32_t node);
  void allow(Instant now, std::uint32_t node);
  void open_some(Instant now);
  void start_transfer(Instant now, const ScriptedEvent& event);
  [[nodiscard]] std::optional<Pair> pair_for_pieces() const;
  void next_piece(Instant now);
  void open(Instant now, std::uint32_t caller, std::uint32_t server, std::uint64_t up,
            std::uint64_t down, bool piece);
  void abandon(std::uint32_t node);
  void on(Instant now, std::uint32_t node, const CallerServed& fact);
  void on(Instant now, std::uint32_t node, const TransferEnded& fact);
  void on(Instant now, std::uint32_t node, const OpenFailed& fact);
  void on(Instant now, std::uint32_t node, const CommandAnswered& fact) {
    answered(now, node, fact);
  }
  void on(Instant now, std::uint32_t node, const RosterMoved& fact);
  void note(Instant now, Operation operation, Instant since, bool ok);

  Run& run_;
  const Scenario& scenario_;
  const WholeOptions& options_;
  Population& population_;
  std::uint64_t seed_;
  std::vector<std::unique_ptr<Side>> sides_;
  std::vector<std::unique_ptr<Whole>> nodes_;
  std::map<NodeId, std::uint32_t> by_id_;
  std::vector<std::uint32_t> servers_;  // that let their readers in, in this order
  std::map<std::uint64_t, Opening> openings_;
  NetworkId network_;  // of node 0
  Laws laws_;
  Talk talk_;
  Presence presence_;
  Instant next_open_;
  Instant next_publish_;
  std::uint64_t wrongly_before_ = 0, delivered_before_ = 0;
  std::uint32_t looked_ = 0;  // at whose view of the others, last
  std::uint64_t last_transfer_ = 0;
  std::uint32_t pieces_left_ = 0;
  std::uint64_t piece_bytes_ = 0;
  std::optional<Pair> piece_;
  std::uint64_t signed_ = 0;
  bool parted_ = false;
  Instant disturbed_{};  // the roster or the network changed
  std::uint64_t denied_ = 0;
  std::uint64_t abandoned_ = 0;
  std::uint64_t moved_bytes_ = 0, moved_before_ = 0;
  std::vector<Measured> measured_;
  std::uint32_t opens_ = 0, opens_ok_ = 0, joins_ = 0, restarts_ = 0;  // since the last sample
};

}  // namespace weft::sim
