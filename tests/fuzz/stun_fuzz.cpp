// A STUN message of anybody: what is read writes and reads back the same, the responder answers or
// not, an attempt that is under way believes nothing; nothing crashes.
#include "base/assert.hpp"
#include "base/seeded_rng.hpp"
#include "nat/checks.hpp"
#include "nat/responder.hpp"
#include "nat/stun.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  const ByteView input(data, size);
  const auto message = nat::decode_stun(input);
  if (!message) return 0;
  const ByteArray<16> key{1, 2, 3};
  WEFT_ASSERT(!nat::authentic(input, *message, key));
  nat::StunMessage kept = *message;
  if (kept.kind != nat::StunClass::Error) kept.unknown.clear();
  kept.error = kept.kind == nat::StunClass::Error ? kept.error : std::uint16_t{0};
  const Bytes written = nat::encode_stun(kept, key);
  const auto back = nat::decode_stun(written);
  WEFT_ASSERT(back && nat::authentic(written, *back, key));
  WEFT_ASSERT(back->id == kept.id && back->username == kept.username &&
              back->mapped == kept.mapped && back->priority == kept.priority &&
              back->fingerprint == kept.fingerprint && back->method == kept.method);
  const Endpoint from = Endpoint::v4(0xc0000207, 7);
  nat::Responder responder;
  if (const auto answer = responder.answer(Instant{1h}, from, *message, true))
    WEFT_ASSERT(nat::decode_stun(answer->bytes) && answer->bytes.size() <= 2 * size + 4);
  SeededRng rng(1);
  nat::Checks checks(nat::CheckKey::generate(rng), rng, false);
  checks.set_peer(Instant{1h}, nat::CheckKey::generate(rng), {from});
  Datagram in;
  in.from = from;
  in.payload = input;
  checks.handle(Instant{1h}, in, *message);
  WEFT_ASSERT(checks.counters().proven == 0 && checks.counters().answered == 0);
  return 0;
}
