// What the session layer counts. Why a datagram or a handshake was dropped: each negative test
// moves exactly one of these by one.
#pragma once

#include <cstdint>
#include <tuple>

#include "base/fields.hpp"

namespace weft::session {

// Of packets under the keys of a session.
struct OpeningCounters {
  std::uint64_t packets_unopened = 0;
  std::uint64_t packets_replayed = 0;

  static constexpr auto fields() {
    using C = OpeningCounters;
    return std::tuple{field("packets_unopened", "packets",
                            "forged, damaged, or under a key that is gone", &C::packets_unopened),
                      field("packets_replayed", "packets", "copies of one that was opened before",
                            &C::packets_replayed)};
  }
};
static_assert(lists_all_fields<OpeningCounters>());

struct SessionCounters {
  std::uint64_t gate_wrong = 0;
  std::uint64_t initial_too_short = 0;
  std::uint64_t initial_replayed = 0;
  std::uint64_t joiner_limit = 0;
  std::uint64_t no_such_connection = 0;
  std::uint64_t malformed = 0;
  std::uint64_t retry_sent = 0;
  std::uint64_t retry_token_bad = 0;
  std::uint64_t half_open_limit = 0;
  std::uint64_t noise_auth = 0;
  std::uint64_t suite = 0;
  std::uint64_t bad_key = 0;
  std::uint64_t bad_kem_key = 0;
  std::uint64_t cert_malformed = 0;
  std::uint64_t cert_signature = 0;
  std::uint64_t cert_network = 0;
  std::uint64_t cert_expired = 0;
  std::uint64_t cert_static_mismatch = 0;
  std::uint64_t cert_epoch = 0;
  std::uint64_t cert_removed = 0;
  std::uint64_t cert_unknown = 0;
  std::uint64_t cert_identity = 0;
  std::uint64_t crypto_buffer = 0;
  std::uint64_t protocol_violation = 0;
  std::uint64_t quic_memory = 0;
  std::uint64_t handshake_timeout = 0;
  std::uint64_t handshakes_ok = 0;
  std::uint64_t packets_dropped = 0;
  OpeningCounters opening;

  static constexpr auto fields() {
    using C = SessionCounters;
    return std::tuple{
        field("gate_wrong", "datagrams", "without the token that only members can make",
              &C::gate_wrong),
        field("initial_too_short", "datagrams", "first packets under the least length of QUIC",
              &C::initial_too_short),
        field("initial_replayed", "datagrams", "first packets whose retry token was spent before",
              &C::initial_replayed),
        field("joiner_limit", "handshakes", "of nodes that want to join, over the limit",
              &C::joiner_limit),
        field("no_such_connection", "datagrams", "for a connection that is not there",
              &C::no_such_connection),
        field("malformed", "datagrams", "that are no packets, or handshakes that do not parse",
              &C::malformed),
        field("retry_sent", "datagrams", "answers that ask to prove an address", &C::retry_sent),
        field("retry_token_bad", "datagrams",
              "with a retry token that is forged, expired or of another address",
              &C::retry_token_bad),
        field("half_open_limit", "handshakes", "refused because too many were under way",
              &C::half_open_limit),
        field("noise_auth", "handshakes", "that fail to authenticate", &C::noise_auth),
        field("suite", "handshakes", "of a cipher suite that is not known", &C::suite),
        field("bad_key", "handshakes", "with an X25519 key of low order", &C::bad_key),
        field("bad_kem_key", "handshakes", "with an ML-KEM key that is not valid", &C::bad_kem_key),
        field("cert_malformed", "handshakes", "with a certificate that does not parse",
              &C::cert_malformed),
        field("cert_signature", "handshakes", "with a certificate whose signature is wrong",
              &C::cert_signature),
        field("cert_network", "handshakes", "with a certificate of another network",
              &C::cert_network),
        field("cert_expired", "handshakes", "with a certificate that has expired",
              &C::cert_expired),
        field("cert_static_mismatch", "handshakes", "with a certificate for another static key",
              &C::cert_static_mismatch),
        field("cert_epoch", "handshakes", "with a certificate older than one seen", &C::cert_epoch),
        field("cert_removed", "handshakes", "of nodes that were removed", &C::cert_removed),
        field("cert_unknown", "handshakes", "of nodes that are no members", &C::cert_unknown),
        field("cert_identity", "handshakes", "with another node than the one that was dialled",
              &C::cert_identity),
        field("crypto_buffer", "handshakes", "that sent more CRYPTO data out of order than is kept",
              &C::crypto_buffer),
        field("protocol_violation", "sessions", "closed because the peer broke the protocol",
              &C::protocol_violation),
        field("quic_memory", "sessions", "closed at their quota of memory", &C::quic_memory),
        field("handshake_timeout", "handshakes", "that were not finished in time",
              &C::handshake_timeout),
        field("handshakes_ok", "handshakes", "that led to a session", &C::handshakes_ok),
        field("packets_dropped", "packets", "dropped by the QUIC library or for want of room",
              &C::packets_dropped),
        group(&C::opening)};
  }
};
static_assert(lists_all_fields<SessionCounters>());

}  // namespace weft::session
