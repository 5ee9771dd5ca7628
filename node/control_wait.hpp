// Waits for a condition: looked at again whenever the overlay moved, given up at their deadline or
// when the client is gone.
#pragma once

#include <vector>

#include "node/api/modules/wait.hpp"
#include "node/io/event_loop.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

class WaitControl final : public api::Waiting {
 public:
  WaitControl(io::EventLoop& loop, overlay::Overlay& overlay)
      : overlay_(overlay), timer_(loop, [this] { check(); }) {}

  void wait(api::WaitRequest request, api::Done<api::WaitResult> done) override;
  void check();

 private:
  struct Wait {
    api::WaitRequest request;
    api::Done<api::WaitResult> done;
    Instant since;
    Instant deadline;
  };
  [[nodiscard]] bool holds(const api::WaitRequest& request) const;

  overlay::Overlay& overlay_;
  std::vector<Wait> waits_;
  io::Timer timer_;
};

}  // namespace weft::node
