#include "overlay/roster/roster.hpp"

#include <algorithm>
#include <map>
#include <ranges>
#include <set>
#include <tuple>

#include "base/assert.hpp"
#include "base/label.hpp"
#include "overlay/roster/tree.hpp"

namespace weft::roster {
namespace {

const Bytes kHeadKey = to_bytes(bytes_of("head"));

Bytes pack_head(const Head& head) {
  Bytes out;
  append_be(out, head.seq);
  append(out, head.hash);
  return out;
}

Bytes pack_epoch(std::uint64_t epoch) {
  Bytes out;
  append_be(out, epoch);
  return out;
}

std::vector<NodeId> difference(const State& before, const State& after) {
  std::vector<NodeId> changed;
  for (const auto& [id, node] : before.members()) {
    const auto* now = after.member(id);
    if (now == nullptr || *now != node) changed.push_back(id);
  }
  for (const auto& [id, node] : after.members())
    if (before.member(id) == nullptr) changed.push_back(id);
  std::ranges::sort(changed);
  return changed;
}

}  // namespace

struct Roster::Tree {
  EntryTree entries;
  std::map<NodeId, std::uint64_t> epochs;
  // How far the chain was searched for the meaning of a lost entry, so that each change looks at
  // what is new only; kNoRank: it was found. Void when the chain changes its past.
  std::map<NodeIndex, std::uint64_t> searched;

  [[nodiscard]] Row row_of(NodeIndex index) const {
    const auto& vertex = entries.at(index);
    return {Table::Roster, entries.state().network(), to_bytes(vertex.hash), vertex.bytes};
  }
  [[nodiscard]] Row head_row() const {
    return {Table::Network, entries.state().network(), kHeadKey, pack_head(entries.head())};
  }
  [[nodiscard]] Row epoch_row(const NodeId& node, std::uint64_t epoch) const {
    return {Table::Epoch, entries.state().network(), to_bytes(node.view()), pack_epoch(epoch)};
  }
  Result<void> load(const Row& row);
  void take(Appended& out, const EntryTree::Outcome& outcome);
  void finish(Appended& out, const State& before) const;
  // Whether it may be signed on the head, as the chain sees it.
  [[nodiscard]] Result<void> check_next(const Entry& entry) const;
  void restate(const IdentityKey& author, State& chain, std::vector<Entry>& pending) const;
  [[nodiscard]] bool repeated(NodeIndex index, const Body& body);
  [[nodiscard]] std::optional<Entry> renamed(const Entry& entry, const NodeBody& node,
                                             State& next) const;
};

void Roster::Tree::take(Appended& out, const EntryTree::Outcome& outcome) {
  if (!outcome.lost.empty()) searched.clear();
  for (const auto index : outcome.added) {
    out.rows.push_back(row_of(index));
    if (entries.at(index).voided) ++out.voided;
  }
  out.head_changed |= outcome.head_changed;
  out.reorganised |= !outcome.lost.empty();
  out.equivocation |= outcome.equivocation;
  out.waiting |= outcome.waiting;
  out.beside_changed |= outcome.beside_changed;
  for (const auto index : outcome.lost)
    if (out.lost.size() < kMaxLost) out.lost.push_back(entries.at(index).entry);
}

void Roster::Tree::finish(Appended& out, const State& before) const {
  if (!out.head_changed && !out.beside_changed) return;
  if (out.head_changed) out.rows.push_back(head_row());
  out.changed = difference(before, entries.state());
}

Roster::Roster(std::unique_ptr<Tree> tree) : tree_(std::move(tree)) {}
Roster::Roster(Roster&&) noexcept = default;
Roster& Roster::operator=(Roster&&) noexcept = default;
Roster::~Roster() = default;

Result<Roster> Roster::create(const crypto::Ed25519KeyPair& person, GenesisBody body,
                              UnixTime time) {
  body.person_key = person.public_key;
  WEFT_TRY(auto entries, EntryTree::with_genesis(Entry::sign_genesis(person, body, time).encode()));
  return Roster(std::make_unique<Tree>(Tree{std::move(entries), {}, {}}));
}

Result<Roster> Roster::from_chain(const NetworkId& network, std::span<const Bytes> entries) {
  if (entries.empty()) return fail(Errc::Malformed, "no genesis");
  if (NetworkId{crypto::sha256(entries.front())} != network)
    return fail(Errc::WrongNetwork, "the genesis is not this network's");
  WEFT_TRY(auto tree, EntryTree::with_genesis(entries.front()));
  for (const auto& bytes : entries.subspan(1)) {
    WEFT_TRY(const auto outcome, tree.insert(bytes, Gate::Member));
    if (outcome.waiting) return fail(Errc::Malformed, "the chain has a gap");
  }
  return Roster(std::make_unique<Tree>(Tree{std::move(tree), {}, {}}));
}

Result<Roster> Roster::from_rows(const NetworkId& network, std::span<const Row> rows) {
  const Row* genesis = nullptr;
  const Row* head = nullptr;
  std::vector<std::pair<std::uint64_t, const Row*>> entries;
  for (const auto& row : rows) {
    if (row.network != network || !row.value) continue;
    if (row.table == Table::Network && row.key == kHeadKey) head = &row;
    if (row.table != Table::Roster) continue;
    if (!equal(row.key, crypto::sha256(*row.value)))
      return fail(Errc::Conflict, "a stored roster entry does not match its hash");
    if (equal(row.key, network.view())) {
      genesis = &row;
      continue;
    }
    WEFT_TRY(const auto entry, Entry::decode(*row.value));
    entries.emplace_back(entry.seq, &row);
  }
  if (genesis == nullptr) return fail(Errc::NotFound, "no genesis of this network is stored");
  std::ranges::sort(entries, [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second->key) < std::tie(b.first, b.second->key);
  });
  WEFT_TRY(auto tree, EntryTree::with_genesis(*genesis->value));
  for (const auto& [seq, row] : entries) {
    WEFT_TRY(const auto outcome, tree.insert(*row->value, Gate::Stored));
    if (outcome.waiting) return fail(Errc::Conflict, "a stored roster entry lacks its parent");
  }
  if (head == nullptr || *head->value != pack_head(tree.head()))
    return fail(Errc::Conflict, "roster rolled back: the stored head is not where entries lead");
  Roster roster(std::make_unique<Tree>(Tree{std::move(tree), {}, {}}));
  for (const auto& row : rows) WEFT_CHECK(roster.tree_->load(row));
  return roster;
}

