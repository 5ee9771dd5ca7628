// The entries of one network as a tree, the chain chosen through it, and its state. Inner part of
// Roster (see roster.hpp for the rules); nobody else includes it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "overlay/roster/state.hpp"

namespace weft::roster {

using NodeIndex = std::uint32_t;

struct HashOfHash {
  std::size_t operator()(const crypto::Hash& hash) const noexcept {
    return static_cast<std::size_t>(read_be<std::uint64_t>(hash));
  }
};

class EntryTree {
 public:
  struct Vertex {
    Entry entry;
    Bytes bytes;
    crypto::Hash hash{};
    NodeIndex parent = 0;
    std::vector<NodeIndex> children;
    bool chosen = false;
  };
  struct Outcome {
    bool head_changed = false;
    bool reorganised = false;
    bool equivocation = false;
    bool already_known = false;
    bool waiting = false;
    std::vector<NodeIndex> added;
  };

  static Result<EntryTree> with_genesis(ByteView bytes);

  // `gated`: the checkpoint rule and the limit of losers hold, as for everything from outside.
  [[nodiscard]] Result<Outcome> insert(ByteView bytes, bool gated);

  [[nodiscard]] const Vertex& at(NodeIndex index) const { return vertices_[index]; }
  [[nodiscard]] std::size_t size() const { return vertices_.size(); }
  [[nodiscard]] const std::vector<NodeIndex>& chain() const { return chain_; }
  [[nodiscard]] std::optional<NodeIndex> find(const crypto::Hash& hash) const;
  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] bool stopped() const { return stopped_at_.has_value(); }
  [[nodiscard]] Head head() const;
  // The place on the chain where the path to `index` leaves it.
  [[nodiscard]] std::uint64_t fork_point(NodeIndex index) const;
  [[nodiscard]] std::uint64_t equivocations() const { return equivocations_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  void count_refused() { ++refused_; }
  void check_invariants() const;

 private:
  Result<void> attach(Entry entry, ByteView bytes, const crypto::Hash& hash, NodeIndex parent,
                      bool gated, Outcome& outcome);
  Result<void> attach_fork(Entry entry, ByteView bytes, const crypto::Hash& hash, NodeIndex parent,
                           bool gated, Outcome& outcome);
  Result<void> keep_waiting(ByteView bytes, const Entry& entry, const crypto::Hash& hash);
  void attach_waiting(bool gated, Outcome& outcome);
  NodeIndex add_vertex(Entry entry, ByteView bytes, const crypto::Hash& hash, NodeIndex parent,
                       Outcome& outcome);
  [[nodiscard]] State state_at(NodeIndex index) const;
  [[nodiscard]] static bool stops(const Entry& entry) {
    return entry.critical && !entry.known_kind();
  }
  [[nodiscard]] static bool beats(const State& parent, const Vertex& a, const Vertex& b);
  // Puts a child of the head on the chain, or stops there; state_ already includes it.
  void extend(NodeIndex index, Outcome& outcome);
  void truncate(std::uint64_t seq);

  std::vector<Vertex> vertices_;
  std::unordered_map<crypto::Hash, NodeIndex, HashOfHash> by_hash_;
  std::vector<NodeIndex> chain_;         // chain_[seq]
  std::optional<NodeIndex> stopped_at_;  // the critical unknown child of the head that won
  std::uint64_t checkpoint_ = 0;         // seq of the last one on the chain
  State state_;                          // after the chain
  struct Waiting {
    crypto::Hash prev{};
    Bytes bytes;
  };
  std::map<crypto::Hash, Waiting> waiting_;  // by own hash
  std::uint64_t equivocations_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace weft::roster
