// Which removals stand, what they void, and the chain that is left: functions of the entries held,
// whatever order they came in. An entry that is no removal changes none of the first two, and can
// be void only by removals held before it, because an ancestor of a removal is held before that.
#include <algorithm>
#include <ranges>

#include "base/assert.hpp"
#include "overlay/roster/tree.hpp"

namespace weft::roster {
namespace {

bool removes_itself(const EntryTree::Vertex& vertex) {
  return std::ranges::find(vertex.removes, vertex.names.front()) != vertex.removes.end();
}

}  // namespace

// Children of one parent: both ranks are of that parent's state.
bool EntryTree::beats(const Vertex& a, const Vertex& b) {
  if (a.rank != b.rank) return a.rank < b.rank;
  return a.hash < b.hash;
}

bool EntryTree::is_named(const std::vector<NodeId>& names) const {
  return std::ranges::any_of(names, [&](const NodeId& id) { return named_.contains(id); });
}

bool EntryTree::precedes(NodeIndex entry, NodeIndex removal) const {
  if (vertices_[entry].entry.seq >= vertices_[removal].entry.seq) return false;
  auto at = removal;
  for (; !vertices_[at].chosen; at = vertices_[at].parent)
    if (at == entry) return true;
  return vertices_[entry].chosen && vertices_[entry].entry.seq <= vertices_[at].entry.seq;
}

NodeIndex EntryTree::ancestor(NodeIndex index, std::uint64_t seq) const {
  while (!vertices_[index].chosen && vertices_[index].entry.seq > seq)
    index = vertices_[index].parent;
  return vertices_[index].chosen && vertices_[index].entry.seq > seq ? chain_[seq] : index;
}

// It is not void itself, nor is any entry its signer's right to sign comes from. What most admins
// sign together counts them, so nothing behind it may be void.
bool EntryTree::stands(NodeIndex removal) const {
  const auto& vertex = vertices_[removal];
  if (vertex.voided) return false;
  if (!vertex.entry.others.empty()) {
    for (auto at = removal; at != 0; at = vertices_[at].parent)
      if (vertices_[at].voided) return false;
    return true;
  }
  if (vertex.rank == kNoRank) return true;
  for (auto at = removal; at != 0;) {
    at = ancestor(at, vertices_[at].rank / 2);  // the entry that let its signer sign
    if (vertices_[at].voided) return false;
  }
  return true;
}

void EntryTree::let_stand(NodeIndex removal) {
  standing_.push_back(removal);
  for (const auto& id : vertices_[removal].removes) {
    named_.insert(id);
    const auto found = by_name_.find(id);
    if (found == by_name_.end()) continue;
    for (const auto index : found->second)
      if (index != removal && !precedes(index, removal)) vertices_[index].voided = true;
  }
}

// Strongest first, so that what a removal depends on is decided before it: whoever may remove its
// signer is senior to that signer, and so is whoever let the signer in.
void EntryTree::resolve(Outcome& outcome) {
  for (auto& vertex : vertices_) vertex.voided = vertex.dead = false;
  standing_.clear();
  named_.clear();
  auto order = removals_;
  std::ranges::sort(order, [&](NodeIndex a, NodeIndex b) {
    const auto& x = vertices_[a];
    const auto& y = vertices_[b];
    if (x.rank != y.rank) return x.rank < y.rank;
    if (removes_itself(x) != removes_itself(y)) return removes_itself(x);
    return x.hash < y.hash;
  });
  for (const auto removal : order)
    if (stands(removal)) let_stand(removal);
  for (const auto index : unchosen_)  // a parent's index is below its children's
    vertices_[index].dead = vertices_[index].voided || vertices_[vertices_[index].parent].dead;

  std::vector<NodeIndex> chain{0};
  std::optional<NodeIndex> stop;
  for (;;) {
    std::optional<NodeIndex> best;
    for (const auto child : vertices_[chain.back()].children)
      if (!vertices_[child].voided && (!best || beats(vertices_[child], vertices_[*best])))
        best = child;
    if (!best) break;
    if (stops(vertices_[*best].entry)) {
      stop = best;
      break;
    }
    chain.push_back(*best);
  }
  adopt(chain, stop, outcome);
}

void EntryTree::adopt(const std::vector<NodeIndex>& chain, std::optional<NodeIndex> stop,
                      Outcome& outcome) {
  const auto [mine, theirs] = std::ranges::mismatch(chain_, chain);
  const auto kept = static_cast<std::size_t>(mine - chain_.begin());
  stopped_at_ = stop;
  if (kept < chain_.size() || kept < chain.size()) {
    outcome.head_changed = true;
    const bool cut = kept < chain_.size();
    std::optional<State> folded;
    if (cut) folded = state_at(chain.back());
    while (chain_.size() > kept) {
      const auto index = chain_.back();
      outcome.lost.push_back(index);
      vertices_[index].chosen = false;
      unchosen_.insert(index);
      chain_.pop_back();
    }
    std::ranges::sort(outcome.lost, {}, [&](NodeIndex i) { return vertices_[i].entry.seq; });
    if (folded) path_ = std::move(*folded);
    for (auto next = kept; next < chain.size(); ++next) {
      const auto index = chain[next];
      const bool applied = cut || path_.apply(vertices_[index].entry).has_value();
      WEFT_ASSERT(applied);  // it was valid when it came in, and its past cannot change
      vertices_[index].chosen = true;
      unchosen_.erase(index);
      chain_.push_back(index);
    }
    for (const auto index : unchosen_)
      vertices_[index].dead = vertices_[index].voided || vertices_[vertices_[index].parent].dead;
  }
  refresh_beside(outcome);
}

void EntryTree::refresh_beside(Outcome& outcome) {
  auto before = std::exchange(beside_, {});
  for (const auto removal : standing_) {
    const auto& vertex = vertices_[removal];
    if (!vertex.chosen && !std::ranges::all_of(vertex.removes, [&](const NodeId& id) {
          return path_.is_removed(id);
        }))
      beside_.push_back(removal);
  }
  outcome.beside_changed |= before != beside_;
  overlaid_.reset();
  if (beside_.empty()) return;
  overlaid_ = path_;
  for (const auto removal : beside_) {
    const auto body = vertices_[removal].entry.parse_body();
    WEFT_ASSERT(body.has_value());
    overlaid_->put_out(std::get<RemovalBody>(*body), vertices_[removal].removes);
  }
}

}  // namespace weft::roster
