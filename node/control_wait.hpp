// Waits for a condition: looked at again when an event was recorded, given up at their deadline or
// when the client is gone.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "node/api/modules/wait.hpp"
#include "node/events/recorder.hpp"
#include "node/io/event_loop.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

class WaitControl final : public api::Waiting {
 public:
  WaitControl(io::EventLoop& loop, overlay::Overlay& overlay, events::Recorder& recorder);

  void wait(api::WaitRequest request, api::Done<api::WaitResult> done) override;

 private:
  void check();
  struct Wait {
    api::WaitRequest request;
    api::Done<api::WaitResult> done;
    Instant since;
    Instant deadline;
    std::optional<NetworkId> network;  // that is meant
  };
  [[nodiscard]] bool holds(const Wait& wait) const;

  overlay::Overlay& overlay_;
  std::vector<Wait> waits_;
  io::Timer timer_;
  io::Deferred look_;  // once a turn, however many events there were
  std::unique_ptr<events::Recorder::Subscription> subscription_;
};

}  // namespace weft::node
