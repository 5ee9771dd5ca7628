// Commands of the overlay that are under way, each with what is to be done when it is.
#pragma once

#include <functional>
#include <map>

#include "node/driver.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

class Commands {
 public:
  using Finish = std::function<void(const Result<overlay::Outcome>&)>;

  explicit Commands(Driver& driver) : driver_(driver) {}

  // Has the driver carry out what the overlay just began, and calls `finish` once it is done.
  void track(overlay::CommandId id, Finish finish) {
    commands_.emplace(id, std::move(finish));
    driver_.wake();
  }
  void on_done(const overlay::CommandDone& done) {
    auto node = commands_.extract(done.id);
    refusal_ = done.refusal;
    if (!node.empty()) node.mapped()(done.result);
  }
  [[nodiscard]] overlay::Refusal refusal() const { return refusal_; }  // of the one being finished

 private:
  Driver& driver_;
  std::map<overlay::CommandId, Finish> commands_;
  overlay::Refusal refusal_ = overlay::Refusal::None;
};

}  // namespace weft::node
