// The post office under a member's fire. The first byte says what the rest is: the bytes of a
// datagram, or the body of one that a member sealed, or what that member has forwarded in another's
// name. Nothing crashes, nobody speaks for another, and queues stay bounded.
#include "base/assert.hpp"
#include "base/seeded_rng.hpp"
#include "overlay/post/post_office.hpp"

namespace {

using namespace weft;
using namespace weft::post;

constexpr UnixTime kNow = 1'800'000'000;

struct Node final : Members {
  Node(Rng& rng, std::uint8_t n) : identity(Identity::generate(rng)) {
    credential.key = crypto::X25519KeyPair::generate(rng);
    credential.certificate = Certificate::issue(identity, {}, credential.key.public_key, 1, kNow);
    contact = {identity.id, identity.public_key(), credential.key.public_key,
               Endpoint::v4(0x0a000000U + n, 1)};
    sealer.emplace(
        SealerSetup{{}, {}, identity.public_key(), credential, WallClock{Instant{}, kNow}});
    office.emplace(*sealer, *this, rng, identity.id);
  }
  std::optional<Contact> contact_of(const NodeId& node) const override {
    if (node == peer.id) return peer;
    return std::nullopt;
  }
  std::optional<Way> session_with(const NodeId& node) const override {
    if (node == peer.id) return Way{PathId::Udp, peer.endpoint};
    return std::nullopt;
  }
  std::optional<Direct> address_of(Instant, const NodeId&) const override { return std::nullopt; }
  std::vector<NodeId> forwarders_to(const NodeId&) const override { return {peer.id}; }

  Identity identity;
  StaticCredential credential;
  Contact contact;
  Contact peer;
  std::optional<RealSealer> sealer;
  std::optional<PostOffice> office;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = [] {
    crypto::initialise();
    return true;
  }();
  if (!ready || size == 0 || size > 1000) return 0;
  SeededRng rng(1);
  Node us(rng, 1);
  Node member(rng, 2);
  us.peer = member.contact;
  member.peer = us.contact;
  const ByteView rest(data + 1, size - 1);
  Bytes datagram(sealed::kMaxDatagram);
  const auto seal = [&](ByteView body) {
    datagram.resize(
        member.sealer->seal(us.contact, {body, rng.bytes<24>(), {}, true, 0}, datagram));
  };
  if (data[0] % 3 == 0) {
    datagram = to_bytes(rest);
  } else if (data[0] % 3 == 1) {
    seal(rest);
  } else {
    Forward order;
    order.type = Forward::Type::Forwarded;
    order.node = us.contact.id;
    order.inner = rest;
    seal(order.encode());
  }
  Datagram in;
  in.from = member.contact.endpoint;
  in.payload = datagram;
  const auto got = us.office->handle_datagram(Instant{1h}, in);
  if (got) WEFT_ASSERT(got->message.sender == member.contact.id && got->content().size() <= size);
  ByteArray<sealed::kMaxDatagram> out;
  int sent = 0;
  while (us.office->poll_transmit(out)) ++sent;
  WEFT_ASSERT(sent <= 1);
  return 0;
}
