// What the configuration wants exposed and opened. A wish is met, or it waits with its trouble and
// is tried again: a port that was taken, a node that joins later; at once when an event was
// recorded that may have made it possible. Until then `weft status` names it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/control_doors.hpp"
#include "node/control_services.hpp"
#include "node/events/recorder.hpp"
#include "node/io/event_loop.hpp"

namespace weft::node {

class Wishes {
 public:
  Wishes(io::EventLoop& loop, overlay::Overlay& overlay, ServicesControl& services,
         DoorsControl& doors, events::Recorder& recorder);

  // Of a service that it names the configuration has the last word on the target; its `allow` is
  // added to the rules there are, and what was denied stays so.
  void apply_expose(const std::string& name, const std::string& target, const std::string& protocol,
                    const std::vector<std::string>& allow, bool direct_only);
  void apply_open(const std::string& service, const std::string& node,
                  const std::optional<Endpoint>& listen);
  void forget() { unmet_.clear(); }  // the configuration is read anew
  void retry();                      // all that wait
  void attention(std::vector<std::string>& out) const;

 private:
  // Something the configuration wants and does not have.
  struct Unmet {
    std::string trouble;
    std::function<void()> again;
    std::function<bool()> ripe;  // if there: tried again as soon as it says so
  };

  static std::string unmet_key(const std::string& what, const std::string& service) {
    return what + " " + service;
  }
  void met_or_not(const std::string& what, const std::string& service, const api::ApiError* error,
                  std::function<void()> again);

  void retry_ripe();  // those that may have become possible just now

  overlay::Overlay& overlay_;
  ServicesControl& services_;
  DoorsControl& doors_;
  events::Recorder& recorder_;
  std::map<std::string, Unmet> unmet_;
  Instant next_ripe_{};
  io::Timer ripe_timer_;
  std::unique_ptr<events::Recorder::Subscription> subscription_;
};

}  // namespace weft::node
