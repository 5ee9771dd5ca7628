// A whole core under fire: each input is a sequence of u8 length, u8 kind and that many bytes, sent
// as opened bodies of requests or replies from one peer while a lookup is running.
#include "base/assert.hpp"
#include "base/seeded_rng.hpp"
#include "dht/dht.hpp"
#include "dht/message.hpp"
#include "overlay/post/lone_dht.hpp"
#include "overlay/post/null_sealer.hpp"

using namespace weft;
using namespace weft::dht;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SeededRng rng(1);
  Config config;
  ContactBook book(ContactBook::Use::Shared, 4096);
  const auto contact = [&](std::uint8_t n) {
    Contact c;
    c.identity.fill(n);
    c.id = node_id_of(c.identity);
    c.endpoint = Endpoint::v4(0x50000000U + n * 256U, 9);
    return c;
  };
  const Contact self = contact(1);
  const Contact peer = contact(2);
  post::NullSealer ours(book, book.intern(self));
  post::NullSealer theirs(book, book.intern(peer));
  Instant now{1s};
  Dht core(now, {config, book, ours, rng, NetworkId{}, self, WallClock{}, true});
  post::LoneDht port(ours, core);
  core.bootstrap(now, std::span(&peer, 1));
  core.get(now, peer.id, {.kind = RecordKind::Node});
  ByteArray<2048> buffer;
  std::optional<Nonce> asked;
  const auto drain = [&] {
    while (const auto out = port.poll_transmit(now, buffer)) {
      const auto opened = theirs.open(now, ByteView(buffer).first(out->size));
      if (opened && !opened->answers) asked = opened->nonce;
    }
    while (core.poll_event()) {
    }
  };
  drain();
  ByteView rest{data, size};
  while (rest.size() >= 2) {
    const std::size_t length = std::min<std::size_t>(rest[0] * 5U, rest.size() - 2);
    const bool reply = (rest[1] & 1) != 0;
    ToSeal message{rest.subspan(2, length), rng.bytes<24>(), std::nullopt, false, 0};
    if (reply && asked) message.answers = asked;
    const std::size_t sealed = theirs.seal(self, message, buffer);
    rest = rest.subspan(2 + length);
    const Bytes datagram(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(sealed));
    Datagram in;
    in.from = peer.endpoint;
    in.payload = datagram;
    port.handle_datagram(now, in);
    now += 100ms;
    core.handle_timeout(now);
    drain();
  }
  core.check_invariants();
  return 0;
}
