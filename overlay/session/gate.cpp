#include "overlay/session/gate.hpp"

#include <algorithm>

namespace weft::session {

namespace {

std::uint64_t milliseconds(Instant now) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
}

template <std::size_t N>
ByteArray<N> first(ByteView bytes) {
  ByteArray<N> out;
  std::copy_n(bytes.begin(), N, out.begin());
  return out;
}

constexpr std::size_t kRetryHead = 1 + 1 + 8 + kCidSize;

}  // namespace

crypto::Key32 gate_key(const ByteArray<32>& network_secret, const IdentityKey& responder) {
  return crypto::sha256({bytes_of("weft gate v1"), network_secret, responder});
}

GateToken make_gate_token(const crypto::Key32& key, std::uint32_t version, ByteView dcid,
                          ByteView scid) {
  ByteArray<4> wire_version;
  for (unsigned i = 0; i < 4; ++i)
    wire_version[i] = static_cast<std::uint8_t>(version >> (24 - 8 * i));
  const auto mac = crypto::hmac_sha256(key, {wire_version, dcid, scid});
  GateToken token{kGateTag};
  std::copy_n(mac.begin(), 16, token.begin() + 1);
  return token;
}

bool gate_token_ok(const crypto::Key32& key, ByteView token, std::uint32_t version, ByteView dcid,
                   ByteView scid) {
  const auto expected = make_gate_token(key, version, dcid, scid);
  return crypto::equal_constant_time(token, expected);
}

void RetryKeys::rotate(Instant now) {
  if (started_ && now - rotated_ < kRotation) return;
  // After a silence of two rotations the older key is too old as well.
  const bool stale = !started_ || now - rotated_ >= 2 * kRotation;
  keys_[1] = stale ? rng_.bytes<32>() : keys_[0];
  keys_[0] = rng_.bytes<32>();
  rotated_ = now;
  started_ = true;
  ++number_;
}

ByteArray<16> RetryKeys::mac(const crypto::Key32& key, ByteView head, const NetworkId& network,
                             const Endpoint& from, const Cid& dcid) const {
  const ByteArray<2> port{static_cast<std::uint8_t>(from.port >> 8),
                          static_cast<std::uint8_t>(from.port)};
  return first<16>(crypto::hmac_sha256(key, {head, network.bytes, from.address, port, dcid}));
}

RetryToken RetryKeys::issue(Instant now, const NetworkId& network, const Endpoint& from,
                            const Cid& original_dcid, const Cid& new_dcid) {
  rotate(now);
  RetryToken token{kRetryTag, number_};
  const std::uint64_t issued = milliseconds(now);
  for (unsigned i = 0; i < 8; ++i) token[2 + i] = static_cast<std::uint8_t>(issued >> (56 - 8 * i));
  std::ranges::copy(original_dcid, token.begin() + 10);
  const auto seal = mac(keys_[0], ByteView(token).first(kRetryHead), network, from, new_dcid);
  std::ranges::copy(seal, token.begin() + kRetryHead);
  return token;
}

std::optional<Cid> RetryKeys::redeem(Instant now, const NetworkId& network, const Endpoint& from,
                                     ByteView token, const Cid& dcid) {
  rotate(now);
  if (token.size() != kRetryTokenSize || token[0] != kRetryTag) return std::nullopt;
  const auto age = static_cast<std::uint8_t>(number_ - token[1]);
  if (age > 1) return std::nullopt;
  const auto expected = mac(keys_[age], token.first(kRetryHead), network, from, dcid);
  if (!crypto::equal_constant_time(expected, token.subspan(kRetryHead))) return std::nullopt;
  const auto issued = read_be<std::uint64_t>(token.subspan(2));
  const auto life = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(kTokenLife).count());
  if (milliseconds(now) - issued > life) return std::nullopt;
  if (!spent_.insert(read_be<std::uint64_t>(token.subspan(kRetryHead))).second) return std::nullopt;
  spent_order_.push_back(read_be<std::uint64_t>(token.subspan(kRetryHead)));
  if (spent_order_.size() > kMaxSpent) {
    spent_.erase(spent_order_.front());
    spent_order_.pop_front();
  }
  return first<kCidSize>(token.subspan(10));
}

}  // namespace weft::session
