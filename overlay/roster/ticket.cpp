#include "overlay/roster/ticket.hpp"

#include <algorithm>
#include <span>
#include <tuple>

#include "base/assert.hpp"
#include "base/bech32.hpp"
#include "base/label.hpp"
#include "base/wire.hpp"
#include "overlay/roster/fields.hpp"

namespace weft::roster {
namespace {

constexpr std::uint64_t kVersion = 2;
constexpr std::uint64_t kVersionBefore = 1;  // endpoints of 18 bytes; read, and never written
constexpr std::uint64_t kInviteVersion = 1;  // of the stored row
constexpr std::string_view kPrefix = "wt";
constexpr std::string_view kStart = "wt1";
constexpr std::size_t kMaxTicketSize = 1024;
constexpr const char* kUnknownTicket =
    "no such ticket is open here: it was cancelled, a newer invite of that name took its place, or "
    "it is of long ago";
constexpr UnixTime kKeepSpent = 86400;
constexpr std::size_t kShortestId = 8;  // hex digits: what the list prints

Result<void> version(wire::Reader& in) {
  WEFT_TRY(const auto number, in.uint());
  if (number != kVersion && number != kVersionBefore)
    return fail(Errc::Unsupported, "made by another version of weft");
  return {};
}

// What is pasted, in pieces: `whole` has every character of the alphabet from "wt1" on; at `ends`
// a word of the text ended.
struct Pasted {
  std::string whole;
  std::vector<std::size_t> ends;
};

constexpr std::size_t kMaxWords = 64;  // a ticket wrapped into more is tried as a whole only
constexpr std::size_t kMaxStarts = 8;  // "wt1" may stand in the words around it

Pasted pasted(std::string_view text) {
  Pasted out{std::string(text.substr(0, kStart.size())), {}};
  for (const char c : text.substr(kStart.size())) {
    if (kBech32Alphabet.contains(c))
      out.whole.push_back(c);
    else if (out.ends.size() < kMaxWords &&
             (out.ends.empty() || out.ends.back() < out.whole.size()))
      out.ends.push_back(out.whole.size());
  }
  return out;
}

}  // namespace

std::string Ticket::to_text() const { return bech32m_encode(kPrefix, encode()); }

Result<Ticket> Ticket::from_text(std::string_view text) {
  if (text.size() > kMaxTicketText) return fail(Errc::TooLarge, "this is too long for a ticket");
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  Result<Bytes> bytes = fail(Errc::Malformed, "there is no ticket in it: tickets start with wt1");
  auto at = lower.find(kStart);
  for (std::size_t tries = 0; at != std::string::npos && tries < kMaxStarts; ++tries) {
    const auto found = pasted(std::string_view(lower).substr(at));
    bytes = bech32m_decode(kPrefix, found.whole);
    for (std::size_t i = 0; !bytes && i < found.ends.size(); ++i)
      if (auto part =
              bech32m_decode(kPrefix, std::string_view(found.whole).substr(0, found.ends[i])))
        bytes = std::move(part);
    if (bytes) return decode(*bytes);
    at = lower.find(kStart, at + 1);
  }
  return std::unexpected(bytes.error());
}

Bytes Ticket::encode() const {
  WEFT_ASSERT(addresses.size() <= kMaxTicketAddresses && expires >= 0);
  wire::Writer out;
  out.array(10).uint(kVersion).bin(network.view()).bin(network_secret);
  out.bin(inviter).bin(inviter_static);
  write_addresses(out, addresses, kMaxTicketAddresses);
  out.str(name).bin(id).bin(secret).uint(static_cast<std::uint64_t>(expires));
  return out.take();
}

Result<Ticket> Ticket::decode(ByteView bytes) {
  if (bytes.size() > kMaxTicketSize) return fail(Errc::TooLarge, "ticket");
  auto in = wire::Reader::canonical(bytes);
  Ticket t;
  WEFT_CHECK(expect_array(in, 10));
  WEFT_CHECK(version(in));
  WEFT_TRY(t.network.bytes, in.fixed<32>());
  WEFT_TRY(t.network_secret, in.fixed<32>());
  WEFT_TRY(t.inviter, in.fixed<32>());
  WEFT_TRY(t.inviter_static, in.fixed<32>());
  WEFT_TRY(t.addresses, read_addresses(in, kMaxTicketAddresses));
  WEFT_TRY(t.name, read_label(in));
  WEFT_TRY(t.id, in.fixed<16>());
  WEFT_TRY(t.secret, in.fixed<32>());
  WEFT_TRY(t.expires, read_unix_time(in));
  WEFT_CHECK(in.finish());
  return t;
}

crypto::Hash join_proof(const ByteArray<32>& ticket_secret, const crypto::Hash& handshake_hash) {
  return crypto::hmac_sha256(ticket_secret, handshake_hash);
}

Bytes Invite::encode() const {
  wire::Writer out;
  out.array(used_at ? 9 : 8).uint(kInviteVersion).bin(id).bin(secret).str(name).array(allow.size());
  for (const auto& service : allow) out.str(service);
  out.uint(may).uint(static_cast<std::uint64_t>(expires));
  if (used_by)
    out.bin(*used_by);
  else
    out.nil();
  if (used_at) out.uint(static_cast<std::uint64_t>(*used_at));
  return out.take();
}

Result<Invite> Invite::decode(ByteView bytes) {
  auto in = wire::Reader::canonical(bytes);
  Invite v;
  WEFT_TRY(const auto elements, in.array(9));
  if (elements < 8) return fail(Errc::Malformed, "stored ticket: too short");
  WEFT_TRY(const auto number, in.uint());
  if (number != kInviteVersion) return fail(Errc::Unsupported, "made by another version of weft");
  WEFT_TRY(v.id, in.fixed<16>());
  WEFT_TRY(v.secret, in.fixed<32>());
  WEFT_TRY(v.name, read_label(in));
  WEFT_TRY(const auto count, in.array(kMaxInviteAllow));
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(v.allow.emplace_back(), read_label(in));
  }
  WEFT_TRY(v.may, in.uint());
  WEFT_TRY(v.expires, read_unix_time(in));
  if (in.peek() == wire::Kind::Nil) {
    WEFT_CHECK(in.nil());
  } else {
    WEFT_TRY(v.used_by, in.fixed<32>());
  }
  if (elements == 9) {
    if (!v.used_by) return fail(Errc::Malformed, "stored ticket: used at a time by nobody");
    WEFT_TRY(v.used_at, read_unix_time(in));
  }
  WEFT_CHECK(in.finish());
  return v;
}

