// The roster of one network: a tree of signed entries, the one chain through it that every member
// picks, and the state that chain describes. Pure: rows to persist are handed back.
//
// Invariants
//  1. The chosen chain is a function of the set of entries held, not of the order they came in.
//  2. At a fork the child whose signer was added earlier in the chain wins; one signer twice is
//     equivocation: the lower hash wins and equivocations() counts it.
//  3. Only admins sign: persons that may admin, and nodes that may admin. Every entry on the chain
//     was valid in the state its parent left.
//  4. Once a checkpoint (signed by the genesis person or a node of that person) is on the chosen
//     chain, nothing new attaches below it. This alone depends on what was seen when, on purpose.
//  5. A critical entry of an unknown kind on the chosen chain stops it there: stopped() is true and
//     nothing is appended, because its meaning could change every rule.
//  6. Members <= 10,000, entries <= 65,536, losers taken in <= 4,096, signing keys <= 512, entries
//     waiting for their parent <= 256: beyond is Errc::Limit.
//
// Departs from the fork rule of tailnet lock (weight, removals, lowest hash): see decision 3.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/persist.hpp"
#include "base/trust_view.hpp"
#include "overlay/roster/entry.hpp"
#include "overlay/roster/state.hpp"

namespace weft::roster {

inline constexpr std::size_t kMaxSync = 2000;
inline constexpr std::size_t kMaxEntries = 65536;
inline constexpr std::size_t kMaxLosers = 4096;
inline constexpr std::size_t kMaxWaiting = 256;
inline constexpr std::size_t kMaxLocator = 40;

struct Appended {
  std::vector<Row> rows;        // to persist, in one commit
  bool head_changed = false;    // state may differ: re-ask verdicts
  bool reorganised = false;     // entries that were chosen are no longer
  bool equivocation = false;    // alarm: one signer, two children of one parent
  bool already_known = false;   // nothing to do
  bool waiting = false;         // its parent is not here yet
  std::vector<NodeId> changed;  // members added, removed or altered, sorted
};

class Roster final : public TrustView {
 public:
  // A network of one: the person's key signs genesis. rows() holds what to persist.
  static Result<Roster> create(const crypto::Ed25519KeyPair& person, GenesisBody body,
                               UnixTime time);
  // A joiner: the chain as the inviter sent it, genesis first. Its hash must be `network`.
  static Result<Roster> from_chain(const NetworkId& network, std::span<const Bytes> entries);
  // A restart: the rows of Table::Roster, Epoch and Network as stored, any order. Conflict when the
  // stored head is not the one the entries give (rolled back or damaged).
  static Result<Roster> from_rows(const NetworkId& network, std::span<const Row> rows);

  Roster(Roster&&) noexcept;
  Roster& operator=(Roster&&) noexcept;
  ~Roster() override;

  // Everything held, as rows: for a first commit after create() or from_chain().
  [[nodiscard]] std::vector<Row> rows() const;

  // --- changes -------------------------------------------------------------------------------
  // Builds and signs an entry on top of the head and checks it; nothing is stored until append().
  [[nodiscard]] Result<Entry> propose(const crypto::Ed25519KeyPair& key, const Body& body,
                                      UnixTime time) const;
  [[nodiscard]] Result<Appended> append(ByteView entry);
  [[nodiscard]] Result<Appended> append(const Entry& entry) { return append(entry.encode()); }
  // A peer's answer to a sync. More than kMaxSync entries: Limit, nothing taken. Entries that are
  // refused are skipped and counted in refused().
  // already_known: there was nothing new in it. waiting: some miss their parent, so ask again with
  // our locator.
  [[nodiscard]] Result<Appended> append_all(std::span<const Bytes> entries);

  // Entries of this author that lost a fork, in order, still allowed on the head and not repeated
  // on the chain: the author re-signs them with resign() and appends.
  [[nodiscard]] std::vector<Entry> pending_losers(const IdentityKey& author) const;
  [[nodiscard]] Result<Entry> resign(const crypto::Ed25519KeyPair& key, const Entry& loser,
                                     UnixTime time) const;

  // Raises a node's stored certificate epoch; a row when it grew.
  std::optional<Row> note_epoch(const NodeId& node, std::uint64_t epoch);

  // --- sync ----------------------------------------------------------------------------------
  [[nodiscard]] Head head() const;
  [[nodiscard]] bool contains(const crypto::Hash& hash) const;  // on the chosen chain
  // Chosen entries with seq > `seq`, oldest first.
  [[nodiscard]] std::vector<Bytes> entries_after(std::uint64_t seq,
                                                 std::size_t limit = kMaxSync) const;
  // Hashes of the chain from the head down, ever sparser, genesis last: what a peer asks with.
  [[nodiscard]] std::vector<crypto::Hash> locator() const;
  // What to answer: entries after the newest locator hash that is on our chain. An empty locator
  // (a joiner's) gets the genesis first.
  [[nodiscard]] std::vector<Bytes> entries_for(std::span<const crypto::Hash> locator,
                                               std::size_t limit = kMaxSync) const;

  // --- queries -------------------------------------------------------------------------------
  [[nodiscard]] const NetworkId& network() const;
  [[nodiscard]] const std::string& network_name() const;
  [[nodiscard]] const ByteArray<32>& network_secret() const;
  [[nodiscard]] const State& state() const;           // persons, groups, grants, quotas
  [[nodiscard]] std::vector<Member> members() const;  // ordered by name
  [[nodiscard]] const Member* member(const NodeId& node) const;
  [[nodiscard]] bool may(const NodeId& node, MayFlags flags) const;
  [[nodiscard]] bool may_sign(const IdentityKey& key) const;
  [[nodiscard]] bool stopped() const;
  [[nodiscard]] std::uint64_t equivocations() const;
  [[nodiscard]] std::uint64_t refused() const;
  [[nodiscard]] std::size_t size() const;  // entries held, losers included
  void check_invariants() const;

  [[nodiscard]] Verdict verdict(const NetworkId& network, const NodeId& node,
                                UnixTime now) const override;
  [[nodiscard]] std::uint64_t epoch_floor(const NetworkId& network,
                                          const NodeId& node) const override;
  [[nodiscard]] std::optional<std::string> name_of(const NetworkId& network,
                                                   const NodeId& node) const override;
  [[nodiscard]] std::optional<NodeId> node_named(const NetworkId& network,
                                                 const std::string& name) const override;
  [[nodiscard]] bool in_group(const NetworkId& network, const NodeId& node,
                              const std::string& group) const override;

 private:
  struct Tree;
  explicit Roster(std::unique_ptr<Tree> tree);

  std::unique_ptr<Tree> tree_;
};

}  // namespace weft::roster
