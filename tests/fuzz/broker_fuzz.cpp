// What a neighbour says to a broker, on anything: no crash; a frame that is taken reads back as
// itself, and so does a batch; a core that hears all of it stays within its limits.
#include "base/assert.hpp"
#include "overlay/broker/core.hpp"

namespace {

using namespace weft;
using namespace weft::broker;

class Everybody final : public TrustView {
 public:
  [[nodiscard]] Verdict verdict(const NetworkId&, const NodeId&, UnixTime) const override {
    return Verdict::Member;
  }
  [[nodiscard]] std::uint64_t epoch_floor(const NetworkId&, const NodeId&) const override {
    return 0;
  }
  [[nodiscard]] std::optional<std::string> name_of(const NetworkId&, const NodeId&) const override {
    return std::nullopt;
  }
  [[nodiscard]] std::optional<NodeId> node_named(const NetworkId&,
                                                 const std::string&) const override {
    return std::nullopt;
  }
  [[nodiscard]] bool in_group(const NetworkId&, const NodeId&, const std::string&) const override {
    return false;
  }
};

void check_batch(ByteView input) {
  const auto batch = Batch::decode(input);
  if (!batch) return;
  WEFT_ASSERT(equal(batch->encode(), input));
  WEFT_ASSERT(batch->last() >= batch->first);
}

void check_frame(ByteView body) {
  const auto frame = decode_frame(body);
  if (!frame || std::holds_alternative<Skipped>(*frame)) return;
  const Bytes again = encode(*frame);
  const auto read = decode_frame(ByteView(again).subspan(2));
  WEFT_ASSERT(read && *read == *frame);
}

}  // namespace

// The input is a batch, a frame, and frames one after the other, each behind its length.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Identity identity = Identity::from_seed(ByteArray<32>{1});
  static const Everybody everybody;
  static const WallClock clock{Instant{}, 1'800'000'000};
  const ByteView input(data, size);
  check_batch(input);
  check_frame(input);
  Core core(identity, NetworkId{{1}}, everybody, clock);
  Instant now{};
  // So that what neighbours withhold is heard.
  core.set_members(
      {identity.id, NodeId{{2}}, NodeId{{3}}},
      {{"secret.>", identity.id, {}, {}, false}, {"app.*", NodeId{{2}}, {}, true, {}}});
  core.begin(now);
  core.link_up(now, 1, NodeId{{2}});
  core.link_up(now, 2, NodeId{{3}});
  const auto subscriber = core.subscribe(now, {{">"}});
  for (ByteView rest = input; rest.size() >= 2;) {
    const std::size_t length = read_be<std::uint16_t>(rest);
    if (rest.size() < 2 + length) break;
    if (!core.receive(now, 1, rest.subspan(2, length))) break;
    rest = rest.subspan(2 + length);
    now += 100ms;
    core.handle_timeout(now);
    while (core.next(*subscriber)) {
    }
    while (core.poll_output()) {
    }
  }
  WEFT_ASSERT(core.links().waiting_bytes() <= 4 * kMaxWaiting + 2 * kMaxFrame);
  return 0;
}