Result<void> Roster::Tree::load(const Row& row) {
  if (row.table != Table::Epoch || row.network != entries.state().network() || !row.value)
    return {};
  WEFT_TRY(const auto node, to_array<32>(row.key));
  if (row.value->size() != 8) return fail(Errc::Malformed, "stored epoch");
  epochs[NodeId{node}] = read_be<std::uint64_t>(*row.value);
  return {};
}

std::vector<Row> Roster::rows() const {
  std::vector<Row> rows;
  rows.reserve(tree_->entries.size() + 1 + tree_->epochs.size());
  for (NodeIndex i = 0; i < tree_->entries.size(); ++i) rows.push_back(tree_->row_of(i));
  rows.push_back(tree_->head_row());
  for (const auto& [node, epoch] : tree_->epochs) rows.push_back(tree_->epoch_row(node, epoch));
  return rows;
}

Result<void> Roster::Tree::check_next(const Entry& entry) const {
  if (const auto stop = entries.stopped_at();
      stop && entries.path().rank_of(entry) >= entries.at(*stop).rank)
    return fail(Errc::Unsupported,
                "the roster is stopped by an entry of a newer version; only an admin senior to who "
                "signed that goes on beside it");
  State next = entries.path();
  WEFT_CHECK(next.apply(entry));
  return {};
}

