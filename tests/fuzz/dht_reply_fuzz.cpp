// A reply body: as for requests.
#include "base/assert.hpp"
#include "dht/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto reply = weft::dht::Reply::decode({data, size});
  if (!reply) return 0;
  const auto bytes = reply->encode();
  const auto again = weft::dht::Reply::decode(bytes);
  WEFT_ASSERT(again && again->type == reply->type && again->cookie == reply->cookie);
  WEFT_ASSERT(again->records.size() == reply->records.size());
  WEFT_ASSERT(weft::dht::contact_count(again->contacts) ==
              weft::dht::contact_count(reply->contacts));
  return 0;
}
