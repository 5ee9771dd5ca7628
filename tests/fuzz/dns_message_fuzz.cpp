// A DNS query: what parses is answered, the answer is no query, and its question is the one asked.
#include <cstdlib>

#include <tuple>

#include "overlay/service/dns_message.hpp"
#include "overlay/service/dns_names.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  using namespace weft::service::dns;
  const auto query = parse(ByteView(data, size));
  if (!query) return 0;
  if (query->name.size() > 253 || query->question.size() > 259) std::abort();
  const Directory directory{"home", {"oak"}, {{"blog", "oak"}}};
  std::ignore = find(directory, query->name);
  const auto answer = encode(*query, {Code::Ok, 0x7f000001, true}, 5);
  if (answer.size() > kMaxMessage) std::abort();
  if (parse(answer)) std::abort();
  auto again = answer;
  again[2] &= 0x7f;  // as a query its records are read too, and the question is the same
  const auto back = parse(again);
  if (!back || back->name != query->name || back->type != query->type) std::abort();
  return 0;
}
