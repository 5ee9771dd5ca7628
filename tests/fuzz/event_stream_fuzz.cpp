// What a reader of events takes from others: the stream of server-sent events, which comes out the
// same however it is cut, and the position that a client says it is at.
#include <string>
#include <vector>

#include "base/assert.hpp"
#include "node/events/event.hpp"
#include "tools/weft/event_stream.hpp"

namespace {

std::vector<std::string> events_of(std::string_view bytes, std::size_t step) {
  std::vector<std::string> out;
  weft::cli::EventStream stream;
  const auto take = [&](const weft::cli::StreamEvent& event) {
    out.push_back(event.kind + "\n" + event.id + "\n" + event.data);
    return true;
  };
  for (std::size_t at = 0; at < bytes.size(); at += step)
    if (stream.feed(bytes.substr(at, step), take) != weft::cli::EventStream::Fed::More) break;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  WEFT_ASSERT(events_of(bytes, size + 1) == events_of(bytes, 7));
  if (const auto position = weft::events::position_from_text(bytes)) {
    const auto again = (position->run ? std::to_string(*position->run) + "-" : std::string()) +
                       std::to_string(position->seq);
    const auto same = weft::events::position_from_text(again);
    WEFT_ASSERT(same && same->seq == position->seq && same->run == position->run);
  }
  return 0;
}
