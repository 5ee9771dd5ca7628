// The entries of one network as a tree, the removals among them that stand, the chain chosen
// through it, and its state. Inner part of Roster (docs/trust.md has the rules in words); nobody
// else includes it. tree.cpp takes entries in; choice.cpp decides.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
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

// What an entry must pass besides being valid where it stands.
enum class Gate : std::uint8_t {
  Stored,    // nothing: it was taken in once
  Member,    // there is room for entries that lose
  Stranger,  // and its signers are admins by what we hold, its parent is here
};

class EntryTree {
 public:
  // What never changes about an entry once its parent is known is kept with it.
  struct Vertex {
    Entry entry;
    Bytes bytes;
    crypto::Hash hash{};
    NodeIndex parent = 0;
    std::vector<NodeIndex> children;
    std::uint64_t rank = 0;       // State::rank_of, in the parent's state
    std::vector<NodeId> names;    // State::names_of, there
    std::vector<NodeId> removes;  // of a removal: State::named_by, there
    bool admits = false;          // its key was nobody's there
    bool chosen = false;
    bool voided = false;  // signed by somebody removed, and no ancestor of that removal
    bool dead = false;    // voided, or behind one that is
  };
  struct Outcome {
    bool head_changed = false;
    bool equivocation = false;
    bool already_known = false;
    bool waiting = false;
    bool beside_changed = false;  // removals that stand beside the chain: others, or none now
    std::vector<NodeIndex> added;
    std::vector<NodeIndex> lost;  // were chosen and are not, in order
  };

  static Result<EntryTree> with_genesis(ByteView bytes);

  [[nodiscard]] Result<Outcome> insert(ByteView bytes, Gate gate);

  [[nodiscard]] const Vertex& at(NodeIndex index) const { return vertices_[index]; }
  [[nodiscard]] std::size_t size() const { return vertices_.size(); }
  [[nodiscard]] const std::vector<NodeIndex>& chain() const { return chain_; }
  [[nodiscard]] const std::set<NodeIndex>& unchosen() const { return unchosen_; }
  [[nodiscard]] std::optional<NodeIndex> find(const crypto::Hash& hash) const;
  // What is so: the chain, and the removals that stand beside it.
  [[nodiscard]] const State& state() const { return overlaid_ ? *overlaid_ : path_; }
  // What the chain alone says: entries are valid, or not, against this.
  [[nodiscard]] const State& path() const { return path_; }
  // Removals that stand, are not on the chain, and say what the chain does not; strongest first.
  [[nodiscard]] const std::vector<NodeIndex>& beside() const { return beside_; }
  [[nodiscard]] std::optional<NodeIndex> stopped_at() const { return stopped_at_; }
  [[nodiscard]] Head head() const;
  // The place on the chain where the path to `index` leaves it.
  [[nodiscard]] std::uint64_t fork_point(NodeIndex index) const;
  [[nodiscard]] std::uint64_t equivocations() const { return equivocations_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  void count_refused() { ++refused_; }
  void check_invariants() const;

 private:
  Result<void> attach(Entry entry, ByteView bytes, const crypto::Hash& hash, NodeIndex parent,
                      Gate gate, Outcome& outcome);
  Result<void> attach_beside(Vertex vertex, const State& before, Gate gate, Outcome& outcome);
  [[nodiscard]] Result<void> check_stranger(const Entry& entry, bool parent_here) const;
  [[nodiscard]] Result<void> check_room_beside(const Vertex& vertex) const;
  Result<void> keep_waiting(ByteView bytes, const Entry& entry, const crypto::Hash& hash);
  void attach_waiting(Gate gate, Outcome& outcome);
  NodeIndex add_vertex(Vertex vertex, Outcome& outcome);
  [[nodiscard]] State state_at(NodeIndex index) const;
  [[nodiscard]] static bool stops(const Entry& entry) {
    return entry.critical && !entry.known_kind();
  }
  // Puts a child of the head on the chain; path_ already includes it.
  void extend(NodeIndex index, Outcome& outcome);

  // --- choice.cpp
  [[nodiscard]] static bool beats(const Vertex& a, const Vertex& b);
  [[nodiscard]] bool is_named(const std::vector<NodeId>& names) const;
  [[nodiscard]] bool precedes(NodeIndex entry, NodeIndex removal) const;
  [[nodiscard]] NodeIndex ancestor(NodeIndex index, std::uint64_t seq) const;
  [[nodiscard]] bool stands(NodeIndex removal) const;
  void let_stand(NodeIndex removal);
  // A removal came: which stand, which entries they void, which chain is left.
  void resolve(Outcome& outcome);
  void adopt(const std::vector<NodeIndex>& chain, std::optional<NodeIndex> stop, Outcome& outcome);
  void refresh_beside(Outcome& outcome);

  std::vector<Vertex> vertices_;
  std::unordered_map<crypto::Hash, NodeIndex, HashOfHash> by_hash_;
  std::map<NodeId, std::vector<NodeIndex>> by_name_;  // entries, by whose name they are signed in
  std::vector<NodeIndex> chain_;                      // chain_[seq]
  std::set<NodeIndex> unchosen_;
  std::optional<NodeIndex> stopped_at_;  // the critical unknown child of the head that won
  std::vector<NodeIndex> removals_;      // all held
  std::vector<NodeIndex> standing_;      // of these, strongest first
  std::set<NodeId> named_;               // by those that stand
  std::vector<NodeIndex> beside_;
  State path_;  // after the chain
  std::optional<State> overlaid_;
  std::optional<std::pair<NodeIndex, State>> side_;  // where the last entry beside the chain led
  struct Waiting {
    crypto::Hash prev{};
    Bytes bytes;
  };
  std::map<crypto::Hash, Waiting> waiting_;  // by own hash
  std::uint64_t equivocations_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace weft::roster
