// What a program says at the NATS door, on anything: no crash, nothing held beyond a line and a
// payload, the same commands whether it comes at once or byte by byte.
#include "base/assert.hpp"
#include "node/nats/client.hpp"

namespace {

using namespace weft;
using namespace weft::nats;

class Nobody final : public Bus {
 public:
  class Nothing final : public Subscription {
   public:
    [[nodiscard]] std::optional<broker::Delivered> next() override { return std::nullopt; }
  };
  [[nodiscard]] bool may(const std::string&, broker::Right) const override { return true; }
  bool publish(broker::Message message) override {
    WEFT_ASSERT(message.payload.size() + message.headers.size() <= kMaxPayload);
    ++published;
    return true;
  }
  [[nodiscard]] Result<std::unique_ptr<Subscription>> subscribe(const broker::Wanted&,
                                                                std::function<void()>) override {
    return std::make_unique<Nothing>();
  }
  int published = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  Nobody at_once;
  Client whole(at_once, {}, 1, [] {});
  whole.receive(input);
  Nobody by_byte;
  Client pieces(by_byte, {}, 1, [] {});
  for (std::size_t i = 0; i < size; ++i) pieces.receive(input.subspan(i, 1));
  WEFT_ASSERT(at_once.published == by_byte.published);
  WEFT_ASSERT(whole.output() == pieces.output());
  WEFT_ASSERT(whole.ended() == pieces.ended());
  return 0;
}
