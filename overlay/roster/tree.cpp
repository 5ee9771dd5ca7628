#include "overlay/roster/tree.hpp"

#include <algorithm>
#include <ranges>

#include "base/assert.hpp"
#include "overlay/roster/roster.hpp"

namespace weft::roster {
namespace {

bool admits(const State& before, const Entry& entry) {
  if (!entry.is(Kind::Node) && !entry.is(Kind::Person)) return false;
  const auto body = entry.parse_body();
  if (!body) return false;
  if (const auto* node = std::get_if<NodeBody>(&*body))
    return before.member(node_id_of(node->identity)) == nullptr;
  return !before.persons().contains(std::get<PersonBody>(*body).key);
}

}  // namespace

Result<EntryTree> EntryTree::with_genesis(ByteView bytes) {
  WEFT_TRY(auto entry, Entry::decode(bytes));
  const auto hash = crypto::sha256(bytes);
  WEFT_TRY(auto state, State::from_genesis(entry, NetworkId{hash}));
  EntryTree tree;
  tree.path_ = std::move(state);
  Vertex genesis;
  genesis.entry = std::move(entry);
  genesis.bytes = to_bytes(bytes);
  genesis.hash = hash;
  genesis.chosen = true;
  tree.vertices_.push_back(std::move(genesis));
  tree.by_hash_[hash] = 0;
  tree.chain_.push_back(0);
  return tree;
}

Result<EntryTree::Outcome> EntryTree::insert(ByteView bytes, Gate gate) {
  if (bytes.size() > kMaxEntrySize) return fail(Errc::TooLarge, "entry over 4096 bytes");
  Outcome outcome;
  const auto hash = crypto::sha256(bytes);
  if (by_hash_.contains(hash)) {
    outcome.already_known = true;
    return outcome;
  }
  WEFT_TRY(auto entry, Entry::decode(bytes));
  if (entry.network != path_.network()) return fail(Errc::WrongNetwork, "roster entry");
  const auto parent = find(entry.prev);
  if (gate == Gate::Stranger) WEFT_CHECK(check_stranger(entry, parent.has_value()));
  if (!parent) {
    WEFT_CHECK(keep_waiting(bytes, entry, hash));
    outcome.waiting = true;
    return outcome;
  }
  WEFT_CHECK(attach(std::move(entry), bytes, hash, *parent, gate, outcome));
  attach_waiting(gate, outcome);
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

// Anybody who knows the network's secret can knock: its word alone brings nothing back.
Result<void> EntryTree::check_stranger(const Entry& entry, bool parent_here) const {
  if (!parent_here) return fail(Errc::NotFound, "an unknown node's entry without its parent");
  if (state().rank_of(entry) == kNoRank)
    return fail(Errc::Denied, "an unknown node's entry, signed by no admin of ours");
  return {};
}

Result<void> EntryTree::attach(Entry entry, ByteView bytes, const crypto::Hash& hash,
                               NodeIndex parent, Gate gate, Outcome& outcome) {
  if (vertices_.size() >= kMaxEntries) return fail(Errc::Limit, "roster entries");
  if (entry.seq != vertices_[parent].entry.seq + 1) return fail(Errc::Malformed, "entry sequence");
  if (stops(vertices_[parent].entry))
    return fail(Errc::Unsupported, "follows an entry this version cannot understand");

  const bool at_head = parent == chain_.back();
  std::optional<State> elsewhere;
  if (!at_head) elsewhere = state_at(parent);
  const State& before = at_head ? path_ : *elsewhere;
  Vertex vertex;
  vertex.entry = std::move(entry);
  vertex.bytes = to_bytes(bytes);
  vertex.hash = hash;
  vertex.parent = parent;
  vertex.admits = admits(before, vertex.entry);
  vertex.rank = before.rank_of(vertex.entry);
  vertex.names = before.names_of(vertex.entry);
  const bool removal = vertex.entry.is(Kind::Removal);
  if (removal) {
    WEFT_TRY(const auto body, vertex.entry.parse_body());
    vertex.removes = before.named_by(std::get<RemovalBody>(body));
  }
  vertex.voided = is_named(vertex.names);
  vertex.dead = vertex.voided || vertices_[parent].dead;
  if (!at_head || stopped_at_ || stops(vertex.entry) || vertex.voided ||
      (removal && !unchosen_.empty()))
    return attach_beside(std::move(vertex), before, gate, outcome);

  WEFT_CHECK(path_.apply(vertex.entry));  // nearly always: no fork, no copy of the state
  const auto index = add_vertex(std::move(vertex), outcome);
  if (removal) {
    removals_.push_back(index);
    let_stand(index);
  }
  extend(index, outcome);
  return {};
}

Result<void> EntryTree::attach_beside(Vertex vertex, const State& before, Gate gate,
                                      Outcome& outcome) {
  State next = before;
  WEFT_CHECK(next.apply(vertex.entry));
  const auto parent = vertex.parent;
  const bool at_head = parent == chain_.back();
  bool wins = !vertex.dead && vertices_[parent].chosen;
  if (wins && (!at_head || stopped_at_)) {
    const auto rival = at_head ? *stopped_at_ : chain_[vertices_[parent].entry.seq + 1];
    wins = beats(vertex, vertices_[rival]);
  }
  if (gate != Gate::Stored && !wins) WEFT_CHECK(check_room_beside(vertex));
  const bool removal = vertex.entry.is(Kind::Removal);
  const auto index = add_vertex(std::move(vertex), outcome);
  side_.emplace(index, std::move(next));
  if (removal) {
    removals_.push_back(index);
    resolve(outcome);
  } else if (wins) {
    std::vector<NodeIndex> chain(
        chain_.begin(), chain_.begin() + static_cast<std::ptrdiff_t>(vertices_[index].entry.seq));
    const bool stop = stops(vertices_[index].entry);
    if (!stop) chain.push_back(index);
    adopt(chain, stop ? std::optional(index) : std::nullopt, outcome);
  }
  return {};
}

// Beside the chain there is room for what honest admins wrote apart, a share of it for each, little
// for what is void, and some that only removals get.
Result<void> EntryTree::check_room_beside(const Vertex& vertex) const {
  const bool removal = vertex.entry.is(Kind::Removal) && !vertex.dead;
  const std::size_t more = removal ? kLoserReserve : 0;
  if (unchosen_.size() >= kMaxLosers + more) return fail(Errc::Limit, "entries that lost a fork");
  std::size_t same = 0;
  std::size_t dead = 0;
  for (const auto index : unchosen_) {
    if (vertices_[index].entry.signer == vertex.entry.signer) ++same;
    if (vertices_[index].dead) ++dead;
  }
  if (same >= kLoserShare + more / 4)
    return fail(Errc::Limit, "entries of one signer that lost a fork");
  if (vertex.dead && dead >= kLoserShare) return fail(Errc::Limit, "entries that are void");
  return {};
}

Result<void> EntryTree::keep_waiting(ByteView bytes, const Entry& entry, const crypto::Hash& hash) {
  if (waiting_.contains(hash)) return {};
  if (waiting_.size() >= kMaxWaiting) return fail(Errc::Limit, "entries waiting for their parent");
  waiting_.emplace(hash, Waiting{entry.prev, to_bytes(bytes)});
  return {};
}

void EntryTree::attach_waiting(Gate gate, Outcome& outcome) {
  for (bool found = true; found;) {
    found = false;
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      const auto parent = find(it->second.prev);
      if (!parent) continue;
      const auto [hash, item] = *it;
      waiting_.erase(it);
      auto entry = Entry::decode(item.bytes);
      WEFT_ASSERT(entry.has_value());  // it parsed when it was put here
      if (!attach(std::move(*entry), item.bytes, hash, *parent, gate, outcome)) ++refused_;
      found = true;
      break;
    }
  }
}

NodeIndex EntryTree::add_vertex(Vertex vertex, Outcome& outcome) {
  const auto index = static_cast<NodeIndex>(vertices_.size());
  for (const auto sibling : vertices_[vertex.parent].children) {
    const auto& other = vertices_[sibling].entry;
    // Removals that grow by a signature are no second word of who signed before.
    const bool same_words = other.is(Kind::Removal) && other.kind == vertex.entry.kind &&
                            other.body == vertex.entry.body && other.time == vertex.entry.time;
    if (other.signer != vertex.entry.signer || same_words) continue;
    outcome.equivocation = true;
    ++equivocations_;
    break;
  }
  vertices_[vertex.parent].children.push_back(index);
  by_hash_[vertex.hash] = index;
  for (const auto& id : vertex.names) by_name_[id].push_back(index);
  vertices_.push_back(std::move(vertex));
  unchosen_.insert(index);
  outcome.added.push_back(index);
  return index;
}

State EntryTree::state_at(NodeIndex index) const {
  if (index == chain_.back() && vertices_[index].chosen) return path_;
  std::vector<NodeIndex> path;
  auto at = index;
  for (; at != 0 && !(side_ && side_->first == at); at = vertices_[at].parent) path.push_back(at);
  auto state = at != 0 ? Result<State>(side_->second)
                       : State::from_genesis(vertices_[0].entry, path_.network());
  WEFT_ASSERT(state.has_value());
  for (const auto i : path | std::views::reverse) {
    const bool applied = state->apply(vertices_[i].entry).has_value();
    WEFT_ASSERT(applied);  // it was valid when it came in, and its past cannot change
  }
  return std::move(*state);
}

void EntryTree::extend(NodeIndex index, Outcome& outcome) {
  auto& vertex = vertices_[index];
  WEFT_ASSERT(vertex.entry.seq == chain_.size());
  vertex.chosen = true;
  unchosen_.erase(index);
  chain_.push_back(index);
  outcome.head_changed = true;
  if (!unchosen_.empty()) refresh_beside(outcome);
}

void EntryTree::check_invariants() const {
  WEFT_ASSERT(!chain_.empty() && chain_.front() == 0);
  WEFT_ASSERT(vertices_.size() == by_hash_.size());
  WEFT_ASSERT(vertices_.size() <= kMaxEntries && waiting_.size() <= kMaxWaiting);
  WEFT_ASSERT(chain_.size() + unchosen_.size() == vertices_.size());
  for (std::size_t i = 0; i < chain_.size(); ++i) {
    WEFT_ASSERT(vertices_[chain_[i]].entry.seq == i && vertices_[chain_[i]].chosen);
    WEFT_ASSERT(!vertices_[chain_[i]].voided && !vertices_[chain_[i]].dead);
    if (i > 0) WEFT_ASSERT(vertices_[chain_[i]].parent == chain_[i - 1]);
  }
  for (const auto index : unchosen_) WEFT_ASSERT(!vertices_[index].chosen);
  State folded = *State::from_genesis(vertices_[0].entry, path_.network());
  for (const auto index : chain_ | std::views::drop(1)) {
    const bool applied = folded.apply(vertices_[index].entry).has_value();
    WEFT_ASSERT(applied);
  }
  WEFT_ASSERT(path_ == folded);
  state().check_invariants();
}

}  // namespace weft::roster