Result<Entry> Roster::propose(const crypto::Ed25519KeyPair& key, const Body& body,
                              UnixTime time) const {
  auto entry = Entry::sign(key, network(), head(), kind_of(body), pack(body), time);
  if (entry.encode().size() > kMaxEntrySize) return fail(Errc::TooLarge, "entry over 4096 bytes");
  WEFT_CHECK(tree_->check_next(entry));
  if (tree_->entries.beside().empty()) return entry;
  State so = state();  // what the chain does not say yet counts as well
  WEFT_CHECK(so.apply(entry));
  return entry;
}

Result<Appended> Roster::append(ByteView entry) {
  const State before = tree_->entries.state();
  auto outcome = tree_->entries.insert(entry, Gate::Member);
  if (!outcome) {
    tree_->entries.count_refused();
    return std::unexpected(outcome.error());
  }
  Appended out;
  tree_->take(out, *outcome);
  out.already_known = outcome->already_known;
  tree_->finish(out, before);
  return out;
}

Result<Appended> Roster::append_all(std::span<const Bytes> entries, From from) {
  if (entries.size() > kMaxSync) return fail(Errc::Limit, "more than 2000 entries in one sync");
  const auto gate = from == From::Stranger ? Gate::Stranger : Gate::Member;
  const State before = tree_->entries.state();
  Appended out;
  for (const auto& bytes : entries) {
    if (const auto outcome = tree_->entries.insert(bytes, gate))
      tree_->take(out, *outcome);
    else
      tree_->entries.count_refused();
  }
  out.already_known = out.rows.empty() && !out.waiting;
  tree_->finish(out, before);
  return out;
}

// Removals beside the chain that `author` is to say again: weaker signers' first, so that the
// removal of one does not void on the chain what that one had removed before.
void Roster::Tree::restate(const IdentityKey& author, State& chain,
                           std::vector<Entry>& pending) const {
  for (const auto index : entries.beside() | std::views::reverse) {
    Entry entry = entries.at(index).entry;
    const bool own = entry.signer == author && entry.others.empty();
    if (!own && entry.others.empty() && entries.state().seniority(entry.signer)) continue;
    entry.signer = author;
    entry.others.clear();
    entry.seq = entries.head().seq + 1;
    if (chain.apply(entry)) pending.push_back(std::move(entry));
  }
}

// Whether a lost entry's meaning is on the chain since the fork, or has been overtaken.
bool Roster::Tree::repeated(NodeIndex index, const Body& body) {
  const auto& entry = entries.at(index).entry;
  const auto fork = entries.fork_point(index);
  // A change of somebody who is not in must let nobody in: it was another who had let it in.
  const bool change = !entries.at(index).admits;
  if (const auto* person = std::get_if<PersonBody>(&body))
    if (change && !entries.state().persons().contains(person->key)) return true;
  if (const auto* node = std::get_if<NodeBody>(&body)) {
    const auto* now = entries.state().member(node_id_of(node->identity));
    if (now == nullptr ? change : !change && now->seq > fork) return true;  // or came in otherwise
  }
  auto& from = searched.try_emplace(index, fork + 1).first->second;
  const auto& chain = entries.chain();
  for (; from < chain.size(); ++from) {
    const auto& other = entries.at(chain[from]).entry;
    if (other.kind != entry.kind || other.body != entry.body) continue;
    from = kNoRank;
    break;
  }
  return from == kNoRank;
}

// A node let in under a name that another has since: it was told that it is in, so it comes in.
std::optional<Entry> Roster::Tree::renamed(const Entry& entry, const NodeBody& node,
                                           State& next) const {
  if (next.member(node_id_of(node.identity)) != nullptr || next.member_named(node.name) == nullptr)
    return std::nullopt;
  constexpr int kTries = 99;
  for (int number = 2; number <= kTries; ++number) {
    Entry other = entry;
    NodeBody body = node;
    const auto suffix = "-" + std::to_string(number);
    body.name = node.name.substr(0, kMaxLabel - suffix.size()) + suffix;
    other.body = pack(body);
    if (next.apply(other)) return other;
  }
  return std::nullopt;
}

