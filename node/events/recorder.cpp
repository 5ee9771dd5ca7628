#include "node/events/recorder.hpp"

#include <utility>

namespace weft::events {

void Recorder::record(Body body, std::string network, std::optional<Level> level) {
  const Moment moment = clock_();
  limit_texts(body);
  NodeEvent event{
      run_,           0, moment.time, level.value_or(kind_of(body).level), std::move(network),
      std::move(body)};
  const std::string line = log_line(event.body);
  line_(event.level, line);
  if (limiter_.admit(moment.now, line)) {
    event.seq = next_;
    keep(event);
  }
  tell(event);
}

// The log tells of its own lines that it held back.
void Recorder::sweep() {
  const Moment moment = clock_();
  for (auto& held : limiter_.due(moment.now)) {
    NodeEvent event{run_, next_, moment.time, Level::Warning, {}, Body{}};
    event.body = Repeated{std::move(held.of), std::move(held.about), held.count};
    limit_texts(event.body);
    keep(event);
    tell(event);
  }
}

// By number, because what they do may change who is there.
void Recorder::tell(const NodeEvent& event) {
  for (auto at = subscribers_.begin(); at != subscribers_.end();) {
    const auto id = at->first;
    const auto hear = at->second;
    (*hear)(event);
    at = subscribers_.upper_bound(id);
  }
}

void Recorder::keep(NodeEvent event) {
  ++next_;
  memory_ += memory_of(event);
  kept_.push_back(std::move(event));
  while (kept_.size() > kMaxEvents || (memory_ > kMaxMemory && kept_.size() > 1)) {
    memory_ -= memory_of(kept_.front());
    kept_.pop_front();
  }
}

const NodeEvent* Recorder::after(std::uint64_t seq) const {
  if (seq >= newest() || kept_.empty()) return nullptr;
  return seq < oldest() ? &kept_.front() : &kept_[seq + 1 - oldest()];
}

std::unique_ptr<Recorder::Subscription> Recorder::subscribe(Hear hear) {
  const auto id = next_subscriber_++;
  subscribers_.emplace(id, std::make_shared<const Hear>(std::move(hear)));
  return std::unique_ptr<Subscription>(new Subscription(*this, id));
}

}  // namespace weft::events
