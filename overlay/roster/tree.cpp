#include "overlay/roster/tree.hpp"

#include <algorithm>
#include <ranges>

#include "base/assert.hpp"
#include "overlay/roster/roster.hpp"

namespace weft::roster {

Result<EntryTree> EntryTree::with_genesis(ByteView bytes) {
  WEFT_TRY(auto entry, Entry::decode(bytes));
  const auto hash = crypto::sha256(bytes);
  WEFT_TRY(auto state, State::from_genesis(entry, NetworkId{hash}));
  EntryTree tree;
  tree.state_ = std::move(state);
  tree.vertices_.push_back({std::move(entry), to_bytes(bytes), hash, 0, {}, true});
  tree.by_hash_[hash] = 0;
  tree.chain_.push_back(0);
  return tree;
}

Result<EntryTree::Outcome> EntryTree::insert(ByteView bytes, bool gated) {
  if (bytes.size() > kMaxEntrySize) return fail(Errc::TooLarge, "entry over 4096 bytes");
  Outcome outcome;
  const auto hash = crypto::sha256(bytes);
  if (by_hash_.contains(hash)) {
    outcome.already_known = true;
    return outcome;
  }
  WEFT_TRY(auto entry, Entry::decode(bytes));
  if (entry.network != state_.network()) return fail(Errc::WrongNetwork, "roster entry");
  const auto parent = find(entry.prev);
  if (!parent) {
    WEFT_CHECK(keep_waiting(bytes, entry, hash));
    outcome.waiting = true;
    return outcome;
  }
  WEFT_CHECK(attach(std::move(entry), bytes, hash, *parent, gated, outcome));
  attach_waiting(gated, outcome);
  return outcome;
}

std::optional<NodeIndex> EntryTree::find(const crypto::Hash& hash) const {
  const auto found = by_hash_.find(hash);
  return found == by_hash_.end() ? std::nullopt : std::optional(found->second);
}

Head EntryTree::head() const {
  const auto& vertex = vertices_[chain_.back()];
  return {vertex.entry.seq, vertex.hash};
}

std::uint64_t EntryTree::fork_point(NodeIndex index) const {
  while (!vertices_[index].chosen) index = vertices_[index].parent;
  return vertices_[index].entry.seq;
}

Result<void> EntryTree::attach(Entry entry, ByteView bytes, const crypto::Hash& hash,
                               NodeIndex parent, bool gated, Outcome& outcome) {
  if (vertices_.size() >= kMaxEntries) return fail(Errc::Limit, "roster entries");
  if (entry.seq != vertices_[parent].entry.seq + 1) return fail(Errc::Malformed, "entry sequence");
  if (stops(vertices_[parent].entry))
    return fail(Errc::Unsupported, "follows an entry this version cannot understand");
  if (gated && fork_point(parent) < checkpoint_)
    return fail(Errc::Conflict, "branches off below the last checkpoint");

  if (parent == chain_.back() && !stopped_at_) {  // nearly always: no fork, no copy of the state
    WEFT_CHECK(state_.apply(entry));
    extend(add_vertex(std::move(entry), bytes, hash, parent, outcome), outcome);
    return {};
  }
  return attach_fork(std::move(entry), bytes, hash, parent, gated, outcome);
}

Result<void> EntryTree::attach_fork(Entry entry, ByteView bytes, const crypto::Hash& hash,
                                    NodeIndex parent, bool gated, Outcome& outcome) {
  const bool on_chain = vertices_[parent].chosen;
  const bool at_head = parent == chain_.back();
  const State before = state_at(parent);
  State next = before;
  WEFT_CHECK(next.apply(entry));

  bool wins = false;
  if (on_chain) {
    const auto rival = at_head ? *stopped_at_ : chain_[vertices_[parent].entry.seq + 1];
    const Vertex candidate{entry, {}, hash, parent, {}, false};
    wins = beats(before, candidate, vertices_[rival]);
  }
  // A fork won late adds losers beyond the limit: what was stored once is loaded again.
  if (gated && !wins && vertices_.size() - chain_.size() >= kMaxLosers)
    return fail(Errc::Limit, "entries that lost a fork");
  const auto index = add_vertex(std::move(entry), bytes, hash, parent, outcome);
  if (!wins) return {};
  if (!at_head) {
    outcome.reorganised = true;
    outcome.head_changed = true;
  }
  truncate(vertices_[parent].entry.seq);
  state_ = std::move(next);
  extend(index, outcome);
  return {};
}

Result<void> EntryTree::keep_waiting(ByteView bytes, const Entry& entry, const crypto::Hash& hash) {
  if (waiting_.contains(hash)) return {};
  if (waiting_.size() >= kMaxWaiting) return fail(Errc::Limit, "entries waiting for their parent");
  waiting_.emplace(hash, Waiting{entry.prev, to_bytes(bytes)});
  return {};
}

void EntryTree::attach_waiting(bool gated, Outcome& outcome) {
  for (bool found = true; found;) {
    found = false;
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      const auto parent = find(it->second.prev);
      if (!parent) continue;
      const auto [hash, item] = *it;
      waiting_.erase(it);
      auto entry = Entry::decode(item.bytes);
      WEFT_ASSERT(entry.has_value());  // it parsed when it was put here
      if (!attach(std::move(*entry), item.bytes, hash, *parent, gated, outcome)) ++refused_;
      found = true;
      break;
    }
  }
}

