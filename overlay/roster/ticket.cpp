#include "overlay/roster/ticket.hpp"

#include <algorithm>
#include <tuple>

#include "base/assert.hpp"
#include "base/bech32.hpp"
#include "base/label.hpp"
#include "base/wire.hpp"
#include "overlay/roster/fields.hpp"

namespace weft::roster {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::string_view kPrefix = "wt";
constexpr std::size_t kMaxTicketSize = 1024;
constexpr UnixTime kKeepExpired = 86400;

Result<void> header(wire::Reader& in, std::size_t elements) {
  WEFT_CHECK(expect_array(in, elements));
  WEFT_TRY(const auto version, in.uint());
  if (version != kVersion) return fail(Errc::Unsupported, "made by another version of weft");
  return {};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

std::string Ticket::to_text() const { return bech32m_encode(kPrefix, encode()); }

Result<Ticket> Ticket::from_text(std::string_view text) {
  WEFT_TRY(const auto bytes, bech32m_decode(kPrefix, trimmed(text)));
  return decode(bytes);
}

Bytes Ticket::encode() const {
  WEFT_ASSERT(endpoints.size() <= kMaxTicketEndpoints && expires >= 0);
  wire::Writer out;
  out.array(10).uint(kVersion).bin(network.view()).bin(network_secret);
  out.bin(inviter).bin(inviter_static).array(endpoints.size());
  for (const auto& endpoint : endpoints) {
    Bytes wire;
    append_wire(wire, endpoint);
    out.bin(wire);
  }
  out.str(name).bin(id).bin(secret).uint(static_cast<std::uint64_t>(expires));
  return out.take();
}

Result<Ticket> Ticket::decode(ByteView bytes) {
  if (bytes.size() > kMaxTicketSize) return fail(Errc::TooLarge, "ticket");
  auto in = wire::Reader::canonical(bytes);
  Ticket t;
  WEFT_CHECK(header(in, 10));
  WEFT_TRY(t.network.bytes, in.fixed<32>());
  WEFT_TRY(t.network_secret, in.fixed<32>());
  WEFT_TRY(t.inviter, in.fixed<32>());
  WEFT_TRY(t.inviter_static, in.fixed<32>());
  WEFT_TRY(const auto count, in.array(kMaxTicketEndpoints));
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(const auto wire, in.bin(Endpoint::kWireSize));
    WEFT_TRY(t.endpoints.emplace_back(), endpoint_from_wire(wire));
  }
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
  out.array(8).uint(kVersion).bin(id).bin(secret).str(name).array(allow.size());
  for (const auto& service : allow) out.str(service);
  out.uint(may).uint(static_cast<std::uint64_t>(expires));
  if (used_by)
    out.bin(*used_by);
  else
    out.nil();
  return out.take();
}

Result<Invite> Invite::decode(ByteView bytes) {
  auto in = wire::Reader::canonical(bytes);
  Invite v;
  WEFT_CHECK(header(in, 8));
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
  if (invites_.size() >= kMaxInvites) return fail(Errc::Limit, "256 tickets are remembered");
  Invite invite;
  invite.id = rng.bytes<16>();
  invite.secret = rng.bytes<32>();
  invite.name = std::move(name);
  invite.allow = std::move(allow);
  invite.may = may;
  invite.expires = now + ttl;
  const auto [at, fresh] = invites_.emplace(invite.id, std::move(invite));
  WEFT_ASSERT(fresh);
  return Issued{at->second, row_of(at->second)};
}

Result<TicketBook::Redeemed> TicketBook::redeem(const TicketId& id, const crypto::Hash& proof,
                                                const crypto::Hash& handshake_hash,
                                                const IdentityKey& joiner, UnixTime now) {
  const auto found = invites_.find(id);
  if (found == invites_.end()) return fail(Errc::NotFound, "no such ticket");
  auto& invite = found->second;
  // The proof comes first: without the secret nobody learns what became of a ticket.
  if (!crypto::equal_constant_time(proof, join_proof(invite.secret, handshake_hash)))
    return fail(Errc::AuthFailed, "ticket proof");
  if (invite.used_by) {
    if (*invite.used_by != joiner) return fail(Errc::Conflict, "used");
    return Redeemed{invite, true, std::nullopt};
  }
  if (now >= invite.expires) return fail(Errc::Expired, "ticket");
  invite.used_by = joiner;
  return Redeemed{invite, false, row_of(invite)};
}

void TicketBook::undo(const TicketId& id) {
  const auto found = invites_.find(id);
  if (found != invites_.end()) found->second.used_by.reset();
}

Result<Row> TicketBook::revoke(const TicketId& id) {
  if (invites_.erase(id) == 0) return fail(Errc::NotFound, "no such ticket");
  return Row{Table::Ticket, network_, to_bytes(id), std::nullopt};
}

std::vector<Row> TicketBook::purge(UnixTime now) {
  std::vector<Row> rows;
  std::erase_if(invites_, [&](const auto& item) {
    if (now < item.second.expires + kKeepExpired) return false;
    rows.push_back({Table::Ticket, network_, to_bytes(item.first), std::nullopt});
    return true;
  });
  return rows;
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

Row TicketBook::row_of(const Invite& invite) const {
  return {Table::Ticket, network_, to_bytes(invite.id), invite.encode()};
}

}  // namespace weft::roster
