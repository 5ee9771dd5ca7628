// The handshake of SOCKS5 on anything: no crash, a prefix never says more than the whole, and a
// request that is taken reads back as itself.
#include "base/assert.hpp"
#include "overlay/service/socks5.hpp"

namespace {

using namespace weft::service::socks5;

template <class Parse>
void check(weft::ByteView input, std::size_t most, Parse parse) {
  const auto parsed = parse(input);
  if (!parsed || !*parsed) return;
  const auto consumed = (*parsed)->consumed;
  WEFT_ASSERT(consumed >= 2 && consumed <= input.size() && consumed <= most);
  const auto before = parse(input.first(consumed - 1));
  WEFT_ASSERT(before.has_value() && !before->has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::ByteView input(data, size);
  check(input, kMaxGreeting, parse_greeting);
  check(input, kMaxRequest, parse_request);
  check(input, 2 + kMaxRequest, parse_answers);
  const auto parsed = parse_request(input);
  if (!parsed || !*parsed || (*parsed)->message.command != Command::Connect) return 0;
  const auto& request = (*parsed)->message;
  WEFT_ASSERT(!request.is_name || is_host_name(request.host));
  const auto said = encode_connect(request.host, request.port);
  const auto again = parse_request(weft::ByteView(said).subspan(3));
  WEFT_ASSERT(again.has_value() && again->has_value() && (*again)->message == request);
  return 0;
}
