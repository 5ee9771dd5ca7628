#include "tools/weft/event_stream.hpp"

#include <utility>

namespace weft::cli {

EventStream::Fed EventStream::feed(std::string_view bytes, const Take& take) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    pending_ += bytes.substr(0, end);
    if (pending_.size() > kMaxEvent || event_.data.size() > kMaxEvent) return Fed::TooLong;
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    const auto text = std::exchange(pending_, {});
    if (!line(text.ends_with('\r') ? std::string_view(text).substr(0, text.size() - 1) : text,
              take))
      return Fed::Enough;
  }
  return Fed::More;
}

bool EventStream::line(std::string_view text, const Take& take) {
  if (text.empty()) {
    const auto event = std::exchange(event_, {});
    return !std::exchange(any_, false) || take(event);
  }
  const auto colon = text.find(':');
  if (colon == 0) return true;  // a comment
  const auto name = text.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    if (!event_.data.empty()) event_.data += '\n';
    event_.data += value;
  } else if (name == "event") {
    event_.kind = value;
  } else if (name == "id") {
    event_.id = value;
  } else {
    return true;
  }
  any_ = true;
  return true;
}

}  // namespace weft::cli
