// Sealed datagrams with real keys: the daemon's. Judges every sender by TrustView.
//
// Invariants
// 1. Requests are accepted only from members (or from anybody in an open network) whose certificate
//    was seen; key ids we know from hearsay alone do not count.
// 2. Nothing is computed for a datagram whose gate does not match.
// 3. Strangers, whose addresses may be forged, cost at most kStrangersAtOnce key agreements at once
//    and kStrangersPerSecond in the long run: a tenth of a core. Whom we know or greeted is not
//    held up.
// 4. A request is opened once: its nonce is remembered for at least 10 minutes, or until 32,768
//    more came. Each sending has a nonce of its own, so only a copy is dropped.
#pragma once

#include <tuple>

#include "base/fields.hpp"
#include "base/seen_cache.hpp"
#include "base/trust_view.hpp"
#include "overlay/post/sealer.hpp"

namespace weft::post {

struct SealerCounters {
  std::uint64_t opened = 0;
  std::uint32_t bad_gate = 0;
  std::uint32_t malformed = 0;
  std::uint32_t unknown_key = 0;  // key id we do not know, or only from hearsay
  std::uint32_t forged = 0;       // does not open
  std::uint32_t not_member = 0;
  std::uint32_t strangers_dropped = 0;  // HELLOs beyond invariant 3
  std::uint32_t replayed = 0;           // copies of requests

  static constexpr auto fields() {
    using C = SealerCounters;
    return std::tuple{
        field("opened", "datagrams", "opened", &C::opened),
        field("bad_gate", "datagrams", "without the token that only members can make",
              &C::bad_gate),
        field("malformed", "datagrams", "that are too short", &C::malformed),
        field("unknown_key", "datagrams", "under a key that is not known, or only from hearsay",
              &C::unknown_key),
        field("forged", "datagrams", "that do not open", &C::forged),
        field("not_member", "datagrams", "of nodes that are no members", &C::not_member),
        field("strangers_dropped", "greetings", "of unknown nodes over the limit",
              &C::strangers_dropped),
        field("replayed", "requests", "that are copies", &C::replayed)};
  }
};
static_assert(lists_all_fields<SealerCounters>());

struct SealerSetup {
  NetworkId network;
  ByteArray<32> network_secret{};
  IdentityKey identity{};
  StaticCredential credential;
  WallClock wall;
  const TrustView* trust = nullptr;  // null: nobody is asked (open network, tests)
  bool open_network = false;         // strangers may take part; removed nodes may not
  const sealed::Crypto& crypto = sealed::real_crypto();
};

class RealSealer final : public Sealer {
 public:
  static constexpr std::uint32_t kStrangersPerSecond = 1000;  // one node a millisecond may come
  static constexpr std::uint32_t kStrangersAtOnce = 1000;

  explicit RealSealer(const SealerSetup& setup);

  [[nodiscard]] std::size_t overhead(bool reply, bool hello) const override;
  [[nodiscard]] bool proven(const Contact& contact) const override;
  std::size_t seal(const Contact& to, const ToSeal& message, MutableByteView out) override;
  std::optional<Unsealed> open(Instant now, ByteView datagram) override;
  [[nodiscard]] bool may_author(const NodeId& node, UnixTime now) const override;
  [[nodiscard]] std::uint64_t mac(const ByteArray<16>& key, ByteView message) const override;

  // For choosing among networks: whether the key in front is one of this network's, and whether the
  // datagram is meant for it. The gate is the costlier question, and the one that decides.
  [[nodiscard]] bool knows(const sealed::Incoming& incoming) const {
    return peers_.find(incoming.sender_id()) != nullptr;
  }
  [[nodiscard]] bool gate_matches(const sealed::Incoming& incoming) const {
    return sealed::gate_matches(setup_.crypto, gate_, incoming);
  }
  // A new static key; peers learn it by our next HELLO.
  void set_credential(const StaticCredential& credential);
  void set_wall_clock(const WallClock& wall) { setup_.wall = wall; }
  [[nodiscard]] const SealerCounters& counters() const { return counters_; }

 private:
  std::optional<sealed::SharedKey> key_for(Instant now, const sealed::Incoming& incoming,
                                           const sealed::PeerKey* peer);
  bool admit_stranger(Instant now);
  [[nodiscard]] bool welcome(const NodeId& node, std::uint64_t epoch, UnixTime now) const;

  SealerSetup setup_;
  NodeId self_;
  sealed::GateKey gate_{};
  Bytes certificate_;
  mutable sealed::PeerKeys peers_;  // not_after 0: from hearsay, no certificate seen
  Bytes body_;
  Instant strangers_paid_{};
  SeenCache seen_;
  SealerCounters counters_;
};

}  // namespace weft::post
