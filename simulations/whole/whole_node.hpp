// One whole node of a simulated network: the daemon's core (overlay::Overlay) with a disk in memory
// and programs at the ends of its streams. What it learns goes to a log that the workload reads
// between windows.
#pragma once

#include <map>
#include <variant>

#include "base/seeded_rng.hpp"
#include "overlay/overlay.hpp"
#include "simulations/node_core.hpp"
#include "simulations/whole/disk.hpp"
#include "simulations/whole/stream_program.hpp"

namespace weft::sim {

// A command was answered. `stored`: at that moment the disk had what it was to have.
struct CommandAnswered {
  overlay::CommandId id = 0;
  Result<overlay::Outcome> result;
  bool stored = false;
};
// A caller passed the rules here.
struct CallerServed {
  NodeId caller;
  std::string service;
  std::optional<Duration> removed_for;  // how long its removal has lain on this disk
};
struct TransferEnded {
  Transfer transfer;
  TransferEnd end = TransferEnd::Done;
  bool client = false;
};
// The caller's stream never came to be: away, or refused by the rules or the target.
struct OpenFailed {
  std::uint64_t transfer = 0;
  bool denied = false;
};
struct RosterMoved {
  std::uint64_t sequence = 0;
};
// A subscriber took one of the messages that the workload publishes.
struct MessageTaken {
  NodeId publisher;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  std::uint64_t number = 0;  // as publish() was given it
  std::uint64_t missed = 0;  // before it
};
// This node holds another for that now.
struct StateSeen {
  NodeId node;
  membership::State state{};
};
using WholeFact = std::variant<CommandAnswered, CallerServed, TransferEnded, OpenFailed,
                               RosterMoved, MessageTaken, StateSeen>;

// Facts of the nodes of one shard, kept until the window ends.
struct FactLog {
  struct Entry {
    Instant at;
    std::uint32_t node = 0;
    WholeFact fact;
  };
  std::vector<Entry> entries;
};

// What a command has promised to have stored when it is acknowledged.
struct Promise {
  Table table = Table::Roster;
  std::uint64_t version = 0;  // of the table, when the command was given
};

struct WholeSetup {
  overlay::OverlayConfig config;
  std::string name;
  std::uint64_t seed = 0;  // of this process
  WallClock wall;
  bool double_a_byte = false;  // for tests of the checkers: its answers slip
};

class WholeNode final : public NodeCore {
 public:
  // Starts from what is on the disk; at a first start it founds a network of its own. Disk and log
  // outlive it.
  WholeNode(Instant now, WholeSetup setup, std::uint32_t index, Disk& disk, FactLog& log);
  ~WholeNode() override;

  void handle_datagram(Instant now, const Datagram& in) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit(Instant now, MutableByteView out) override;
  bool drain_events(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

  // After each command: Simulator::drain(index).
  [[nodiscard]] overlay::Overlay& overlay() { return *overlay_; }
  // The next answer of this command is checked against the disk.
  void promise(overlay::CommandId id, Table table);
  // Opens service@node and moves the transfer's bytes.
  void open(Instant now, const std::string& service, const std::string& node,
            const Transfer& transfer);
  // All messages that the workload publishes come as facts from now on. False: not in a network.
  bool subscribe(Instant now);
  // A message of so many bytes that is to be held; CommandAnswered follows.
  [[nodiscard]] overlay::CommandId publish(Instant now, std::uint64_t number, std::size_t bytes);
  [[nodiscard]] const Disk& disk() const { return disk_; }

 private:
  void on(Instant now, const overlay::CommandDone& e);
  void on(Instant now, const overlay::PersistRequest& e);
  void on(Instant now, const overlay::InboundStream& e);
  void on(Instant now, const overlay::ProbeTarget& e);
  void on(Instant now, const overlay::ConnectReady& e);
  void on(Instant now, const overlay::ConnectFailed& e);
  void on(Instant now, const overlay::ConnectRefused& e);
  void on(Instant now, const overlay::DataReadable& e) { pump(now, e.key); }
  void on(Instant now, const overlay::DataWritable& e) { pump(now, e.key); }
  void on(Instant now, const overlay::ConnectAccepted& e) { pump(now, e.key); }
  void on(Instant now, const overlay::DataReset& e) { drop(now, e.key); }
  void on(Instant now, const overlay::DataClosed& e) { drop(now, e.key); }
  void on(Instant now, const overlay::RosterChanged& e);
  void on(Instant now, const overlay::MessagesWaiting& e);
  void on(Instant now, const overlay::OpenCarrier& e) {
    overlay_->carrier_failed(now, e.id, "nobody listens");
  }
  void on(Instant now, const overlay::MemberStateChanged& e) {
    tell(now, StateSeen{e.node, e.state});
  }
  void on(Instant, const auto&) {}
  void pump(Instant now, const overlay::StreamKey& key);
  void drop(Instant now, const overlay::StreamKey& key);
  void tell(Instant now, WholeFact fact);

  std::uint32_t index_;
  Disk& disk_;
  FactLog& log_;
  bool double_a_byte_;
  SeededRng rng_;
  std::unique_ptr<overlay::Overlay> overlay_;
  std::map<overlay::CommandId, Promise> promises_;
  std::map<overlay::CommandId, Transfer> opening_;
  std::map<overlay::StreamKey, StreamProgram> programs_;
};

}  // namespace weft::sim