std::vector<Entry> Roster::pending_losers(const IdentityKey& author) const {
  const auto& tree = tree_->entries;
  if (tree.unchosen().empty() || !state().seniority(author)) return {};
  if (stopped() && !may_lift(author)) return {};
  std::vector<Entry> pending;
  State chain = tree.path();
  tree_->restate(author, chain, pending);
  std::vector<NodeIndex> lost;
  for (const auto i : tree.unchosen())
    if (const auto& v = tree.at(i); !v.voided && v.entry.signer == author && v.entry.others.empty())
      lost.push_back(i);
  std::ranges::sort(lost, [&](NodeIndex a, NodeIndex b) {
    return std::tie(tree.at(a).entry.seq, tree.at(a).hash) <
           std::tie(tree.at(b).entry.seq, tree.at(b).hash);
  });
  using Meaning = std::pair<std::uint64_t, Bytes>;
  std::set<Meaning> seen;
  State next = tree.state();
  for (const auto index : lost) {
    auto entry = tree.at(index).entry;
    const auto body = entry.parse_body();
    if (!body || !entry.known_kind() || tree_->repeated(index, *body) ||
        !seen.emplace(entry.kind, entry.body).second)
      continue;
    entry.seq = head().seq + 1;
    if (next.apply(entry)) {
      pending.push_back(std::move(entry));
    } else if (const auto* node = std::get_if<NodeBody>(&*body)) {
      if (auto other = tree_->renamed(entry, *node, next)) pending.push_back(std::move(*other));
    }
  }
  return pending;
}

Result<Entry> Roster::resign(const crypto::Ed25519KeyPair& key, const Entry& loser,
                             UnixTime time) const {
  if (key.public_key != loser.signer)
    return fail(Errc::Denied, "only its author re-signs an entry");
  auto entry = Entry::sign(key, network(), head(), static_cast<Kind>(loser.kind), loser.body, time,
                           loser.critical);
  WEFT_CHECK(tree_->check_next(entry));
  return entry;
}

std::optional<Row> Roster::note_epoch(const NodeId& node, std::uint64_t epoch) {
  if (member(node) == nullptr) return std::nullopt;  // strangers get no memory of ours
  auto& floor = tree_->epochs[node];
  if (epoch <= floor) return std::nullopt;
  floor = epoch;
  return tree_->epoch_row(node, epoch);
}

Head Roster::head() const { return tree_->entries.head(); }

bool Roster::contains(const crypto::Hash& hash) const {
  const auto index = tree_->entries.find(hash);
  return index && tree_->entries.at(*index).chosen;
}

bool Roster::holds(const crypto::Hash& hash) const { return tree_->entries.find(hash).has_value(); }

std::vector<Bytes> Roster::beside() const {
  const auto& tree = tree_->entries;
  std::set<NodeIndex> needed;  // parents have lower indexes
  for (auto at : tree.beside())
    for (; !tree.at(at).chosen; at = tree.at(at).parent) needed.insert(at);
  std::vector<Bytes> out;
  for (const auto index : needed) out.push_back(tree.at(index).bytes);
  return out;
}

std::vector<Bytes> Roster::news_for(const crypto::Hash& lost_head, std::size_t limit) const {
  const auto index = tree_->entries.find(lost_head);
  if (!index || tree_->entries.at(*index).chosen) return {};
  auto out = entries_after(tree_->entries.fork_point(*index), limit);
  for (auto& bytes : beside())
    if (out.size() < limit) out.push_back(std::move(bytes));
  return out;
}

std::vector<Bytes> Roster::entries_after(std::uint64_t seq, std::size_t limit) const {
  std::vector<Bytes> out;
  const auto& chain = tree_->entries.chain();
  if (seq >= chain.size()) return out;
  for (auto i = static_cast<std::size_t>(seq) + 1; i < chain.size() && out.size() < limit; ++i)
    out.push_back(tree_->entries.at(chain[i]).bytes);
  return out;
}