Result<TicketBook::Issued> TicketBook::issue(Rng& rng, std::string name,
                                             std::vector<std::string> allow, MayFlags may,
                                             UnixTime ttl, UnixTime now) {
  if (!is_label(name)) return fail(Errc::Usage, "a node's name is 1 to 63 of a-z, 0-9 and -");
  if (!std::ranges::all_of(allow, [](const std::string& s) { return is_label(s); }))
    return fail(Errc::Usage, "a service name is 1 to 63 of a-z, 0-9 and -");
  if (allow.size() > kMaxInviteAllow) return fail(Errc::Usage, "at most 32 services to allow");
  if (ttl < 1 || ttl > kMaxTicketLife) return fail(Errc::Usage, "a ticket lives 1 s to 7 days");
  Issued out;
  const auto live = this->live(now);
  for (const auto& older : live)
    if (older.name == name) out.rows.push_back(row_without(older.id));
  if (live.size() - out.rows.size() >= kMaxInvites)
    return fail(Errc::Limit, "256 tickets wait for their nodes");
  std::erase_if(invites_, [&](const auto& item) {
    return item.second.live(now) && item.second.name == name;
  });
  Invite& invite = out.invite;
  invite.id = rng.bytes<16>();
  invite.secret = rng.bytes<32>();
  invite.name = std::move(name);
  invite.allow = std::move(allow);
  invite.may = may;
  invite.expires = now + ttl;
  const auto [at, fresh] = invites_.emplace(invite.id, invite);
  WEFT_ASSERT(fresh);
  out.rows.push_back(row_of(at->second));
  return out;
}

