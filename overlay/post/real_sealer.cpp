#include "overlay/post/real_sealer.hpp"

#include <algorithm>

namespace weft::post {

namespace {

// Known to nobody else, and no other network's.
ByteArray<16> seen_key(const SealerSetup& setup) {
  const auto hash =
      crypto::sha256({bytes_of("weft seen v1"), setup.credential.key.secret, setup.network.view()});
  ByteArray<16> key;
  std::copy_n(hash.begin(), key.size(), key.begin());
  return key;
}

}  // namespace

RealSealer::RealSealer(const SealerSetup& setup)
    : setup_(setup),
      self_(node_id_of(setup.identity)),
      gate_(sealed::gate_key(setup.network_secret, setup.identity)),
      certificate_(setup.credential.certificate.encode()),
      seen_(seen_key(setup)) {}

std::size_t RealSealer::overhead(bool reply, bool hello) const {
  return sealed::overhead(reply, hello ? certificate_.size() : 0);
}

bool RealSealer::proven(const Contact& contact) const {
  const sealed::PeerKey* peer = peers_.find(sealed::key_id_of(contact.static_key));
  return peer != nullptr && peer->node == contact.id && peer->not_after != 0;
}

std::size_t RealSealer::seal(const Contact& to, const ToSeal& message, MutableByteView out) {
  const sealed::KeyId id = sealed::key_id_of(to.static_key);
  const sealed::PeerKey* peer = peers_.find(id);
  sealed::SharedKey key{};
  if (peer != nullptr) {
    key = peer->key;
  } else {
    const auto shared =
        setup_.crypto.shared_key(setup_.credential.key.secret, to.static_key, setup_.network);
    if (!shared) return 0;
    key = *shared;
    peers_.insert(id, {to.id, to.static_key, key, {}, 0});
  }
  sealed::Outgoing outgoing;
  outgoing.body = message.body;
  outgoing.nonce = message.nonce;
  outgoing.answers = message.answers;
  outgoing.sender_static = setup_.credential.key.public_key;
  if (message.hello) outgoing.hello_certificate = certificate_;
  outgoing.pad_to = message.pad_to;
  const auto datagram =
      sealed::seal(setup_.crypto, key, sealed::gate_key(setup_.network_secret, to.identity),
                   {setup_.network, self_, to.id}, outgoing);
  if (!datagram || datagram->size() > out.size()) return 0;
  std::ranges::copy(*datagram, out.begin());
  return datagram->size();
}

std::optional<Unsealed> RealSealer::open(Instant now, ByteView datagram) {
  const auto incoming = sealed::parse(datagram);
  if (!incoming) {
    ++counters_.malformed;
    return std::nullopt;
  }
  if (!sealed::gate_matches(setup_.crypto, gate_, *incoming)) {
    ++counters_.bad_gate;
    return std::nullopt;
  }
  if (!incoming->reply && seen_.contains(now, incoming->nonce)) {
    ++counters_.replayed;
    return std::nullopt;
  }
  const UnixTime unix_now = setup_.wall.at(now);
  // Whom we greeted answers by HELLO: the key is the one we sealed with.
  const sealed::KeyId sender_id = incoming->sender_id();
  const sealed::PeerKey* peer = peers_.find(sender_id);
  if (peer != nullptr && peer->not_after != 0 && peer->not_after < unix_now) {
    peers_.forget(sender_id);
    peer = nullptr;
  }
  const auto key = key_for(now, *incoming, peer);
  if (!key) return std::nullopt;
  const bool was_proven = peer != nullptr && peer->not_after != 0;
  const NodeId sender = peer != nullptr ? peer->node : NodeId{};
  const sealed::CertificateHash verified =
      was_proven ? peer->certificate : sealed::CertificateHash{};
  auto opened = sealed::open(setup_.crypto, *key, {setup_.network, sender, self_}, *incoming,
                             unix_now, verified);
  if (!opened) {
    ++counters_.forged;
    return std::nullopt;
  }
  const std::uint64_t epoch = opened->certificate ? opened->certificate->epoch : ~std::uint64_t{0};
  if (!welcome(opened->sender, epoch, unix_now)) {
    ++counters_.not_member;
    return std::nullopt;
  }
  if (!incoming->reply) seen_.insert(now, incoming->nonce);
  ++counters_.opened;
  Unsealed result;
  result.sender = opened->sender;
  result.hello = incoming->hello();
  result.proven = was_proven || opened->certificate.has_value();
  result.nonce = incoming->nonce;
  result.answers = opened->answers;
  if (opened->certificate) {
    result.identity = opened->certificate->identity;
    result.static_key = opened->certificate->static_key;
    peers_.insert(sender_id, {result.sender, result.static_key, *key, opened->certificate_hash,
                              opened->certificate->not_after});
  } else if (was_proven) {
    result.static_key = peer->static_key;
  }
  body_ = std::move(opened->body);
  result.body = body_;
  return result;
}

// What opens it, or nothing, counted.
std::optional<sealed::SharedKey> RealSealer::key_for(Instant now, const sealed::Incoming& incoming,
                                                     const sealed::PeerKey* peer) {
  // Hearsay told us the key id of a reply's sender, but no certificate: it opens, unproven.
  const bool usable =
      incoming.hello() || (peer != nullptr && (peer->not_after != 0 || incoming.reply));
  if (!usable) {
    ++counters_.unknown_key;
    return std::nullopt;
  }
  if (peer != nullptr) return peer->key;
  if (!admit_stranger(now)) {
    ++counters_.strangers_dropped;
    return std::nullopt;
  }
  const auto key = setup_.crypto.shared_key(setup_.credential.key.secret, *incoming.hello_static,
                                            setup_.network);
  if (!key) ++counters_.forged;  // a low-order point: everybody knows what comes of it
  return key;
}

// A token bucket by the time at which it will be full again (GCRA).
bool RealSealer::admit_stranger(Instant now) {
  constexpr Duration kEach = Duration(1s) / kStrangersPerSecond;
  const Instant full = std::max(strangers_paid_, now) + kEach;
  if (full - now > kEach * kStrangersAtOnce) return false;
  strangers_paid_ = full;
  return true;
}

std::uint64_t RealSealer::mac(const ByteArray<16>& key, ByteView message) const {
  return read_be<std::uint64_t>(crypto::siphash24(key, message));
}

void RealSealer::set_credential(const StaticCredential& credential) {
  setup_.credential = credential;
  certificate_ = credential.certificate.encode();
  peers_.clear();  // every shared key was with the old one
}

bool RealSealer::may_author(const NodeId& node, UnixTime now) const {
  return welcome(node, ~std::uint64_t{0}, now);
}

bool RealSealer::welcome(const NodeId& node, std::uint64_t epoch, UnixTime now) const {
  if (setup_.trust == nullptr) return true;
  if (epoch < setup_.trust->epoch_floor(setup_.network, node)) return false;
  switch (setup_.trust->verdict(setup_.network, node, now)) {
    case Verdict::Member:
      return true;
    case Verdict::Unknown:
      return setup_.open_network;
    case Verdict::Removed:
      return false;
  }
  return false;
}

}  // namespace weft::post
