#include "overlay/session/message_queue.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::session {

bool MessageQueue::push(Sender sender, ByteView message) {
  if (waiting_.size() >= limit_) {
    const auto own = counts_.find(sender);
    const std::size_t held = own == counts_.end() ? 0 : own->second;
    // Above its share it gives way itself, so that a flood does not have all of them compared.
    if (held * counts_.size() >= limit_) return false;
    const auto most =
        std::ranges::max_element(counts_, {}, [](const auto& entry) { return entry.second; });
    if (most == counts_.end() || most->second <= held + 1) return false;
    const auto last = std::find_if(waiting_.rbegin(), waiting_.rend(),
                                   [&](const Entry& entry) { return entry.sender == most->first; });
    WEFT_ASSERT(last != waiting_.rend());
    waiting_.erase(std::next(last).base());
    uncount(most->first);
    ++displaced_;
  }
  waiting_.push_back({sender, to_bytes(message)});
  ++counts_[sender];
  return true;
}

void MessageQueue::pop_front() {
  WEFT_ASSERT(!waiting_.empty());
  uncount(waiting_.front().sender);
  waiting_.pop_front();
}

void MessageQueue::uncount(Sender sender) {
  const auto at = counts_.find(sender);
  WEFT_ASSERT(at != counts_.end());
  if (--at->second == 0) counts_.erase(at);
}

}  // namespace weft::session