Result<TicketBook::Redeemed> TicketBook::redeem(const TicketId& id, const crypto::Hash& proof,
                                                const crypto::Hash& handshake_hash,
                                                const IdentityKey& joiner, UnixTime now) {
  const auto found = invites_.find(id);
  if (found == invites_.end()) return fail(Errc::NotFound, kUnknownTicket);
  auto& invite = found->second;
  // The proof comes first: without the secret nobody learns what became of a ticket.
  if (!crypto::equal_constant_time(proof, join_proof(invite.secret, handshake_hash)))
    return fail(Errc::AuthFailed, "the proof of the ticket is wrong");
  if (invite.used_by) {
    if (*invite.used_by != joiner) return fail(Errc::Conflict, "this ticket has been used");
    return Redeemed{invite, true, std::nullopt};
  }
  if (now >= invite.expires) return fail(Errc::Expired, "this ticket has expired");
  invite.used_by = joiner;
  invite.used_at = now;
  return Redeemed{invite, false, row_of(invite)};
}

void TicketBook::undo(const TicketId& id) {
  const auto found = invites_.find(id);
  if (found == invites_.end()) return;
  found->second.used_by.reset();
  found->second.used_at.reset();
}

Result<TicketBook::Cancelled> TicketBook::cancel(std::string_view who, UnixTime now) {
  const Invite* found = nullptr;
  for (const auto& [id, invite] : invites_) {
    if (!invite.live(now)) continue;
    const bool named = invite.name == who;
    if (!named && (who.size() < kShortestId || !to_hex(id).starts_with(who))) continue;
    if (found != nullptr && !named) return fail(Errc::Conflict, "several tickets begin so");
    found = &invite;
    if (named) break;
  }
  if (found == nullptr)
    return fail(Errc::NotFound, "no open ticket is for that name or has that id");
  Cancelled out{*found, row_without(found->id)};
  invites_.erase(out.invite.id);
  return out;
}

std::vector<Row> TicketBook::purge(UnixTime now) {
  std::vector<Row> rows;
  std::vector<std::pair<UnixTime, TicketId>> spent;
  std::erase_if(invites_, [&](const auto& item) {
    const auto& [id, invite] = item;
    if (invite.live(now)) return false;
    if (now >= std::max(invite.expires, invite.used_at.value_or(0)) + kKeepSpent) {
      rows.push_back(row_without(id));
      return true;
    }
    spent.emplace_back(invite.used_at.value_or(invite.expires), id);
    return false;
  });
  if (spent.size() <= kMaxSpent) return rows;
  std::ranges::sort(spent);
  for (const auto& [when, id] : std::span(spent).first(spent.size() - kMaxSpent)) {
    rows.push_back(row_without(id));
    invites_.erase(id);
  }
  return rows;
}

bool TicketBook::open(UnixTime now) const {
  return std::ranges::any_of(invites_, [&](const auto& item) {
    const Invite& invite = item.second;
    return invite.live(now) || (invite.used_at && now < *invite.used_at + kAnswerAgain);
  });
}

Result<void> TicketBook::load(const Row& row) {
  if (row.table != Table::Ticket || row.network != network_ || !row.value) return {};
  WEFT_TRY(auto invite, Invite::decode(*row.value));
  if (!equal(row.key, invite.id)) return fail(Errc::Malformed, "stored ticket under another id");
  invites_[invite.id] = std::move(invite);
  return {};
}

std::vector<Invite> TicketBook::list() const {
  std::vector<Invite> out;
  out.reserve(invites_.size());
  for (const auto& [id, invite] : invites_) out.push_back(invite);
  std::ranges::sort(out, [](const Invite& a, const Invite& b) {
    return std::tie(a.expires, a.id) < std::tie(b.expires, b.id);
  });
  return out;
}

std::vector<Invite> TicketBook::live(UnixTime now) const {
  auto out = list();
  std::erase_if(out, [&](const Invite& invite) { return !invite.live(now); });
  return out;
}

Row TicketBook::row_without(const TicketId& id) const {
  return {Table::Ticket, network_, to_bytes(id), std::nullopt};
}

Row TicketBook::row_of(const Invite& invite) const {
  return {Table::Ticket, network_, to_bytes(invite.id), invite.encode()};
}

}  // namespace weft::roster
