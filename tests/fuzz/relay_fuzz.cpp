// A relay, with a member and a joiner that another one introduced, and one of its clients under fire. The first byte says what the rest is: a control
// message of a member, or frames at the relay or at the client: then the second byte says how long
// each datagram of the run is, and the third what its label is replaced by. Nothing crashes, nothing
// grows, and what is handed on has the size that came.
#include "base/assert.hpp"
#include "base/seeded_rng.hpp"
#include "overlay/relay/circuits.hpp"
#include "overlay/relay/server.hpp"

namespace {

using namespace weft;
using namespace weft::relay;

constexpr Instant kNow{1h};

Way way_of(std::uint32_t n) { return {PathId::Udp, Endpoint::v4(0x0a000000U + n, 7)}; }

NodeId node(std::uint8_t n) {
  NodeId id;
  id.bytes.fill(n);
  return id;
}

struct Bench {
  Bench() {
    server.set_on(kNow, true);
    for (std::uint8_t n = 1; n <= 3; ++n) server.enter(n, {{}, node(n), n == 3}, way_of(n));
    server.handle(kNow, 2, Reserve{});
    server.handle(kNow, 1, Connect{1, node(2)});
    server.handle(kNow, 2, Accept{1});
    Token token;
    token.fill(7);
    server.handle(kNow, 1, Introduce{token, 900});
    server.enter(4, {{}, node(4), true}, way_of(4));  // came with it; session 3 still may
    server.handle(kNow, 4, Connect{1, node(1), token});
    while (const auto say = server.poll_say())
      if (const auto* connected = std::get_if<Connected>(&say->message)) label = connected->label;
    WEFT_ASSERT(label != 0);
    circuits.set_way(9, way_of(9));
    (void)circuits.open({.session = 9, .id = 1, .label = label});
  }
  path::PathTable paths;
  SeededRng rng{1};
  Server server{rng, paths, 0};
  Circuits circuits{paths};
  Label label = 0;
};

void control(Bench& bench, ByteView body) {
  const auto message = decode(body);
  if (!message) return;
  for (Session from = 1; from <= 4; ++from) bench.server.handle(kNow, from, *message);
  if (!std::holds_alternative<Skipped>(*message)) {
    const Bytes frame = encode(*message);
    WEFT_ASSERT(decode(ByteView(frame).subspan(2)));
  }
  while (bench.server.poll_say()) {
  }
  bench.server.handle_timeout(kNow + 1h);
  bench.server.check_invariants();
}

void frames(Bench& bench, std::uint8_t segment, std::uint8_t mark, ByteView bytes, bool client) {
  Bytes run = to_bytes(bytes);
  for (std::size_t at = 0; segment != 0 && at + kHeader <= run.size(); at += segment)
    if (run[at] == mark) write_header(MutableByteView(run).subspan(at), bench.label);
  Datagram in;
  in.from = way_of(client ? 9 : 1).remote;
  in.payload = run;
  in.segment_size = segment;
  if (client) {
    bench.circuits.unwrap(kNow, in, [&](Instant, const Datagram& inner) {
      WEFT_ASSERT(!inner.payload.empty() && inner.payload.size() < run.size());
    });
    bench.circuits.check_invariants();
    return;
  }
  (void)bench.server.forwarder().handle_datagram(kNow, in);
  Bytes out(kTransmitBufferSize);
  std::size_t sent = 0;
  while (const auto transmit = bench.server.forwarder().poll_transmit(out)) {
    WEFT_ASSERT(transmit->to == way_of(2).remote && read_header(out));
    sent += transmit->size;
  }
  WEFT_ASSERT(sent <= run.size());
  bench.server.check_invariants();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4 || size > 4096) return 0;
  Bench bench;
  const ByteView all(data, size);
  if (data[0] % 3 == 0)
    control(bench, all.subspan(1));
  else
    frames(bench, data[1], data[2], all.subspan(3), data[0] % 3 == 1);
  return 0;
}
