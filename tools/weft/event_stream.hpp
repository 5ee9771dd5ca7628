// The reading side of server-sent events (WHATWG HTML 9.2.6): bytes in, whole events out.
// Limit: a line or an event of more than kMaxEvent bytes is no event of ours; feed() says so.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace weft::cli {

struct StreamEvent {
  std::string id, kind, data;
};

class EventStream {
 public:
  static constexpr std::size_t kMaxEvent = std::size_t{1} << 20;
  // False: no more is wanted.
  using Take = std::function<bool(const StreamEvent&)>;
  enum class Fed { More, Enough, TooLong };

  [[nodiscard]] Fed feed(std::string_view bytes, const Take& take);

 private:
  bool line(std::string_view text, const Take& take);

  std::string pending_;  // of a line that has not ended
  StreamEvent event_;
  bool any_ = false;  // a field of the event was seen
};

}  // namespace weft::cli
