// A sealed datagram from anyone, past the gate: the first input byte chooses whether the gate is
// mended and, for a member's forgery, whether the box is sealed around the input, so that the
// parser of the plaintext is reached too.
#include "base/assert.hpp"
#include "base/sealed.hpp"

namespace {

using namespace weft;

constexpr UnixTime kNow = 1'800'000'000;

struct Fixture {
  Fixture() {
    key = *sealed::real_crypto().shared_key(crypto::Key32{1}, bob.public_key, direction.network);
  }
  crypto::X25519KeyPair alice = crypto::X25519KeyPair::from_secret(crypto::Key32{1});
  crypto::X25519KeyPair bob = crypto::X25519KeyPair::from_secret(crypto::Key32{2});
  sealed::Direction direction{NetworkId{ByteArray<32>{2}}, NodeId{ByteArray<32>{3}},
                              NodeId{ByteArray<32>{4}}};
  sealed::GateKey gate{5};
  sealed::SharedKey key{};
};

// Header and plaintext straight from the input, correctly sealed.
Bytes seal_raw(const Fixture& f, std::uint8_t flags, ByteView plaintext) {
  Bytes out{sealed::kFirstByte, sealed::kVersion, flags};
  out.resize(sealed::kGateOffset + sealed::kGateSize);
  const bool hello = (flags & 1) != 0;
  if (hello)
    append(out, f.alice.public_key);
  else
    append(out, sealed::key_id_of(f.alice.public_key));
  const sealed::Nonce nonce{9};
  append(out, nonce);
  Bytes ad = to_bytes(ByteView(out).first(sealed::kGateOffset));
  append(ad, ByteView(out).subspan(sealed::kGateOffset + sealed::kGateSize));
  append(ad, f.direction.network.bytes);
  append(ad, hello ? NodeId{}.bytes : f.direction.sender.bytes);
  append(ad, f.direction.receiver.bytes);
  const auto header = out.size();
  out.resize(header + plaintext.size() + sealed::kTagSize);
  sealed::real_crypto().seal(f.key, nonce, ad, plaintext, MutableByteView(out).subspan(header));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fixture fixture;
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  Bytes datagram = to_bytes(rest);
  if ((data[0] & 0x80) != 0)
    datagram = seal_raw(fixture, data[0] & 3, rest.first(std::min<std::size_t>(rest.size(), 1200)));
  const auto incoming = sealed::parse(datagram);
  if (!incoming) return 0;
  (void)sealed::gate_matches(sealed::real_crypto(), fixture.gate, *incoming);
  const auto opened =
      sealed::open(sealed::real_crypto(), fixture.key, fixture.direction, *incoming, kNow);
  if (opened) {
    WEFT_ASSERT(opened->body.size() < datagram.size());
    WEFT_ASSERT(opened->answers.has_value() == incoming->reply);
    WEFT_ASSERT(opened->certificate.has_value() == incoming->hello());
  }
  return 0;
}
