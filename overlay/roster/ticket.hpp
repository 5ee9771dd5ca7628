// A ticket invites one node into a network: "wt1..." (bech32m) of canonical msgpack
//
//   [v=2, network 32, network_secret 32, inviter identity 32, inviter static 32,
//    [address, ... <= 8], name, id 16, secret 32, expires]
//
// Of v=1, where an address was a binary of 18 bytes, tickets are still read.
// It is a bearer secret: whoever holds it can join once. docs/wire/ticket.md shows the bytes.
// Inside the joining session both know its handshake hash h; the joiner proves HMAC-SHA256(secret,
// h), so the secret itself never travels and a proof is worth nothing in another session.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/persist.hpp"
#include "overlay/roster/entry.hpp"

namespace weft::roster {

inline constexpr std::size_t kMaxTicketAddresses = 8;
inline constexpr UnixTime kDefaultTicketLife = 15 * 60;
inline constexpr UnixTime kMaxTicketLife = 7 * 86400;
inline constexpr std::size_t kMaxTicketText = 8192;  // of what is pasted around one, too

using TicketId = ByteArray<16>;

struct Ticket {
  NetworkId network;
  ByteArray<32> network_secret{};
  IdentityKey inviter{};
  crypto::Key32 inviter_static{};
  std::vector<Address> addresses;  // of the inviter, best first
  std::string name;                // the joiner's name: the invite's name wins
  TicketId id{};
  ByteArray<32> secret{};
  UnixTime expires = 0;

  bool operator==(const Ticket&) const = default;
  [[nodiscard]] std::string to_text() const;
  // Finds the ticket in what was pasted: blanks, line breaks, quote marks, capitals and all other
  // characters outside the alphabet are dropped, words behind it are left out, and then the
  // checksum speaks. Expiry is the caller's check.
  [[nodiscard]] static Result<Ticket> from_text(std::string_view text);
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<Ticket> decode(ByteView bytes);
};

crypto::Hash join_proof(const ByteArray<32>& ticket_secret, const crypto::Hash& handshake_hash);

// What the inviter remembers of a ticket, in Table::Ticket.
struct Invite {
  TicketId id{};
  ByteArray<32> secret{};
  std::string name;
  std::vector<std::string> allow;  // services of the inviter the joiner may open
  MayFlags may = kMayExpose;
  UnixTime expires = 0;
  std::optional<IdentityKey> used_by;
  std::optional<UnixTime> used_at;  // with used_by; absent in rows of before

  bool operator==(const Invite&) const = default;
  // Somebody can still join with it.
  [[nodiscard]] bool live(UnixTime now) const { return !used_by && now < expires; }
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<Invite> decode(ByteView bytes);
};

inline constexpr std::size_t kMaxInvites = 256;  // live ones: each is a way in that is open
inline constexpr std::size_t kMaxSpent = 256;    // used or expired, kept to say so truly
inline constexpr std::size_t kMaxInviteAllow = 32;
inline constexpr UnixTime kAnswerAgain = 3600;  // a joiner whose answer got lost asks again

class TicketBook {
 public:
  explicit TicketBook(const NetworkId& network) : network_(network) {}

  struct Issued {
    Invite invite;          // id, secret and expiry go into the Ticket
    std::vector<Row> rows;  // the ticket's, and that of an older one for this name, deleted
  };
  // `may` comes from the issuer's command line; whether the issuer may grant it is checked when the
  // node entry is appended. ttl in seconds, 1 .. kMaxTicketLife. An older live ticket for the same
  // name ends.
  [[nodiscard]] Result<Issued> issue(Rng& rng, std::string name, std::vector<std::string> allow,
                                     MayFlags may, UnixTime ttl, UnixTime now);

  struct Redeemed {
    Invite invite;
    bool again = false;      // the same identity came back: answer as before, append nothing
    std::optional<Row> row;  // to commit together with the node entry's rows; absent if again
  };
  // NotFound: no such ticket. AuthFailed: proof does not verify. Expired. Conflict "used": another
  // identity redeemed it. Call it only in a session whose peer has proven `joiner`. The book burns
  // the id at once; undo() if the node entry then turns out to be refused.
  [[nodiscard]] Result<Redeemed> redeem(const TicketId& id, const crypto::Hash& proof,
                                        const crypto::Hash& handshake_hash,
                                        const IdentityKey& joiner, UnixTime now);
  void undo(const TicketId& id);

  struct Cancelled {
    Invite invite;
    Row row;  // the deleting one
  };
  // Takes back the live ticket for that name, or of an id that begins so (8 hex digits or more).
  [[nodiscard]] Result<Cancelled> cancel(std::string_view who, UnixTime now);
  // Forgets spent tickets: a day after their end, and the oldest beyond kMaxSpent. The deleting
  // rows.
  std::vector<Row> purge(UnixTime now);
  // Whether a joiner could have business here: there is a live ticket, or one used so lately that
  // its joiner may not have heard the answer.
  [[nodiscard]] bool open(UnixTime now) const;

  // One row of Table::Ticket as stored.
  [[nodiscard]] Result<void> load(const Row& row);
  [[nodiscard]] std::vector<Invite> list() const;              // by expiry
  [[nodiscard]] std::vector<Invite> live(UnixTime now) const;  // those of them

 private:
  [[nodiscard]] Row row_of(const Invite& invite) const;
  [[nodiscard]] Row row_without(const TicketId& id) const;

  NetworkId network_;
  std::map<TicketId, Invite> invites_;
};

}  // namespace weft::roster
