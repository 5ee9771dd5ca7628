// The roster of one network: a tree of signed entries, the one chain through it that every member
// picks, and the state that chain describes. Pure: rows to persist are handed back.
//
// Invariants (docs/trust.md says why)
//  1. The outcome - who is in, which chain - is a function of the set of entries held, not of the
//     order they came in. It changes by no clock and no earlier choice.
//  2. Only admins sign, but for one thing: any member removes itself. Who may sign is changed or
//     removed only by itself, by an admin senior to it, or by more than half of the others.
//  3. A removal stands, wherever it lies, unless a stronger one voids it. It voids what its target
//     signed and what is no ancestor of it. Who was removed stays out.
//  4. Of the children of one parent that are not void the one goes on the chain whose signer has
//     been able to sign for longest; one signer twice is equivocation: the lower hash wins.
//  5. Every entry was valid in the state its parent left. A critical entry of an unknown kind ends
//     its own branch: stopped() is true if that branch won, and a senior sibling lifts it.
//  6. Members <= 10,000, entries <= 65,536, losers taken in <= 4,096, of one signer <= 1,024,
//     signing keys <= 512, entries waiting for their parent <= 256: beyond is Errc::Limit. The
//     ends of a chain (state.hpp) and of the losers are for removals only.
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
inline constexpr std::size_t kLoserShare = 1024;    // of one signer; of all that is void
inline constexpr std::size_t kLoserReserve = 1024;  // beyond kMaxLosers, for removals
inline constexpr std::size_t kMaxWaiting = 256;
inline constexpr std::size_t kMaxLocator = 40;

struct Appended {
  std::vector<Row> rows;        // to persist, in one commit
  bool head_changed = false;    // state may differ: re-ask verdicts
  bool reorganised = false;     // entries that were chosen are no longer: `lost`
  bool equivocation = false;    // alarm: one signer, two children of one parent
  bool already_known = false;   // nothing to do
  bool waiting = false;         // its parent is not here yet
  bool beside_changed = false;  // removals stand beside the chain: tell peers, see beside()
  std::size_t voided = 0;       // entries taken in that a removed key signed
  std::vector<NodeId> changed;  // members added, removed or altered, sorted
  std::vector<Entry> lost;      // in order, the first kMaxLost
};
inline constexpr std::size_t kMaxLost = 64;

// Whose word the entries are taken on: of a member, or of a node that we do not know (yet), whose
// entries count only if an admin of ours signed them.
enum class From : std::uint8_t { Member, Stranger };

// The entry of an unknown kind that ends the chain.
struct Stop {
  IdentityKey signer{};
  std::uint64_t kind = 0;
  std::uint64_t seq = 0;
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
  [[nodiscard]] Result<Appended> append_all(std::span<const Bytes> entries,
                                            From from = From::Member);

  // What this author is to sign again with resign(), and append, in order. First the removals that
  // stand beside the chain, its own and those whose signers sign no more. Then its own entries
  // that lost a fork or stood on void ones, if they are still allowed and not repeated on the
  // chain; a node whose name has gone to another since comes in as NAME-2.
  [[nodiscard]] std::vector<Entry> pending_losers(const IdentityKey& author) const;
  [[nodiscard]] Result<Entry> resign(const crypto::Ed25519KeyPair& key, const Entry& loser,
                                     UnixTime time) const;

  // Raises a node's stored certificate epoch; a row when it grew.
  std::optional<Row> note_epoch(const NodeId& node, std::uint64_t epoch);

  // --- sync ----------------------------------------------------------------------------------
  [[nodiscard]] Head head() const;
  [[nodiscard]] bool contains(const crypto::Hash& hash) const;  // on the chosen chain
  [[nodiscard]] bool holds(const crypto::Hash& hash) const;     // chosen or lost
  // The removals that stand beside the chain and all they stand on, parents first.
  [[nodiscard]] std::vector<Bytes> beside() const;
  // For a peer whose head is an entry that we hold and that lost: what shows it why.
  [[nodiscard]] std::vector<Bytes> news_for(const crypto::Hash& lost_head,
                                            std::size_t limit = kMaxSync) const;
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
  [[nodiscard]] bool stopped() const { return stop().has_value(); }
  [[nodiscard]] std::optional<Stop> stop() const;
  [[nodiscard]] bool may_lift(const IdentityKey& key) const;  // REQUIRES: stopped()
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