NodeIndex EntryTree::add_vertex(Entry entry, ByteView bytes, const crypto::Hash& hash,
                                NodeIndex parent, Outcome& outcome) {
  const auto index = static_cast<NodeIndex>(vertices_.size());
  for (const auto sibling : vertices_[parent].children)
    if (vertices_[sibling].entry.signer == entry.signer) {
      outcome.equivocation = true;
      ++equivocations_;
      break;
    }
  vertices_.push_back({std::move(entry), to_bytes(bytes), hash, parent, {}, false});
  vertices_[parent].children.push_back(index);
  by_hash_[hash] = index;
  outcome.added.push_back(index);
  return index;
}

State EntryTree::state_at(NodeIndex index) const {
  std::vector<NodeIndex> path;
  for (auto i = index; i != 0; i = vertices_[i].parent) path.push_back(i);
  auto state = State::from_genesis(vertices_[0].entry, state_.network());
  WEFT_ASSERT(state.has_value());
  for (const auto i : path | std::views::reverse) {
    const bool applied = state->apply(vertices_[i].entry).has_value();
    WEFT_ASSERT(applied);  // it was valid when it came in, and its past cannot change
  }
  return std::move(*state);
}

bool EntryTree::beats(const State& parent, const Vertex& a, const Vertex& b) {
  const auto first = parent.seniority(a.entry.signer);
  const auto second = parent.seniority(b.entry.signer);
  WEFT_ASSERT(first.has_value() && second.has_value());
  if (*first != *second) return *first < *second;
  return a.hash < b.hash;
}

void EntryTree::extend(NodeIndex index, Outcome& outcome) {
  auto& vertex = vertices_[index];
  WEFT_ASSERT(vertex.entry.seq == chain_.size());
  if (stops(vertex.entry)) {
    stopped_at_ = index;
    return;
  }
  vertex.chosen = true;
  chain_.push_back(index);
  if (vertex.entry.kind == static_cast<std::uint64_t>(Kind::Checkpoint))
    checkpoint_ = vertex.entry.seq;
  outcome.head_changed = true;
}

void EntryTree::truncate(std::uint64_t seq) {
  while (chain_.size() > seq + 1) {
    vertices_[chain_.back()].chosen = false;
    chain_.pop_back();
  }
  stopped_at_.reset();
  checkpoint_ = 0;
  for (const auto index : chain_ | std::views::reverse)
    if (vertices_[index].entry.kind == static_cast<std::uint64_t>(Kind::Checkpoint)) {
      checkpoint_ = vertices_[index].entry.seq;
      break;
    }
}

void EntryTree::check_invariants() const {
  WEFT_ASSERT(!chain_.empty() && chain_.front() == 0);
  WEFT_ASSERT(vertices_.size() == by_hash_.size());
  WEFT_ASSERT(vertices_.size() <= kMaxEntries && waiting_.size() <= kMaxWaiting);
  for (std::size_t i = 0; i < chain_.size(); ++i) {
    WEFT_ASSERT(vertices_[chain_[i]].entry.seq == i && vertices_[chain_[i]].chosen);
    if (i > 0) WEFT_ASSERT(vertices_[chain_[i]].parent == chain_[i - 1]);
  }
  const auto chosen = std::ranges::count_if(vertices_, [](const Vertex& v) { return v.chosen; });
  WEFT_ASSERT(static_cast<std::size_t>(chosen) == chain_.size());
  WEFT_ASSERT(state_ == state_at(chain_.back()));
  state_.check_invariants();
}

}  // namespace weft::roster
