// What stands inside handshake messages, and the messages themselves: the payload codec, the cutter
// of CRYPTO messages, and a responder given a hello of any bytes.
#include "base/assert.hpp"
#include "overlay/session/handshake.hpp"
#include "tests/harness/pair.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  using namespace weft::session;
  const ByteView input(data, size);
  if (const auto payload = HandshakePayload::decode(input)) {
    const auto again = HandshakePayload::decode(payload->encode());
    WEFT_ASSERT(again && again->transport == payload->transport);
    WEFT_ASSERT(again->certificate == payload->certificate && again->cipher == payload->cipher);
  }
  MessageReader reader;
  if (reader.feed(input)) {
    for (auto message = reader.next(); message && *message; message = reader.next())
      WEFT_ASSERT((*message)->body.size() <= kMaxMessageBody);
  }
  static harness::Pair pair(2);
  static const auto network = std::make_shared<const NetworkContext>(pair.b.network);
  Handshake responder(HandshakeContext{pair.b.identity, pair.trust, pair.b.rng, network});
  const auto served = responder.on_hello(input, harness::kEpoch);
  WEFT_ASSERT(!responder.peer() || served);
  return 0;
}
