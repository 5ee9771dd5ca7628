// Commands of the overlay that are under way, each with what is to be done when it is.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "node/driver.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

class Commands {
 public:
  using Finish = std::function<void(const Result<overlay::Outcome>&)>;

  Commands(overlay::Overlay& overlay, Driver& driver) : overlay_(overlay), driver_(driver) {}

  // Has the driver carry out what the overlay just began, and calls `finish` once it is done, with
  // the network meant that is meant now.
  void track(overlay::CommandId id, Finish finish) {
    commands_.emplace(id, Waiting{overlay_.network(), std::move(finish)});
    driver_.wake();
  }
  void on_done(const overlay::CommandDone& done) {
    auto node = commands_.extract(done.id);
    refusal_ = done.refusal;
    if (node.empty()) return;
    auto& [network, finish] = node.mapped();
    // A join may have put another network in its place.
    if (network && overlay_.find(*network) == nullptr) network.reset();
    const overlay::Overlay::Meaning meaning(overlay_, network);
    finish(done.result);
  }
  [[nodiscard]] overlay::Refusal refusal() const { return refusal_; }  // of the one being finished

 private:
  struct Waiting {
    std::optional<NetworkId> network;
    Finish finish;
  };

  overlay::Overlay& overlay_;
  Driver& driver_;
  std::map<overlay::CommandId, Waiting> commands_;
  overlay::Refusal refusal_ = overlay::Refusal::None;
};

}  // namespace weft::node