std::vector<crypto::Hash> Roster::locator() const {
  const auto& chain = tree_->entries.chain();
  std::vector<crypto::Hash> out;
  constexpr std::size_t kDense = 10;
  std::size_t step = 1;
  for (std::size_t at = chain.size() - 1; at > 0; at -= std::min(step, at)) {
    out.push_back(tree_->entries.at(chain[at]).hash);
    if (out.size() >= kDense) step *= 2;
  }
  out.push_back(tree_->entries.at(0).hash);
  WEFT_ASSERT(out.size() <= kMaxLocator);
  return out;
}

std::vector<Bytes> Roster::entries_for(std::span<const crypto::Hash> locator,
                                       std::size_t limit) const {
  for (const auto& hash : locator.first(std::min(locator.size(), kMaxLocator)))
    if (contains(hash))
      return entries_after(tree_->entries.at(*tree_->entries.find(hash)).entry.seq, limit);
  if (limit == 0) return {};
  auto out = entries_after(0, limit - 1);
  if (locator.empty()) out.insert(out.begin(), tree_->entries.at(0).bytes);
  return out;
}

const NetworkId& Roster::network() const { return state().network(); }
const std::string& Roster::network_name() const { return state().genesis().network_name; }
const ByteArray<32>& Roster::network_secret() const { return state().genesis().network_secret; }
const State& Roster::state() const { return tree_->entries.state(); }

std::vector<Member> Roster::members() const {
  std::vector<Member> out;
  for (const auto& [id, node] : state().members()) out.push_back(node);
  std::ranges::sort(out, {}, &Member::name);
  return out;
}

const Member* Roster::member(const NodeId& node) const { return state().member(node); }

bool Roster::may(const NodeId& node, MayFlags flags) const {
  const auto* found = member(node);
  return found != nullptr && (found->may & flags) == flags;
}

bool Roster::may_sign(const IdentityKey& key) const { return state().seniority(key).has_value(); }
std::optional<Stop> Roster::stop() const {
  const auto index = tree_->entries.stopped_at();
  if (!index) return std::nullopt;
  const auto& entry = tree_->entries.at(*index).entry;
  return Stop{entry.signer, entry.kind, entry.seq};
}

bool Roster::may_lift(const IdentityKey& key) const {
  const auto index = tree_->entries.stopped_at();
  const auto rank = state().seniority(key);
  return index && rank && *rank < tree_->entries.at(*index).rank;
}

std::uint64_t Roster::equivocations() const { return tree_->entries.equivocations(); }
std::uint64_t Roster::refused() const { return tree_->entries.refused(); }
std::size_t Roster::size() const { return tree_->entries.size(); }
void Roster::check_invariants() const { tree_->entries.check_invariants(); }

Verdict Roster::verdict(const NetworkId& id, const NodeId& node, UnixTime) const {
  if (id != network()) return Verdict::Unknown;
  if (member(node) != nullptr) return Verdict::Member;
  return state().is_removed(node) ? Verdict::Removed : Verdict::Unknown;
}

std::uint64_t Roster::epoch_floor(const NetworkId& id, const NodeId& node) const {
  if (id != network()) return 0;
  const auto found = tree_->epochs.find(node);
  return found == tree_->epochs.end() ? 0 : found->second;
}

std::optional<std::string> Roster::name_of(const NetworkId& id, const NodeId& node) const {
  const auto* found = id == network() ? member(node) : nullptr;
  return found == nullptr ? std::nullopt : std::optional(found->name);
}

std::optional<NodeId> Roster::node_named(const NetworkId& id, const std::string& name) const {
  const auto* found = id == network() ? state().member_named(name) : nullptr;
  return found == nullptr ? std::nullopt : std::optional(found->id);
}

bool Roster::in_group(const NetworkId& id, const NodeId& node, const std::string& group) const {
  return id == network() && state().in_group(node, group);
}

}  // namespace weft::roster
